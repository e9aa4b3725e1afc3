"""All that an expression can compute: one entry an operation, in tensor methods alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Operation:
    r"""``compute`` takes one tensor an argument, ``latex`` their texts.

    ``binding`` says how tightly the text holds together (1 sum, 2 product, 3 fraction,
    4 power, 5 atom) and ``needs`` how tightly each argument must, or it gets parentheses.
    """

    compute: Callable[..., Tensor]
    latex: str
    needs: tuple[int, ...] = (0,)
    binding: int = 5
    over_classes: bool = False

    @property
    def arity(self) -> int:
        return len(self.needs)


def _over_classes(reduce: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Over the rows, keeping one; a number is one row already."""
    return lambda x: reduce(x) if x.dim() else x


OPERATORS = {
    "+": Operation(lambda a, b: a + b, "{0} + {1}", (1, 2), 1),
    "-": Operation(lambda a, b: a - b, "{0} - {1}", (1, 2), 1),
    "*": Operation(lambda a, b: a * b, r"{0} \cdot {1}", (2, 3), 2),
    "/": Operation(lambda a, b: a / b, r"\frac{{{0}}}{{{1}}}", (0, 0), 3),
    "**": Operation(lambda a, b: a**b, "{0}^{{{1}}}", (5, 0), 4),
    "neg": Operation(lambda a: -a, "-{0}", (3,), 2),
}

COMPARISONS = {
    "<": Operation(lambda a, b: a < b, "{0} < {1}", (1, 1), 0),
    "<=": Operation(lambda a, b: a <= b, r"{0} \le {1}", (1, 1), 0),
    ">": Operation(lambda a, b: a > b, "{0} > {1}", (1, 1), 0),
    ">=": Operation(lambda a, b: a >= b, r"{0} \ge {1}", (1, 1), 0),
    "==": Operation(lambda a, b: a == b, "{0} = {1}", (1, 1), 0),
    "!=": Operation(lambda a, b: a != b, r"{0} \ne {1}", (1, 1), 0),
}

FUNCTIONS = {
    "abs": Operation(lambda x: x.abs(), r"\left|{0}\right|"),
    "exp": Operation(lambda x: x.exp(), "e^{{{0}}}", binding=4),
    "log": Operation(lambda x: x.log(), r"\log\left({0}\right)"),
    "log1p": Operation(lambda x: x.log1p(), r"\log\left(1 + {0}\right)", (2,)),
    "expm1": Operation(lambda x: x.expm1(), "e^{{{0}}} - 1", binding=1),
    "sqrt": Operation(lambda x: x.sqrt(), r"\sqrt{{{0}}}"),
    "square": Operation(lambda x: x.square(), "{0}^2", (5,), 4),
    "sigmoid": Operation(lambda x: x.sigmoid(), r"\sigma\left({0}\right)"),
    "tanh": Operation(lambda x: x.tanh(), r"\tanh\left({0}\right)"),
    "relu": Operation(lambda x: x.relu(), r"\max\left(0,\, {0}\right)"),
    "softplus": Operation(
        lambda x: x.logaddexp(x.new_zeros(())), r"\log\left(1 + e^{{{0}}}\right)"
    ),
    "sign": Operation(lambda x: x.sign(), r"\mathrm{{sign}}\left({0}\right)"),
    "min": Operation(lambda a, b: a.minimum(b), r"\min\left({0},\, {1}\right)", (0, 0)),
    "max": Operation(lambda a, b: a.maximum(b), r"\max\left({0},\, {1}\right)", (0, 0)),
    "clip": Operation(
        lambda x, low, high: x.clamp(low, high),
        r"\mathrm{{clip}}\left({0},\, {1},\, {2}\right)",
        (0, 0, 0),
    ),
    "where": Operation(
        lambda condition, a, b: a.where(condition, b),
        r"\begin{{cases}} {1} & {0} \\ {2} & \text{{else}} \end{{cases}}",
        (0, 0, 0),
        binding=1,
    ),
    "sum": Operation(
        _over_classes(lambda x: x.sum(-2, keepdim=True)),
        r"\sum_{{{index}}} {0}",
        (2,),
        binding=2,
        over_classes=True,
    ),
    "mean": Operation(
        _over_classes(lambda x: x.mean(-2, keepdim=True)),
        r"\frac{{1}}{{C}} \sum_{{{index}}} {0}",
        (2,),
        binding=2,
        over_classes=True,
    ),
    "logsumexp": Operation(
        _over_classes(lambda x: x.logsumexp(-2, keepdim=True)),
        r"\log \sum_{{{index}}} e^{{{0}}}",
        binding=2,
        over_classes=True,
    ),
}
