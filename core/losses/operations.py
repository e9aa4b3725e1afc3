"""All that an expression can compute: one entry an operation, in tensor methods alone.

Each entry has its forward and its backward side by side: ``compute`` and its ``slopes``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# ------------------------------------------------------------------ how tightly a text holds

#: Of a formula's text, from what falls apart beside anything to what nothing parts. A big
#: operator, as a sum over classes, takes in the whole product to its right.
LOOSE, SUM, BIG_OPERATOR, PRODUCT, FRACTION, POWER, ATOM = range(7)


@dataclass(frozen=True)
class Operation:
    r"""``compute`` takes one tensor an argument, ``latex`` their texts.

    ``slopes`` has, for each argument, d(result)/d(argument) from the arguments and the result;
    it is empty where the result does not move with them. ``needs`` says how tightly the text
    of each argument must hold together, or it gets parentheses, and ``binding`` how tightly
    the result does.
    """

    compute: Callable[..., Tensor]
    latex: str
    needs: tuple[int, ...] = (LOOSE,)
    binding: int = ATOM
    over_classes: bool = False
    slopes: tuple[Callable[..., Tensor], ...] = ()

    @property
    def arity(self) -> int:
        return len(self.needs)


def _over_classes(reduce: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Over the rows, keeping one; a number is one row already."""
    return lambda x: reduce(x) if x.dim() else x


# ------------------------------------------------------------------ forward and backward


def times(a: Tensor, b: Tensor) -> Tensor:
    """a b, and 0 where one is 0 and the other infinite, as 0 log 0 in the limit."""
    is_limit = (a == 0) & b.isinf() | (b == 0) & a.isinf()
    return (a * b).masked_fill(is_limit, 0)


def chained(gradient: Tensor, slope: Tensor) -> Tensor:
    """The chain rule's product, 0 where either is 0.

    What does not reach the loss does not move it, however steep it is by itself.
    """
    return (gradient * slope).masked_fill((gradient == 0) | (slope == 0), 0)


def _one(*values: Tensor) -> Tensor:
    return values[-1].new_ones(())


def _share(is_chosen: Tensor, is_tied: Tensor, out: Tensor) -> Tensor:
    """1 where an argument is the result, one half where both are."""
    return is_chosen.to(out.dtype) - is_tied.to(out.dtype) / 2


def _slope_of_base(a: Tensor, b: Tensor, out: Tensor) -> Tensor:
    return chained(b, a ** (b - 1))


OPERATORS = {
    "+": Operation(
        lambda a, b: a + b, "{0} + {1}", (SUM, BIG_OPERATOR), SUM,
        slopes=(_one, _one),
    ),
    "-": Operation(
        lambda a, b: a - b, "{0} - {1}", (SUM, BIG_OPERATOR), SUM,
        slopes=(_one, lambda a, b, out: -_one(out)),
    ),
    "*": Operation(
        lambda a, b: a * b, r"{0} \cdot {1}", (PRODUCT, FRACTION), PRODUCT,
        slopes=(lambda a, b, out: b, lambda a, b, out: a),
    ),
    "/": Operation(
        lambda a, b: a / b, r"\frac{{{0}}}{{{1}}}", (LOOSE, LOOSE), FRACTION,
        slopes=(lambda a, b, out: 1 / b, lambda a, b, out: -out / b),
    ),
    "**": Operation(
        lambda a, b: a**b, "{0}^{{{1}}}", (ATOM, LOOSE), POWER,
        slopes=(_slope_of_base, lambda a, b, out: chained(out, a.log())),
    ),
    "neg": Operation(
        lambda a: -a, "-{0}", (FRACTION,), PRODUCT, slopes=(lambda a, out: -_one(out),)
    ),
}  # fmt: skip

COMPARISONS = {
    "<": Operation(lambda a, b: a < b, "{0} < {1}", (SUM, SUM), LOOSE),
    "<=": Operation(lambda a, b: a <= b, r"{0} \le {1}", (SUM, SUM), LOOSE),
    ">": Operation(lambda a, b: a > b, "{0} > {1}", (SUM, SUM), LOOSE),
    ">=": Operation(lambda a, b: a >= b, r"{0} \ge {1}", (SUM, SUM), LOOSE),
    "==": Operation(lambda a, b: a == b, "{0} = {1}", (SUM, SUM), LOOSE),
    "!=": Operation(lambda a, b: a != b, r"{0} \ne {1}", (SUM, SUM), LOOSE),
}

