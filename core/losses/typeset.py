"""The tree of an expression as a formula in LaTeX. Needs no torch."""

from __future__ import annotations

from core.losses.expression import CONSTANTS, Call, Name, Node, Number, has_row_per_class
from core.losses.operations import ATOM, BIG_OPERATOR, OPERATIONS, PRODUCT

_LETTERS = {"z": "z", "p": r"\hat{y}", "y": "y"}
_INDICES = "ckjilmn"


def to_latex(node: Node, *, per_class: bool) -> str:
    """The loss of an example: the sum over the classes c of the expression.

    Without ``per_class`` there is one output, and no sum.
    """
    text, binding = _latex(node, 0 if per_class else None)
    if per_class and has_row_per_class(node):
        return rf"\sum_{{c=1}}^{{C}} {_held(text, binding, PRODUCT)}"
    return text


def _latex(node: Node, level: int | None) -> tuple[str, int]:
    """The text, and how tightly it holds together; ``level`` counts the sums around it."""
    match node:
        case Number(value):
            return _latex_number(value)
        case Name(name):
            index = "" if level is None else f"_{_INDICES[min(level, len(_INDICES) - 1)]}"
            return _LETTERS[name] + index, ATOM
        case Call(operation, arguments):
            return _latex_call(operation, arguments, level)


def _latex_number(value: float) -> tuple[str, int]:
    for name, symbol in (("pi", r"\pi"), ("e", "e")):
        if value == CONSTANTS[name]:
            return symbol, ATOM
    digits, _, exponent = f"{value:.10g}".partition("e")
    return (rf"{digits} \cdot 10^{{{int(exponent)}}}", PRODUCT) if exponent else (digits, ATOM)


def _latex_call(operation: str, arguments: tuple[Node, ...], level: int | None) -> tuple[str, int]:
    entry = OPERATIONS[operation]
    if not entry.over_classes:
        parts = [_latex(each, level) for each in arguments]
    elif level is None or not has_row_per_class(arguments[0]):
        return _latex(arguments[0], level)
    else:
        parts = [_latex(arguments[0], level + 1)]
    texts = [_held(*part, need) for part, need in zip(parts, entry.needs, strict=True)]
    index = _INDICES[min((level or 0) + 1, len(_INDICES) - 1)]
    return entry.latex.format(*texts, index=index), entry.binding


def _held(text: str, binding: int, need: int) -> str:
    """In parentheses if it is too loose, or has a sign of its own after a plus or a minus."""
    is_signed = need == BIG_OPERATOR and text.startswith("-")
    return rf"\left({text}\right)" if binding < need or is_signed else text
