"""What a person looks at of an experiment: the options in a stream's address."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from core.bounds import Bounds, Frozen, quoted
from core.compare.courses import CurveAxis
from core.compare.intervals import Spread
from core.compare.pairs import Scope
from core.errors import SpecError
from core.exhibits import EXHIBITS
from core.records import Measure

SMOOTHING = Bounds("Smoothing", 0, 0.99)


#: Which part of an exhibit; the last is meant where it has fewer.
_PART = Bounds("The part of an exhibit", 0, 99)


def _known_exhibit(key: str) -> str:
    if key and key not in EXHIBITS:
        raise ValueError(f"The exhibit was {quoted(key)}; there is none of that name.")
    return key


class Page(StrEnum):
    TRAIN = "train"
    COMPARE = "compare"
    EXHIBIT = "exhibit"


class Tab(StrEnum):
    """What stands below the curves of a race."""

    VERDICT = "verdict"
    UNITS = "units"
    CALIBRATION = "calibration"
    GRADIENTS = "gradients"
    LEARNED = "learned"
    CONDITIONS = "conditions"


class Look(StrEnum):
    """What is shown of what each entrant learned."""

    SURFACE = "surface"
    CURVE = "curve"
    NETWORK = "network"
    CONFUSION = "confusion"
    TRUTH = "truth"
    MISTAKES = "mistakes"
    PREDICTED = "predicted"


class View(Frozen):
    """The options of all pages, each with a default; a page reads those that it has.

    ``judged_by`` names a yardstick that entrants share an axis by, with "skill in" before its
    measure where it is the skill; one that the task does not have counts as its first, and so does
    a ``scope`` or ``look`` that the data does not have. ``ghost`` is the experiment that the page
    showed before, which is drawn faintly behind this one where ``before`` is set. ``exhibit`` and
    ``part`` name the exhibit whose charts are shown, and which of its parts the experiment is.
    ``pairs`` and ``one_function`` say whether the folds of that name are open.
    """

    page: Page = Page.TRAIN
    log: bool = False
    smoothing: Annotated[float, AfterValidator(SMOOTHING.check)] = 0.0
    judged_by: str = ""
    axis: CurveAxis = CurveAxis.EPOCH
    band: Spread = Spread.INTERVAL
    seeds: bool = False
    tab: Tab = Tab.VERDICT
    verdict_by: Measure | None = None
    pairs: bool = False
    one_function: bool = False
    scope: Scope = Scope.SPLITS
    seed: int | None = None
    look: Look | None = None
    ghost: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{10})?$")] = ""
    before: bool = True
    exhibit: Annotated[str, AfterValidator(_known_exhibit)] = ""
    part: Annotated[int, AfterValidator(_PART.check)] = 0

    @classmethod
    def parse(cls, options: Mapping[str, str]) -> Self:
        """From the options of an address; ``SpecError`` for one that no page makes."""
        try:
            return cls.model_validate(dict(options))
        except ValidationError as error:
            raise SpecError(*map(_sentence, error.errors())) from error


def _sentence(problem: ErrorDetails) -> str:
    name, kind = str(problem["loc"][0]), problem["type"]
    if kind == "extra_forbidden":
        return f"The name of an option was {quoted(name)}; a view has none of that name."
    if kind == "value_error":
        return str(problem["ctx"]["error"])
    return f"The view's option {name!r} was {quoted(problem['input'])}, which it can't be."
