"""Poisson NLL: how surprised a predicted rate is by an amount."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.losses import words
from core.losses.card import Card, Range
from core.losses.constants import SMALLEST_PROBABILITY
from core.losses.entry import Formula, Head, Link, LossSpec
from core.losses.program import Encoding, Program, Sample, on_values, one_value
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor


def forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c (exp(z_c) - y_c z_c) for y >= 0; saves exp(z).

    The negative log-likelihood but for log y!, which no logit changes.
    """
    rate = z.exp()
    return (rate - y * z).mean(-2), rate


def backward(rate: Tensor, y: Tensor) -> Tensor:
    """dL/dz = (exp(z) - y) / C."""
    return (rate - y).div_(rate.shape[-2])


def best_constant(y: Tensor) -> Tensor:
    """exp of it is the mean target, which is not negative."""
    return y.mean(-1, keepdim=True).clamp_(min=SMALLEST_PROBABILITY).log_()


def formulas() -> Mapping[Task, Formula]:
    formula = r"\hat{y} - y \log \hat{y},\quad \hat{y} = e^{z}"
    return {Task.REGRESSION: Formula(Link.EXP, formula, forward, backward, best_constant)}


def value_range(task: Task, outputs: int) -> Range:
    return Range(
        -math.inf,
        math.inf,
        "for a target y never below y - y log y, which is at most 1, and below 0 for y above e",
    )


def card() -> Card:
    return Card(
        summary="It measures how surprised a predicted rate is by an observed count.",
        example_formula=(
            ("The network gives the rate's logarithm", r"L(y, z) = e^{z} - y z"),
            (
                "The network gives the rate",
                r"L(y, \hat{y}) = \hat{y} - y \log(\hat{y} + \varepsilon)",
            ),
        ),
        batch_formula=words.MEAN_OVER_OUTPUTS,
        symbols=(
            ("y", "target: a count, 0, 1, 2, ...; in Loss Lab divided by the standard deviation"),
            ("z", "logarithm of the predicted rate, any real number"),
            (r"\hat{y}", "predicted rate, the mean count"),
            (r"\varepsilon", "1e-8, which keeps the logarithm finite"),
            words.OUTPUTS,
            words.N,
            words.OUTPUT_LOSS,
        ),
        takes="The logarithm of the rate, float; with log_input=False the rate itself, which must "
        "be above 0.",
        target="Counts, 0 or more, float, exactly the shape of the predictions.",
        reduction=words.OVER_OUTPUTS,
        unit="nats / the target's standard deviation, less what only y decides",
        proper_scoring_rule="Yes, strictly, among Poisson distributions. The best rate is the mean "
        "count.",
        noise_model="The Poisson distribution, without the term log(y!), which training cannot "
        "change; so the loss can be below 0. Dividing the counts by their standard deviation "
        "divides the loss by it too and adds what only y decides.",
        use_when="The target counts events: calls an hour, defects a batch.",
        avoid_when="The targets are negative or standardised, or vary far more than a Poisson "
        "count does, whose variance equals its mean.",
        gradient_formula=(
            ("In the rate's logarithm", rf"{words.BY_ONE_LOGIT} e^{{z}} - y"),
            ("In the rate", rf"{words.BY_VALUE} 1 - \frac{{y}}{{\hat{{y}} + \varepsilon}}"),
        ),
        gradient="With the logarithm as input it is the predicted rate minus the count, so a rate "
        "far too high is pushed down very hard and can make the first steps jump.",
        source="Nelder and Wedderburn, Generalized Linear Models, Journal of the Royal Statistical "
        "Society A 135, 1972; PyTorch documentation of torch.nn.PoissonNLLLoss.",
    )


_LOG_RATES = Sample(((0.5,), (1.2,), (0.3,)), (2, 3, 0))

PROGRAM = Program(one_value(on_values("PoissonNLLLoss"), _LOG_RATES, Encoding.COUNTS))

LOSS = LossSpec(
    key="poisson_nll",
    title="Poisson NLL",
    torch_class="PoissonNLLLoss",
    head=Head.NARROWEST,
    encoding="the raw value divided by its standard deviation, not negative",
    make_formulas=formulas,
    refusals=words.NEEDS_AMOUNTS,
    color="#BB2D00",
    dash="dash",
    make_card=card,
    make_range=value_range,
    program=PROGRAM,
)
