"""What is known of an experiment before its first step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass
from functools import cache

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from core.spec import Entrant


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
    ``baselines`` and ``lens`` are of the losses that entrants begin with; where one switches,
    ``later_baselines`` and ``later_lens`` are of those that entrants end with, else None.
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
    later_baselines: list[float] | None = None
    later_lens: GradientLens | None = None

    def later_baseline(self, place: int) -> float | None:
        """That of the loss that the entrant at ``place`` ends with; None where nobody switches."""
        return None if self.later_baselines is None else self.later_baselines[place]

    def lens_at(self, step: int, lineup: Sequence[Entrant]) -> GradientLens:
        """The lens of the losses that the entrants train with at a step."""
        later = self.later_lens
        if later is None:
            return self.lens
        gradients = [
            (self.lens if entrant.loss_of(step) == entrant.loss else later)["gradients"][place]
            for place, entrant in enumerate(lineup)
        ]
        return GradientLens(margins=self.lens["margins"], gradients=gradients)

    def check(self, entrants: int, seeds: int) -> None:
        """Raises ``ValueError`` where there is not one of each for each entrant, seed or run."""
        lenses = [each for each in (self.lens, self.later_lens) if each is not None]
        of_each: tuple[tuple[int, Iterable[Sized]], ...] = (
            (entrants, [self.baselines, self.learning_rates, self.gradient_scales]),
            (entrants, [] if self.later_baselines is None else [self.later_baselines]),
            (entrants, [each["gradients"] for each in lenses]),
            (entrants, [] if self.range_test is None else [self.range_test["skills"]]),
            (seeds, self.null_scores.values()),
            (entrants * seeds, [self.trunk_sha256]),
        )
        for allowed, lists in of_each:
            for found in lists:
                if len(found) != allowed:
                    raise ValueError(
                        f"A list of the facts has {len(found):,} values; allowed is {allowed:,}, "
                        "one for each entrant, seed or run."
                    )

    @classmethod
    def from_json(cls, text: str) -> Facts:
        """From the JSON of what ``dataclasses.asdict`` gave; fields that are not known are left
        out. Raises ``ValueError`` for what is none."""
        try:
            return _adapter().validate_json(text)
        except ValidationError as error:
            problem = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, problem["loc"])) or "their JSON"
            raise ValueError(f"The facts can't be read at {where}: {problem['msg']}.") from error


@cache
def _adapter() -> TypeAdapter[Facts]:
    return TypeAdapter(Facts)
