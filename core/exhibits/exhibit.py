"""What an exhibit is: one claim about losses, the experiments that put it to the test, and how
their numbers decide.

Needs no torch, so that the gallery can read it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from core.compare.courses import CurveAxis
from core.spec import ExperimentSpec

if TYPE_CHECKING:
    from core.exhibits.evidence import Evidence
    from core.exhibits.outcome import Contrast

    Judge = Callable[[Sequence[Evidence]], Sequence[Contrast]]


class Drawing(StrEnum):
    """How a chart draws a measure: its course over training, or where each seed ended."""

    COURSE = "course"
    END = "end"


@dataclass(frozen=True)
class Chart:
    """One of the charts that matter. ``title`` says in plain words what to look at.

    ``judged_by`` names what entrants share an axis by, as ``core.judging.yardsticks.Shared.key``
    does ("accuracy", "error in accuracy", "skill in nll"), or for ``Drawing.END`` any measure.
    """

    title: str
    judged_by: str
    drawing: Drawing = Drawing.COURSE
    axis: CurveAxis = CurveAxis.EPOCH


@dataclass(frozen=True)
class Part:
    """One experiment of an exhibit, with the charts that are shown of it. ``title`` tells it from
    the other parts, as in "From a confident start"."""

    title: str
    spec: ExperimentSpec
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class Source:
    """Where a claim comes from: the paper with its year, and what it measured on what."""

    paper: str
    measured: str


@dataclass(frozen=True)
class Exhibit:
    """One claim, put to the test by experiments that are really run.

    ``question`` is asked in plain words, and ``claim`` is the answer that the source gives, a
    sentence. ``judge`` turns what the parts came to, in their order, into contrasts: numbers, one
    a seed, that are above 0 where the claim holds. ``why`` explains in a few sentences what is
    seen, whichever way it ends.
    """

    key: str
    question: str
    claim: str
    source: Source
    parts: tuple[Part, ...]
    judge: Judge
    why: str
