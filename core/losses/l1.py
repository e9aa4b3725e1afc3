"""L1: the absolute error of predicted values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card
from core.losses.entry import Formula, Head, Link, LossSpec
from core.losses.program import Program, on_values, one_value
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor


def forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c |z_c - y_c|; saves z - y."""
    e = z - y
    return e.abs().mean(-2), e


def backward(e: Tensor, y: Tensor) -> Tensor:
    """dL/dz = sign(z - y) / C, and 0 where they are equal."""
    return e.sign().div_(e.shape[-2])


def formulas() -> Mapping[Task, Formula]:
    parts = (forward, backward, constants.median_target)
    return {Task.REGRESSION: Formula(Link.IDENTITY, r"|\hat{y} - y|", *parts)}


def card() -> Card:
    return Card(
        summary="It measures the plain distance between prediction and target, in the target's own "
        "unit.",
        example_formula=(("One value", r"L(y, \hat{y}) = |\hat{y} - y|"),),
        batch_formula=r"J = \frac{1}{N C} \sum_{n=1}^{N} \sum_{i=1}^{C} |\hat{y}_{n,i} - y_{n,i}|",
        symbols=(words.VALUE_TARGET, words.PREDICTION, words.OUTPUTS, words.N),
        takes=words.VALUES,
        target=words.VALUE_TARGETS,
        reduction=words.OVER_OUTPUTS,
        unit="absolute error",
        proper_scoring_rule=f"{words.NOT_FOR_VALUES} Its best single answer is the median.",
        noise_model="The Laplace distribution with one fixed scale, up to a scale and a constant.",
        use_when="The targets have outliers that should not rule, or the typical error is what "
        "will be reported.",
        avoid_when="The mean is wanted (totals, for instance), or training must settle exactly: "
        "the step does not shrink near the target.",
        gradient_formula=(("In the value", rf"{words.BY_VALUE} \mathrm{{sign}}(\hat{{y}} - y)"),),
        gradient="It is +1 or -1, of the same size however small the error, so predictions tremble "
        "around the target unless the learning rate falls.",
        source="Koenker and Bassett, Regression Quantiles, Econometrica 46, 1978; "
        "PyTorch documentation of torch.nn.L1Loss.",
    )


PROGRAM = Program(one_value(on_values("L1Loss")))

LOSS = LossSpec(
    key="l1",
    title="L1",
    torch_class="L1Loss",
    head=Head.NARROWEST,
    encoding="the value itself",
    make_formulas=formulas,
    refusals=words.NEEDS_VALUES,
    color="#8769F0",
    dash="dashdot",
    make_card=card,
    program=PROGRAM,
)
