"""The expression of a person's own loss: text to a small tree.

Python's parser reads the text; a strict walk then copies what is on the whitelist into
a tree of ``Number``, ``Name`` and ``Call``. Nothing is ever evaluated as Python. The
arithmetic of ``Call`` is in ``core.losses.operations``, of tensor methods alone.
"""

from __future__ import annotations

import ast
import functools
import math
import re
from dataclasses import dataclass, field

from core.errors import LossExpressionError
from core.losses.operations import FUNCTIONS

LONGEST = 200
DEEPEST = 40
MOST_PARTS = 120
#: Larger numbers leave float32 too easily.
LARGEST_NUMBER = 1e30

VARIABLES = ("z", "p", "y")
CONSTANTS = {"pi": math.pi, "e": math.e}


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Name:
    """One of ``VARIABLES``, or what ``core.losses.stable`` puts in the place of p."""

    id: str


@dataclass(frozen=True)
class Call:
    """An operation of the table on its arguments; ``a + b`` is ``Call("+", (a, b))``.

    ``position`` is where it begins in the text, counted in characters from 0.
    """

    operation: str
    arguments: tuple[Node, ...]
    position: int = field(default=0, compare=False)


Node = Number | Name | Call

_DIGITS = "0123456789."
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
#: All that can be written: names, numbers and signs. A number does not run into a name, unless
#: a sign is missing before a name that is known.
_TOKEN = re.compile(
    r"[A-Za-z_][A-Za-z_0-9]*"
    rf"|{_NUMBER}(?![A-Za-z_0-9.])"
    rf"|{_NUMBER}(?=(?:{'|'.join((*VARIABLES, *CONSTANTS, *FUNCTIONS))})(?![A-Za-z_0-9]))"
    r"|\*\*|/(?!/)|[<>=!]=|[-+*()<>,]"
)

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}
_COMPARING: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


@functools.lru_cache(maxsize=256)
def parse(expression: str) -> Node:
    """The expression's tree; ``LossExpressionError`` with a sentence and its place.

    Needs no torch: it knows names, grammar and numbers of arguments. What only numbers
    can show is left to ``core.losses.check``.
    """
    if len(expression) > LONGEST:
        raise LossExpressionError(
            f"The expression has {len(expression):,} characters; allowed are up to {LONGEST}.",
            LONGEST,
        )
    # Each kind of white space is one space here, so that places stay what they are.
    text = re.sub(r"[ \t\r\n]", " ", expression)
    if not text.strip():
        raise LossExpressionError("The expression is empty; write one of z, p and y.", 0)
    _check_tokens(text)
    start = len(text) - len(text.lstrip())
    stripped = text.strip()
    try:
        tree = ast.parse(stripped, mode="eval")
    except SyntaxError as error:
        # Python says 0 where the text ends too early.
        raise _syntax_error(start + (error.offset or len(stripped)) - 1) from error
    except (ValueError, MemoryError, RecursionError) as error:
        raise _syntax_error(start) from error
    reader = _Reader(start)
    node = reader.read(tree.body, 1)
    if not reader.variables & {"z", "p"}:
        raise LossExpressionError(
            "The expression does not depend on z or p, so nothing can be learned from it.", start
        )
    return node


def _check_tokens(text: str) -> None:
    place, before = 0, ""
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token:
            _check_neighbours(before, token.group(), place)
            place, before = token.end(), token.group()
        elif text[place] == " ":
            place += 1
        else:
            raise LossExpressionError(
                f"The sign {text[place]!r} can't stand at character {place + 1}; allowed are "
                "names, numbers, + - * / ** ( ) and commas, and comparisons within where.",
                place,
            )


def _check_neighbours(before: str, after: str, place: int) -> None:
    """Two values beside each other are no product until a sign says so."""
    values = {*VARIABLES, *CONSTANTS}
    ends_value = before in values or before == ")" or before[:1] in tuple(_DIGITS)
    begins_value = after in values or after in FUNCTIONS or after == "(" or after[0] in _DIGITS
    if ends_value and begins_value:
        raise LossExpressionError(
            f"A sign is missing between '{before}' and '{after}' at character {place + 1}; put * "
            "between them to multiply.",
            place,
        )


def _syntax_error(place: int) -> LossExpressionError:
    return LossExpressionError(
        f"The expression can't be read at character {place + 1}; is a sign, an operand or a "
        "parenthesis missing or too many?",
        place,
    )


