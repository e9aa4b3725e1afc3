"""What is known of an experiment before its first step."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self, TypedDict


class RangeTest(TypedDict):
    """Each entrant's skill (L_null - L) / |L_null| after a short training at each rate.

    On training rows; L_null is the loss of the best constant, which can be below 0.
    ``skills`` has a list for each entrant, with None where the loss was not finite any more.
    """

    rates: list[float]
    steps: int
    skills: list[list[float | None]]


class GradientLens(TypedDict):
    """|dL/dz| of each entrant's loss for one example, by how right the network is.

    For classes ``margins`` are log-odds of the true class as the loss's link reads them
    (softmax: z_t - log sum_{c != t} exp z_c, the others equal; sigmoid: z_t; scores:
    z_t - max_{c != t} z_c), and the gradient is that with respect to z_t. For regression
    they are residuals: what is predicted of the mean target, less it. None where there is no
    such prediction (an amount below 0) or the gradient is not finite.
    """

    margins: list[float]
    gradients: list[list[float | None]]


@dataclass(frozen=True)
class Facts:
    """What is known once the data is loaded and the network made.

    ``baselines`` has, for each entrant, the loss of the best constant predictor on the
    training rows, in the loss's own units. ``null_scores`` maps each yardstick that has a
    skill to the score, one a seed, of the constant that fits the training rows best, on the
    rows that runs are judged on. ``trunk_sha256`` has the SHA-256 of each run's trunk as it
    started. ``learning_rates`` and ``gradient_scales`` say with what each entrant trains.
    """

    device: str
    torch_version: str
    baselines: list[float]
    null_scores: dict[str, list[float]]
    trunk_sha256: list[str]
    learning_rates: list[float]
    gradient_scales: list[float]
    range_test: RangeTest | None
    lens: GradientLens

    @classmethod
    def from_plain(cls, values: dict[str, Any]) -> Self:
        """From what ``dataclasses.asdict`` gave; fields that are not known are left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})
