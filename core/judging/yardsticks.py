"""What every run is judged by: the yardsticks, described; ``core.judging.measures`` computes them.

Needs no torch, so that pages can read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.data import Dataset
from core.losses import LossSpec, Task
from core.records import Measure

_PROPER_NAMES = ("Brier",)


def within_sentence(title: str) -> str:
    """With a small first letter, but for names and abbreviations."""
    keeps = title.startswith(_PROPER_NAMES) or not title[1:2].islower()
    return title if keeps else title[0].lower() + title[1:]


@dataclass(frozen=True)
class Digits:
    """How a number is written: with so many decimals, and as a percentage if it is a share."""

    decimals: int
    is_share: bool = False

    @property
    def format(self) -> str:
        """As ``format()`` takes it, and d3 in the browser."""
        return f".{self.decimals}{'%' if self.is_share else 'f'}"

    @property
    def tick_format(self) -> str:
        """For the labels of an axis: whole percents, or as many decimals as they need."""
        return ".0%" if self.is_share else ""


@dataclass(frozen=True)
class Yardstick:
    """One measure of held-out rows.

    ``digits`` says how its value is written; ``needs_probabilities`` says that outputs
    which are none have no such score; ``has_skill`` that 1 - L / L_null is taken of it,
    L_null being the score of the best constant.
    """

    measure: Measure
    title: str
    explained: str
    higher_is_better: bool
    digits: Digits
    needs_probabilities: bool = False
    has_skill: bool = False
    is_judged_each_epoch: bool = True

    @property
    def name(self) -> str:
        """The title within a sentence: names and abbreviations keep their capitals."""
        return within_sentence(self.title)


#: What follows "NLL after": ``core.judging.temperature``.
_RESCALED = (
    "all logits were divided by one temperature, fitted to every other row (Guo et al. 2017); of "
    "the other half of the rows, so compare it with that of the same half before, on Calibration"
)

_CLASSES = (
    Yardstick(
        Measure.ACCURACY, "Accuracy", "share of rows whose predicted class is right",
        True, Digits(1, is_share=True),
    ),
    Yardstick(
        Measure.NLL, "NLL", "mean -log p(true class), nats", False, Digits(4),
        needs_probabilities=True, has_skill=True,
    ),
    Yardstick(
        Measure.BRIER, "Brier", "mean squared distance of p from the truth; (p - y)\u00b2 for two "
        "classes, summed over classes for more", False, Digits(4),
        needs_probabilities=True, has_skill=True,
    ),
    Yardstick(
        Measure.ECE, "ECE", "expected calibration error, 15 equal bins of the top confidence",
        False, Digits(4), needs_probabilities=True, is_judged_each_epoch=False,
    ),
    Yardstick(
        Measure.NLL_RESCALED, "NLL, rescaled", f"NLL after {_RESCALED}", False, Digits(4),
        needs_probabilities=True, is_judged_each_epoch=False,
    ),
    Yardstick(
        Measure.ECE_RESCALED, "ECE, rescaled", f"ECE after {_RESCALED}", False, Digits(4),
        needs_probabilities=True, is_judged_each_epoch=False,
    ),
    Yardstick(
        Measure.AUROC, "AUROC", "chance that a row of the class scores above one that is not; "
        "mean over classes, each against the rest", True, Digits(4), is_judged_each_epoch=False,
    ),
    Yardstick(
        Measure.AURC, "AURC", "area under the risk-coverage curve: the error among the surest "
        "rows, averaged over all shares of them from one row to all; sure by the largest "
        "probability, or by how far the largest score is above the next", False, Digits(4),
        is_judged_each_epoch=False,
    ),
)  # fmt: skip

_VALUES = (
    Yardstick(
        Measure.R2, "R\u00b2", "1 - squared error / squared distance from the mean", True, Digits(3)
    ),
    Yardstick(
        Measure.MSE, "MSE", "mean squared error, in variances of the training targets",
        False, Digits(4), has_skill=True,
    ),
    Yardstick(
        Measure.MAE, "MAE", "mean absolute error, in standard deviations of the training targets",
        False, Digits(4), has_skill=True,
    ),
)  # fmt: skip


def yardsticks(task: Task) -> tuple[Yardstick, ...]:
    """Those of a task, in the order of the matrix's columns; the first is the task's own."""
    return _CLASSES if task.is_classification else _VALUES


def first_yardstick(task: Task) -> Yardstick:
    """What a task is judged by first: accuracy for classes, R\u00b2 for values."""
    return yardsticks(task)[0]


def gives_probabilities(loss: LossSpec, task: Task) -> bool:
    """Whether what the loss trains can be read as probabilities of classes."""
    return task.is_classification and loss.formulas[task].link.gives_probabilities


class Reading(StrEnum):
    """What of a yardstick a shared axis shows."""

    PLAIN = "plain"
    SKILL = "skill"
    ERROR = "error"


@dataclass(frozen=True)
class Shared:
    """What entrants may share an axis by: a yardstick, its skill, or 1 minus a share.

    An error goes on a logarithmic axis, where 5% and 2% differ as much as 50% and 20%.
    """

    title: str
    measure: Measure
    reading: Reading
    digits: Digits

    @property
    def key(self) -> str:
        """What an address calls it."""
        if self.reading is Reading.PLAIN:
            return self.measure.value
        return f"{self.reading.value} in {self.measure.value}"


_SHARE, _SKILL = Digits(1, is_share=True), Digits(3)
SHARED: dict[bool, tuple[Shared, ...]] = {
    True: (
        Shared("Error", Measure.ACCURACY, Reading.ERROR, _SHARE),
        Shared("Accuracy", Measure.ACCURACY, Reading.PLAIN, _SHARE),
        Shared("NLL, against guessing", Measure.NLL, Reading.SKILL, _SKILL),
        Shared("Brier, against guessing", Measure.BRIER, Reading.SKILL, _SKILL),
    ),
    False: (
        Shared("R\u00b2", Measure.R2, Reading.PLAIN, _SKILL),
        Shared("MAE, against guessing", Measure.MAE, Reading.SKILL, _SKILL),
    ),
}


def plainly_shared(task: Task) -> tuple[Shared, ...]:
    """Every yardstick that is taken at each epoch, as it stands."""
    return tuple(
        Shared(each.title, each.measure, Reading.PLAIN, each.digits)
        for each in yardsticks(task)
        if each.is_judged_each_epoch
    )


def shared(data: Dataset) -> tuple[Shared, ...]:
    """What a chart with all entrants on one axis can show, the one that a page opens on first.

    Where one constant is right for every row there is no guess to be better than: scores stand
    as they are, and first, as a share of so few different rows says little.
    """
    offered = SHARED[data.task.is_classification]
    if not data.one_answer:
        return offered
    plain = {each.measure: each for each in plainly_shared(data.task)}
    scores = [plain[each.measure] for each in offered if each.reading is Reading.SKILL]
    return (*scores, *(each for each in offered if each.reading is not Reading.SKILL))
