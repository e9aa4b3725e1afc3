"""What is recorded of an experiment, as files of comma-separated values."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from core.compare.scores import Standing
from core.store import Store

#: Columns that say where a line of losses belongs.
_AT = ("entrant", "seed", "epoch", "step", "judged_train_rows")


def losses_csv(store: Store, experiment_id: str) -> str:
    """Every evaluation of every run, a line for each epoch, in full precision.

    ``judged_train_rows`` are how many training rows of the seed ``train_loss`` and the like are of.
    """
    spec = store.get(experiment_id).spec
    columns: dict[str, None] = {}
    rows: dict[tuple[int, int, int], dict[str, float]] = {}
    for row in store.evaluations(experiment_id):
        column = f"{row.split}_{row.measure}"
        columns[column] = None
        rows.setdefault((row.run, row.epoch, row.step), {})[column] = row.value
    text = io.StringIO()
    writer = csv.DictWriter(text, [*_AT, *columns])
    writer.writeheader()
    for (run, epoch, step), values in sorted(rows.items()):
        named = {"entrant": spec.entrant_of(run).title, "seed": spec.seed_of(run)}
        judged = {"epoch": epoch, "step": step, "judged_train_rows": spec.judged_training_rows}
        writer.writerow({**named, **judged, **values})
    return text.getvalue()


def scores_csv(store: Store, experiment_id: str) -> str:
    """Every score of every seed in the newest snapshot, in full precision.

    A run that diverged has none, as in the matrix.
    """
    spec, snapshot = store.get(experiment_id).spec, store.snapshot(experiment_id)
    diverged_steps = [run.diverged_step for run in store.runs(experiment_id)]
    columns = Standing.of(spec, snapshot, diverged_steps).matrix if snapshot else []
    text = io.StringIO()
    names = [column.yardstick.measure.value for column in columns]
    writer = csv.writer(text)
    writer.writerow(["entrant", "seed", *names])
    for entrant in spec.lineup:
        for at, seed in enumerate(spec.seeds):
            scores = [float(column.scores[entrant.place, at]) for column in columns]
            writer.writerow([entrant.title, seed, *scores])
    return text.getvalue()


FILES: dict[str, Callable[[Store, str], str]] = {
    "losses.csv": losses_csv,
    "scores.csv": scores_csv,
}