class _Reader:
    """Copies Python's tree into ours, part by part, and refuses all that is not allowed."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._parts = 0
        self.variables: set[str] = set()

    def read(self, tree: ast.expr, depth: int) -> Node:
        self._parts += 1
        if depth > DEEPEST:
            raise self._error(tree, f"The expression is nested over {DEEPEST} deep.")
        if self._parts > MOST_PARTS:
            raise self._error(tree, f"The expression has over {MOST_PARTS} parts.")
        match tree:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return self._number(tree, value)
            case ast.Name(id=name):
                return self._name(tree, name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Call("neg", (self.read(operand, depth + 1),), self._place(tree))
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _BINARY:
                # A row of terms or factors, which Python nests to the left, is one level.
                is_row = isinstance(left, ast.BinOp) and _rank(left.op) == _rank(operator)
                left_depth = depth if is_row else depth + 1
                operands = (self.read(left, left_depth), self.read(right, depth + 1))
                return Call(_BINARY[type(operator)], operands, self._place(tree))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(tree, name, arguments, depth)
            case ast.Compare():
                raise self._error(
                    tree, "A comparison can stand only as the first argument of where."
                )
        raise self._error(tree, f"This can't be written here: {_named(tree)}.")

    def _number(self, tree: ast.expr, value: int | float) -> Number:
        if not value <= LARGEST_NUMBER:
            raise self._error(
                tree, f"A number is too large; allowed are numbers up to {LARGEST_NUMBER:g}."
            )
        return Number(float(value))

    def _name(self, tree: ast.expr, name: str) -> Node:
        if name in VARIABLES:
            self.variables.add(name)
            return Name(name)
        if name in CONSTANTS:
            return Number(CONSTANTS[name])
        if name in FUNCTIONS:
            raise self._error(
                tree, f"The function '{name}' has no arguments; write them in parentheses."
            )
        raise self._unknown(tree, name)

    def _call(self, tree: ast.expr, name: str, arguments: list[ast.expr], depth: int) -> Node:
        if name not in FUNCTIONS:
            raise self._unknown(tree, name)
        arity = FUNCTIONS[name].arity
        if len(arguments) != arity:
            takes = f"it takes {arity} argument{'' if arity == 1 else 's'}"
            raise self._error(
                tree,
                f"The function '{name}' was given {len(arguments)}; {takes}.",
            )
        if name != "where":
            read = tuple(self.read(each, depth + 1) for each in arguments)
        else:
            condition = self._comparison(arguments[0], depth + 1)
            read = (condition, *(self.read(each, depth + 1) for each in arguments[1:]))
        return Call(name, read, self._place(tree))

    def _comparison(self, tree: ast.expr, depth: int) -> Node:
        match tree:
            case ast.Compare(left=left, ops=[sign], comparators=[right]) if (
                type(sign) in _COMPARING
            ):
                sides = (self.read(left, depth + 1), self.read(right, depth + 1))
                return Call(_COMPARING[type(sign)], sides, self._place(tree))
        raise self._error(tree, "The first argument of where is one comparison, such as p > 0.5.")

    def _unknown(self, tree: ast.expr, name: str) -> LossExpressionError:
        known = ", ".join((*VARIABLES, *CONSTANTS, *FUNCTIONS))
        return self._error(tree, f"The name '{name[:30]}' is not known; allowed are {known}.")

    def _error(self, tree: ast.expr, sentence: str) -> LossExpressionError:
        return LossExpressionError(sentence, self._place(tree))

    def _place(self, tree: ast.expr) -> int:
        return self._start + tree.col_offset


def _rank(operator: ast.operator) -> int:
    """Which operators stand in one row: plus with minus, times with divided by."""
    return (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow).index(type(operator)) // 2


def _named(tree: ast.expr) -> str:
    """What a person would call what Python read."""
    names: dict[type[ast.expr], str] = {
        ast.BoolOp: "and, or",
        ast.UnaryOp: "a sign that is not a minus",
        ast.IfExp: "if and else; use where",
        ast.Tuple: "a list",
        ast.Starred: "a star before an argument",
        ast.Constant: "a value that is not a number",
    }
    return names.get(type(tree), "it is neither a number nor an operation on the list")


# ------------------------------------------------------------------ about a tree


def names(node: Node) -> frozenset[str]:
    """Which names the tree has."""
    match node:
        case Number():
            return frozenset()
        case Name(name):
            return frozenset({name})
        case Call(_, arguments):
            return frozenset().union(*(names(each) for each in arguments))


def has_row_per_class(node: Node) -> bool:
    """Whether a value has a row for each class; sums over the classes have one."""
    match node:
        case Number():
            return False
        case Name():
            return True
        case Call(operation, arguments):
            reduces = operation in FUNCTIONS and FUNCTIONS[operation].over_classes
            return not reduces and any(has_row_per_class(each) for each in arguments)
