"""A tree put into a form in which nothing rounds away: log p is no logarithm of a rounded p.

Of probabilities near 0 or 1 float32 keeps less than the logits know. What a tree computes
from them is therefore written with four quantities that are all worked out from log-odds
(``core.losses.differentiation``): ``p``, ``rest`` = 1 - p, ``log_p`` and ``log_rest``. So is
what is made with sigmoid and exp. Everything here has the same value in real numbers, and in
the limit where the tree as it was written has 0 log 0. Needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from core.losses.expression import Call, Name, Node, Number

_P, _REST = Name("p"), Name("rest")
_LOGARITHMS = {_P: Name("log_p"), _REST: Name("log_rest")}
_ONE = Number(1.0)


def stable(tree: Node, is_classification: bool) -> Node:
    """The tree with what would round replaced; for values p is z, as nothing rounds there."""
    if isinstance(tree, Name):
        return Name("z") if tree == _P and not is_classification else tree
    if not isinstance(tree, Call):
        return tree
    arguments = tuple(stable(each, is_classification) for each in tree.arguments)
    call = replace(tree, arguments=arguments)
    rule = _RULES.get(tree.operation)
    return (rule and rule(call, is_classification)) or call


def operations(node: Node) -> frozenset[str]:
    """The operations in a tree, by name."""
    if not isinstance(node, Call):
        return frozenset()
    return frozenset({node.operation}).union(*(operations(each) for each in node.arguments))


# ------------------------------------------------------------------ rules of operations


def _sum(call: Call, is_classification: bool) -> Node | None:
    """1 + -p and -p + 1 are 1 - p."""
    for one, other in (call.arguments, call.arguments[::-1]):
        if one == _ONE and isinstance(other, Call) and other.operation == "neg":
            return _complement(other.arguments[0])
    return None


def _difference(call: Call, is_classification: bool) -> Node | None:
    left, right = call.arguments
    if left == _ONE:
        return _complement(right)
    if right == _ONE and (complement := _complement(left)):
        return _call("neg", complement)
    return None


def _complement(node: Node) -> Node | None:
    """1 - p, with all digits of a small one."""
    match node:
        case Name("p"):
            return _REST
        case Name("rest"):
            return _P
        case Call("sigmoid", (inner,)):
            return _call("sigmoid", _call("neg", inner))
    return None


def _product(call: Call, is_classification: bool) -> Node | None:
    """A product that may become 0 log 0 has its limit's value. What has a pole has no limit."""
    left, right = call.arguments
    may_be_both = (_can_be_0(left) and _can_be_infinite(right)) or (
        _can_be_0(right) and _can_be_infinite(left)
    )
    if may_be_both and not (_has_pole(left) or _has_pole(right)):
        return replace(call, operation="times")
    return None


def _quotient(call: Call, is_classification: bool) -> Node | None:
    """Of what may round to 0 / 0, or leave float32 as inf / inf, through logarithms."""
    above, below = (_logarithm(each, is_classification) for each in call.arguments)
    if above is None or below is None or isinstance(call.arguments[0], Number):
        return None
    return _call("exp", _call("-", above, below)) if _rounds(call.arguments[1]) else None


def _log(call: Call, is_classification: bool) -> Node | None:
    (inner,) = call.arguments
    return _logarithm(inner, is_classification) if _rounds(inner) else None


def _log1p(call: Call, is_classification: bool) -> Node | None:
    match call.arguments[0]:
        case Call("neg", (inner,)) if complement := _complement(inner):
            return _logarithm(complement, is_classification)
        case Call("exp", (inner,)):
            return _call("softplus", inner)
    return None


_RULES: dict[str, Callable[[Call, bool], Node | None]] = {
    "+": _sum,
    "-": _difference,
    "*": _product,
    "/": _quotient,
    "log": _log,
    "log1p": _log1p,
}

# ------------------------------------------------------------------ logarithms


def _logarithm(node: Node, is_classification: bool) -> Node | None:
    """The logarithm from the parts of what is never below 0; None where that is not known."""

    def of(part: Node) -> Node | None:
        return _logarithm(part, is_classification)

    match node:
        case Number(value) if value > 0:
            return Number(math.log(value))
        case Name("p" | "rest"):
            return _LOGARITHMS[node]
        case Name("y") | Call("-", (Number(1.0), Name("y"))) if is_classification:
            return _call("log", node)
        case Call("abs", _):
            return _call("log", node)
        case Call("exp", (inner,)):
            return inner
        case Call("sigmoid", (inner,)):
            return _call("neg", _call("softplus", _call("neg", inner)))
        case Call("+", (Number(1.0), Call("exp", (inner,))) | (Call("exp", (inner,)), Number(1.0))):
            return _call("softplus", inner)
        case Call("*" | "/" | "+" as sign, (left, right)):
            parts = of(left), of(right)
            return _call(_OF_LOGARITHMS[sign], *parts) if None not in parts else None
        case Call("sum", (inner,)) if (part := of(inner)) is not None:
            return _call("logsumexp", part)
        case Call("sqrt", (inner,)) if (part := of(inner)) is not None:
            return _call("/", part, Number(2.0))
        case Call("**", (base, Number(power))) if power > 0:
            return _of_power(base, power, is_classification)
        case Call("square", (base,)):
            return _of_power(base, 2.0, is_classification)
    return None


#: What becomes of two logarithms where two numbers are multiplied, divided or added.
_OF_LOGARITHMS = {"*": "+", "/": "-", "+": "logaddexp"}


def _of_power(base: Node, power: float, is_classification: bool) -> Node | None:
    known = _logarithm(base, is_classification)
    if known is None and power % 2 == 0:
        known = _call("log", _call("abs", base))
    return None if known is None else _call("*", Number(power), known)


def _rounds(node: Node) -> bool:
    """Whether a number above 0 may become 0 in it, or a finite one infinite.

    To a number of its own, as in p + 1e-9, a probability is only added.
    """
    match node:
        case Name(name):
            return name in ("p", "rest")
        case Call("exp" | "sigmoid"):
            return True
        case Call("+", arguments) if any(isinstance(each, Number) for each in arguments):
            return "exp" in operations(node)
        case Call(_, arguments):
            return any(_rounds(each) for each in arguments)
    return False


# ------------------------------------------------------------------ zeros, infinities, poles


def _can_be_0(node: Node) -> bool:
    match node:
        case Number(value):
            return value == 0
        case Name(name):
            return name in ("z", "y")
        case Call("exp" | "sigmoid" | "softplus", _):
            return False
        case Call("*" | "neg" | "sqrt" | "square" | "abs", arguments):
            return any(_can_be_0(each) for each in arguments)
        case Call("/" | "**", arguments):
            return _can_be_0(arguments[0])
    return True


def _can_be_infinite(node: Node) -> bool:
    return not operations(node).isdisjoint(("log", "log1p", "exp", "expm1", "logaddexp"))


def _has_pole(node: Node) -> bool:
    """Whether it grows as 1 / x does near 0, which no factor of 0 makes up for."""
    match node:
        case Call("log" | "log1p" | "logaddexp"):
            return False
        case Call("/", (above, below)):
            return _can_be_0(below) or _has_pole(above)
        case Call("**", (base, power)):
            is_root_or_power = isinstance(power, Number) and power.value > 0
            return (_can_be_0(base) and not is_root_or_power) or _has_pole(base)
        case Call(_, arguments):
            return any(_has_pole(each) for each in arguments)
    return False


def _call(operation: str, *arguments: Node | None) -> Call:
    return Call(operation, tuple(each for each in arguments if each is not None))