# A name with its argument in parentheses is held as a power is: log(x)^2 could be either.
FUNCTIONS = {
    "abs": Operation(
        lambda x: x.abs(), r"\left|{0}\right|", slopes=(lambda x, out: x.sign(),)
    ),
    "exp": Operation(
        lambda x: x.exp(), "e^{{{0}}}", binding=POWER, slopes=(lambda x, out: out,)
    ),
    "log": Operation(
        lambda x: x.log(), r"\log\left({0}\right)", binding=POWER,
        slopes=(lambda x, out: 1 / x,),
    ),
    "log1p": Operation(
        lambda x: x.log1p(), r"\log\left(1 + {0}\right)", (BIG_OPERATOR,), POWER,
        slopes=(lambda x, out: 1 / (1 + x),),
    ),
    "expm1": Operation(
        lambda x: x.expm1(), "e^{{{0}}} - 1", binding=SUM, slopes=(lambda x, out: x.exp(),)
    ),
    "sqrt": Operation(
        lambda x: x.sqrt(), r"\sqrt{{{0}}}", slopes=(lambda x, out: 0.5 / out,)
    ),
    "square": Operation(
        lambda x: x.square(), "{0}^2", (ATOM,), POWER, slopes=(lambda x, out: 2 * x,)
    ),
    "sigmoid": Operation(
        lambda x: x.sigmoid(), r"\sigma\left({0}\right)", binding=POWER,
        slopes=(lambda x, out: out * (-x).sigmoid(),),
    ),
    "tanh": Operation(
        lambda x: x.tanh(), r"\tanh\left({0}\right)", binding=POWER,
        slopes=(lambda x, out: 4 * (2 * x).sigmoid() * (-2 * x).sigmoid(),),
    ),
    "relu": Operation(
        lambda x: x.relu(), r"\max\left(0,\, {0}\right)", binding=POWER,
        slopes=(lambda x, out: (x > 0).to(out.dtype),),
    ),
    "softplus": Operation(
        lambda x: x.logaddexp(x.new_zeros(())), r"\log\left(1 + e^{{{0}}}\right)",
        binding=POWER, slopes=(lambda x, out: x.sigmoid(),),
    ),
    "sign": Operation(
        lambda x: x.sign(), r"\mathrm{{sign}}\left({0}\right)", binding=POWER
    ),
    "min": Operation(
        lambda a, b: a.minimum(b), r"\min\left({0},\, {1}\right)", (LOOSE, LOOSE), POWER,
        slopes=(
            lambda a, b, out: _share(a <= b, a == b, out),
            lambda a, b, out: _share(b <= a, a == b, out),
        ),
    ),
    "max": Operation(
        lambda a, b: a.maximum(b), r"\max\left({0},\, {1}\right)", (LOOSE, LOOSE), POWER,
        slopes=(
            lambda a, b, out: _share(a >= b, a == b, out),
            lambda a, b, out: _share(b >= a, a == b, out),
        ),
    ),
    "clip": Operation(
        lambda x, low, high: x.maximum(low).minimum(high),
        r"\mathrm{{clip}}\left({0},\, {1},\, {2}\right)",
        (LOOSE, LOOSE, LOOSE), POWER,
        slopes=(
            lambda x, low, high, out: ((low <= x) & (x <= high)).to(out.dtype),
            lambda x, low, high, out: ((x < low) & (low < high)).to(out.dtype),
            lambda x, low, high, out: ((x > high) | (high <= low) & (x < low)).to(out.dtype),
        ),
    ),
    "where": Operation(
        lambda condition, a, b: a.where(condition, b),
        r"\begin{{cases}} {1} & {0} \\ {2} & \text{{else}} \end{{cases}}",
        (LOOSE, LOOSE, LOOSE), LOOSE,
        slopes=(
            lambda condition, a, b, out: out.new_zeros(()),
            lambda condition, a, b, out: condition.to(out.dtype),
            lambda condition, a, b, out: 1 - condition.to(out.dtype),
        ),
    ),
    "sum": Operation(
        _over_classes(lambda x: x.sum(-2, keepdim=True)), r"\sum_{{{index}}} {0}",
        (PRODUCT,), BIG_OPERATOR, over_classes=True,
        slopes=(lambda x, out: x.new_ones(x.shape),),
    ),
    "mean": Operation(
        _over_classes(lambda x: x.mean(-2, keepdim=True)),
        r"\frac{{1}}{{C}} \sum_{{{index}}} {0}",
        (PRODUCT,), BIG_OPERATOR, over_classes=True,
        slopes=(lambda x, out: x.new_full(x.shape, 1 / x.shape[-2]),),
    ),
    "logsumexp": Operation(
        _over_classes(lambda x: x.logsumexp(-2, keepdim=True)),
        r"\log \sum_{{{index}}} e^{{{0}}}", binding=BIG_OPERATOR, over_classes=True,
        slopes=(lambda x, out: (x - out).exp(),),
    ),
}  # fmt: skip

#: What nobody writes: ``core.losses.stable`` puts it in the place of what would round.
STAND_INS = {
    "times": Operation(
        times, "", (PRODUCT, FRACTION), PRODUCT,
        slopes=(lambda a, b, out: b, lambda a, b, out: a),
    ),
    "logaddexp": Operation(
        lambda a, b: a.logaddexp(b), "", (LOOSE, LOOSE),
        slopes=(lambda a, b, out: (a - out).exp(), lambda a, b, out: (b - out).exp()),
    ),
}  # fmt: skip

#: Every operation by its name in a tree.
OPERATIONS = OPERATORS | COMPARISONS | FUNCTIONS | STAND_INS
