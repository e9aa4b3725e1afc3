"""Every entrant of a training in numbers; a click on a row leaves its curves alone in sight."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.compare.courses import judged_split
from core.compare.curves import RunCurves
from core.compare.so_far import SoFar
from core.judging.yardsticks import Digits, Yardstick, first_yardstick, yardsticks
from core.live import blocks, terms, words
from core.live.blocks import Block
from core.records import Experiment, Measure, Split
from core.spec import Entrant, ExperimentSpec

_NO_NUMBER = "–"


@dataclass(frozen=True)
class _Column:
    title: str
    tip: str
    cell: Callable[[Entrant, RunCurves], str]


def draw(experiment: Experiment, runs: Sequence[RunCurves], so_far: SoFar) -> Iterator[Block]:
    """The numbers are those of each entrant's first seed."""
    spec = experiment.spec
    columns = [*_losses(spec), *_scores(spec), _arrivals(spec, so_far), _status()]
    rows = {}
    for entrant in spec.lineup:
        run = runs[spec.runs_of(entrant.place)][0]
        rows[entrant.title] = [column.cell(entrant, run) for column in columns]
    yield blocks.table(
        "numbers",
        ["", *(column.title for column in columns)],
        rows,
        "Every entrant in numbers",
        {column.title: column.tip for column in columns},
        lines_in=experiment.id,
    )


def _losses(spec: ExperimentSpec) -> Iterator[_Column]:
    """The own loss, in its unit; where some of the training rows are judged, how many."""
    count = spec.judged_training_rows
    sampled = f", {count:,} rows" if count < spec.data.train_rows else ""
    training, validation = terms.own_loss("training"), terms.own_loss("held-out")
    yield _Column(f"Training loss{sampled}", training, _newest(Split.TRAIN, Measure.LOSS))
    if spec.data.validation_rows:
        yield _Column("Validation loss", validation, _newest(Split.VAL, Measure.LOSS))


def _scores(spec: ExperimentSpec) -> Iterator[_Column]:
    """The task's first yardstick and the next one, on the rows that are judged."""
    split = judged_split(spec)
    shown: Sequence[Yardstick] = yardsticks(spec.dataset.task)[:2]
    for yardstick in shown:
        title = f"{split.word.capitalize()} {yardstick.name}"
        cell = _newest(split, yardstick.measure, yardstick.digits)
        yield _Column(title, terms.of_yardstick(yardstick), cell)


def _newest(
    split: Split, measure: Measure, digits: Digits | None = None
) -> Callable[[Entrant, RunCurves], str]:
    def cell(_entrant: Entrant, run: RunCurves) -> str:
        if run.diverged_step is not None:
            # The last evaluation may be from before.
            return words.number(math.nan, digits)
        values = run.evaluation(split, measure).values
        return words.number(float(values[-1]) if len(values) else None, digits)

    return cell


def _arrivals(spec: ExperimentSpec, so_far: SoFar) -> _Column:
    """Steps to the mark that the sentence tells of."""
    yardstick = first_yardstick(spec.dataset.task)
    mark = so_far.mark
    goal = "the mark" if mark is None else f"{mark:{yardstick.digits.tick_format or '.1f'}}"

    def cell(entrant: Entrant, _run: RunCurves) -> str:
        epoch = so_far.arrivals[entrant.place]
        return _NO_NUMBER if epoch is None else f"{epoch * spec.steps_per_epoch:,}"

    tip = f"Updates of the weights until {yardstick.name} reached {goal}, at an epoch's end."
    return _Column(f"Steps to {goal}", tip, cell)


def _status() -> _Column:
    def cell(_entrant: Entrant, run: RunCurves) -> str:
        if run.diverged_step is not None:
            return f"Diverged at step {run.diverged_step:,}"
        return run.run.status.value.capitalize()

    return _Column("Status", "", cell)
