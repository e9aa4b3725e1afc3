"""What a chart of an exhibit is judged by, as the other parts of the lab describe it."""

from __future__ import annotations

from core.exhibits.exhibit import Chart
from core.judging.yardsticks import (
    Shared,
    Yardstick,
    first_yardstick,
    plainly_shared,
    shared,
    yardsticks,
)
from core.spec import ExperimentSpec


def shared_of(spec: ExperimentSpec, chart: Chart) -> Shared:
    """What a chart of courses is judged by: what pages offer, or any yardstick as it stands; the
    task's first where it has neither."""
    offered = (*shared(spec.dataset), *plainly_shared(spec.dataset.task))
    return next((each for each in offered if each.key == chart.judged_by), offered[0])


def yardstick_of(spec: ExperimentSpec, chart: Chart) -> Yardstick:
    """The measure of a chart, whatever reading of it is drawn; the task's first where it does
    not have that."""
    task = spec.dataset.task
    by_key = {each.key: each.measure.value for each in shared(spec.dataset)}
    measure = by_key.get(chart.judged_by, chart.judged_by)
    found = (each for each in yardsticks(task) if each.measure == measure)
    return next(found, first_yardstick(task))
