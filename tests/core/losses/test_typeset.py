"""The formula of a person's own loss, read back by the rules that people read formulas by."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Mapping

import pytest
import torch

from core.losses.expression import Call, Name, Node, Number, parse
from core.losses.operations import COMPARISONS, FUNCTIONS, OPERATORS
from core.losses.typeset import to_latex
from tests.core.losses.as_written import evaluate
from tests.core.losses.test_custom_loss import grown, is_read

CLASSES = 3
#: Values that no two ways to read a formula agree at.
VALUES = {"z": (0.7, 1.9, 1.3), "p": (0.2, 0.5, 0.3), "y": (0.4, 1.1, 0.6)}

Value = Callable[[Mapping[str, int]], float]

TOKEN = re.compile(
    r"\\(?:left|right|mathrm\{\w+\}|begin\{cases\}|end\{cases\}|text\{else\}|hat\{y\}|[A-Za-z]+|\\|,)"
    r"|[0-9.]+|[A-Za-z]|\S"
)


class Reader:
    """A formula as a function of the index of each sum.

    A sum takes in the whole product to its right, and no sign follows a sign. A name with
    parentheses has no power of its own: log(x)^2 may be either.
    """

    def __init__(self, text: str) -> None:
        self.tokens = TOKEN.findall(text)
        self.place = 0

    def whole(self) -> Value:
        value = self.sum_()
        assert self.place == len(self.tokens), self.tokens[self.place :]
        return value

    @property
    def next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        for token in expected:
            assert self.next == token, (self.next, token)
            self.place += 1
        if not expected:
            self.place += 1
        return self.tokens[self.place - 1]

    def sum_(self) -> Value:
        is_negative = self.next == "-"
        if is_negative:
            self.take()
        first = self.product()
        value: Value = (lambda at: -first(at)) if is_negative else first
        while self.next in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            value = self._added(value, sign, self.product())
        return value

    @staticmethod
    def _added(one: Value, sign: int, other: Value) -> Value:
        return lambda at: one(at) + sign * other(at)

    def product(self) -> Value:
        factors = [self.power()]
        while self.next == r"\cdot":
            self.take()
            factors.append(self.power())
        return lambda at: math.prod(factor(at) for factor in factors)

    def power(self) -> Value:
        base, may_have_power = self.atom()
        if self.next != "^":
            return base
        assert may_have_power
        exponent = self.exponent()
        assert self.next != "^"
        return lambda at: power(base(at), exponent(at))

    def exponent(self) -> Value:
        self.take("^")
        if self.next != "{":
            number = float(self.take())
            return lambda at: number
        return self.group()

    def group(self) -> Value:
        self.take("{")
        value = self.sum_()
        self.take("}")
        return value

    def atom(self) -> tuple[Value, bool]:
        token = self.take()
        if re.fullmatch(r"[0-9.]+", token):
            return (lambda at: float(token)), True
        if token in ("z", "y", r"\hat{y}"):
            return self.variable({r"\hat{y}": "p"}.get(token, token)), True
        if token == r"\pi" or (token == "e" and self.next != "^"):
            number = math.pi if token == r"\pi" else math.e
            return (lambda at: number), True
        if token == "e":
            exponent = self.exponent()
            return (lambda at: called(math.exp, exponent(at))), False
        return self.structure(token)

    def variable(self, name: str) -> Value:
        self.take("_")
        index = self.take()
        return lambda at: VALUES[name][at[index]]

    def structure(self, token: str) -> tuple[Value, bool]:
        if token == r"\left":
            is_size = self.take() == "|"
            inner = self.sum_()
            self.take(r"\right", "|" if is_size else ")")
            return (lambda at: abs(inner(at))) if is_size else inner, True
        if token == r"\frac" and self.tokens[self.place : self.place + 6] == list("{1}{C}"):
            self.place += 6
            self.take(r"\sum")
            total = self.big()
            return (lambda at: total(at) / CLASSES), False
        if token == r"\frac":
            above, below = self.group(), self.group()
            return (lambda at: divided(above(at), below(at))), False
        if token == r"\sqrt":
            root = self.group()
            return (lambda at: called(math.sqrt, root(at))), True
        if token == r"\sum":
            return self.big(), False
        if token == r"\log" and self.next == r"\sum":
            self.take()
            total = self.big()
            return (lambda at: called(math.log, total(at))), False
        return self.function(token), False

    def big(self) -> Value:
        self.take("_", "{")
        index = self.take()
        has_limits = self.next == "="
        if has_limits:
            self.take("=", "1")
        self.take("}")
        if has_limits:
            self.take("^", "{", "C", "}")
        is_negative = self.next == "-"
        if is_negative:
            self.take()
        inner = self.product()
        sign = -1 if is_negative else 1
        return lambda at: sum(sign * inner({**at, index: each}) for each in range(CLASSES))

    def function(self, token: str) -> Value:
        if token == r"\begin{cases}":
            return self.cases()
        self.take(r"\left", "(")
        arguments = [self.sum_()]
        while self.next == ",":
            self.take(",", r"\,")
            arguments.append(self.sum_())
        self.take(r"\right", ")")
        compute = NAMED[token]
        return lambda at: called(compute, *(each(at) for each in arguments))

    def cases(self) -> Value:
        first = self.sum_()
        self.take("&")
        left = self.sum_()
        sign = self.take()
        right = self.sum_()
        self.take("\\\\")
        second = self.sum_()
        self.take("&", r"\text{else}", r"\end{cases}")
        return lambda at: first(at) if SIGNS[sign](left(at), right(at)) else second(at)


def called(compute: Callable[..., float], *values: float) -> float:
    try:
        return compute(*values)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


def power(base: float, exponent: float) -> float:
    return called(math.pow, base, exponent)


def divided(above: float, below: float) -> float:
    return above / below if below else math.nan


NAMED: dict[str, Callable[..., float]] = {
    r"\log": math.log,
    r"\sigma": lambda x: 1 / (1 + math.exp(-x)),
    r"\tanh": math.tanh,
    r"\max": max,
    r"\min": min,
    r"\mathrm{sign}": lambda x: math.copysign(1, x) if x else 0.0,
    r"\mathrm{clip}": lambda x, low, high: min(max(x, low), high),
}
SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    r"\le": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    r"\ge": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    r"\ne": lambda a, b: a != b,
}

# ------------------------------------------------------------------ every pair


LEAVES = (Name("z"), Name("p"), Name("y"))


def call_of(operation: str, place: int, inner: Node) -> Call:
    """The operation on leaves, with ``inner`` as its argument at ``place``."""
    arity = (OPERATORS | FUNCTIONS)[operation].arity
    arguments: list[Node] = [*LEAVES[:arity]]
    if operation == "where":
        arguments = [Call("<", (Name("p"), Name("y"))), Name("z"), Name("y")]
        inner = Call("<", (inner, Name("y"))) if place == 0 else inner
    arguments[place] = inner
    return Call(operation, tuple(arguments))


def inner_ones() -> list[Node]:
    plain = [call_of(name, len((OPERATORS | FUNCTIONS)[name].needs) - 1, Name("y"))
             for name in (*OPERATORS, *FUNCTIONS)]  # fmt: skip
    return [*plain, Number(1e-7), Number(math.e), Number(2.5)]


PAIRS = [
    call_of(name, place, inner)
    for name, entry in (OPERATORS | FUNCTIONS).items()
    for place in range(entry.arity)
    for inner in inner_ones()
]


def assert_means_what_it_computes(tree: Node) -> bool:
    variables = {
        name: torch.tensor(row, dtype=torch.float64)[:, None] for name, row in VALUES.items()
    }
    value = evaluate(tree, variables)
    expected = float(value.sum())
    latex = to_latex(tree, per_class=True)
    read = Reader(latex).whole()({})
    # The logarithm of a sum of exponentials, taken word for word, may leave float64.
    if not math.isfinite(expected) or math.isinf(read):
        return False
    assert read == pytest.approx(expected, rel=1e-9), latex
    return True


@pytest.mark.parametrize("outer", [*OPERATORS, *FUNCTIONS])
def test_an_operation_within_each_other_is_read_as_it_is_computed(outer):
    pairs = [tree for tree in PAIRS if tree.operation == outer]
    assert sum(assert_means_what_it_computes(tree) for tree in pairs) >= 15


@pytest.mark.parametrize("sign", COMPARISONS)
def test_comparisons_are_read_as_they_are_computed(sign):
    for one, other in itertools.product(inner_ones(), LEAVES):
        assert_means_what_it_computes(
            Call("where", (Call(sign, (one, other)), Name("z"), Number(2.0)))
        )


def test_any_formula_is_read_as_it_is_computed():
    expressions = filter(is_read, grown(1500))
    assert sum(assert_means_what_it_computes(parse(each)) for each in expressions) > 300


@pytest.mark.parametrize(
    ("expression", "latex"),
    [
        ("logsumexp(z)*y", r"\sum_{c=1}^{C} \left(\log \sum_{k} e^{z_k}\right) \cdot y_c"),
        ("z*sum(p)*y", r"\sum_{c=1}^{C} z_c \cdot \left(\sum_{k} \hat{y}_k\right) \cdot y_c"),
        ("-mean(z)", r"-\left(\frac{1}{C} \sum_{k} z_k\right)"),
        ("log(p)**2", r"\sum_{c=1}^{C} \left(\log\left(\hat{y}_c\right)\right)^{2}"),
        ("z - -y", r"\sum_{c=1}^{C} \left(z_c - \left(-y_c\right)\right)"),
        ("z + -y*p", r"\sum_{c=1}^{C} \left(z_c + \left(-y_c \cdot \hat{y}_c\right)\right)"),
    ],
)
def test_parentheses_by_hand(expression, latex):
    assert to_latex(parse(expression), per_class=True) == latex
