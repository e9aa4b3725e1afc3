"""What is recorded of an experiment, as files of comma-separated values."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from core.compare.scores import Standing
from core.store import Store

#: Columns that say where a line of losses belongs.
_AT = ("entrant", "seed", "epoch", "step", "judged_train_rows")

#: What a formula begins with in a spreadsheet.
_FORMULA = ("=", "+", "-", "@")


def losses_csv(store: Store, experiment_id: str) -> str:
    """Every evaluation of every run, a line for each epoch that was judged, in full precision.

    ``judged_train_rows`` are how many training rows of the seed ``train_loss`` and the like are of.
    """
    spec, judged = store.get(experiment_id).spec, store.evaluations(experiment_id)
    names = dict.fromkeys(column for each in judged for column in each.columns)
    text = io.StringIO()
    writer = csv.DictWriter(text, [*_AT, *(f"{split}_{measure}" for split, measure in names)])
    writer.writeheader()
    for run in range(spec.run_count):
        named = {"entrant": _words(spec.entrant_of(run).title), "seed": spec.seed_of(run)}
        for each in judged:
            at = {"epoch": each.epoch, "step": each.step}
            scores = each.values[:, run].tolist()
            values = {
                f"{split}_{measure}": value
                for (split, measure), value in zip(each.columns, scores, strict=True)
            }
            writer.writerow(
                {**named, **at, "judged_train_rows": spec.judged_training_rows, **values}
            )
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
            writer.writerow([_words(entrant.title), seed, *scores])
    return text.getvalue()


def _words(title: str) -> str:
    """A title as a spreadsheet shows it: what begins like a formula would be run there."""
    return f"'{title}" if title.startswith(_FORMULA) else title


FILES: dict[str, Callable[[Store, str], str]] = {
    "losses.csv": losses_csv,
    "scores.csv": scores_csv,
}
