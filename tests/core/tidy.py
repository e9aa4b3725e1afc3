"""Evaluations as single numbers, and such numbers as evaluations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from core.records import Column, Evaluation, Measure, Split


class Score(NamedTuple):
    """One number of one run at the end of one epoch."""

    run: int
    epoch: int
    step: int
    split: Split
    measure: Measure
    value: float


def scores(evaluations: Iterable[Evaluation]) -> list[Score]:
    """In the order of epochs and runs."""
    return [
        Score(run, each.epoch, each.step, *column, values[run].item())
        for each in evaluations
        for run in range(each.values.shape[1])
        for column, values in zip(each.columns, each.values, strict=True)
    ]


def evaluations(found: Iterable[Score], runs: int = 1) -> tuple[Evaluation, ...]:
    """NaN of a run that has no such score, where another has."""
    by_epoch: dict[tuple[int, int], list[Score]] = {}
    for score in found:
        by_epoch.setdefault((score.epoch, score.step), []).append(score)
    made = []
    for (epoch, step), those in sorted(by_epoch.items()):
        columns = tuple(dict.fromkeys(Column(each.split, each.measure) for each in those))
        values = np.full((len(columns), runs), np.nan, np.float32)
        for each in those:
            values[columns.index(Column(each.split, each.measure)), each.run] = each.value
        made.append(Evaluation(epoch, step, columns, values))
    return tuple(made)
