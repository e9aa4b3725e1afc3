"""Files of an experiment: everything that is stored, in full precision."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace

import numpy as np

from core.live.files import losses_csv, scores_csv
from core.records import Status
from core.store import Store
from core.training import train
from tests.core.live.staging import race_of, reported
from tests.core.tidy import scores

#: Columns that say where a line belongs.
AT = ("entrant", "seed", "epoch", "step", "judged_train_rows")


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


NAME = 'a, "quoted" name = 2'


def test_the_losses_are_those_that_are_stored(store: Store) -> None:
    spec = race_of(entrants=[{"loss": "mse", "name": NAME}, {"loss": "hinge"}])
    experiment_id = reported(store, spec)
    stored = {
        (spec.entrant_of(row.run).title, spec.seed_of(row.run), row.epoch, row.step,
         f"{row.split.value}_{row.measure.value}"): row.value
        for row in scores(store.evaluations(experiment_id))
    }  # fmt: skip
    read = {
        (row["entrant"], int(row["seed"]), int(row["epoch"]), int(row["step"]), column): float(
            value
        )
        for row in rows_of(losses_csv(store, experiment_id))
        for column, value in row.items()
        if column not in AT and value
    }
    judged = {row["judged_train_rows"] for row in rows_of(losses_csv(store, experiment_id))}
    assert judged == {str(spec.judged_training_rows)}
    # As texts: what is not a number does not equal itself.
    assert {at: repr(value) for at, value in read.items()} == {
        at: repr(value) for at, value in stored.items()
    }
    assert {entrant for entrant, *_ in read} == {NAME, "Hinge"}


def test_the_losses_of_one_that_waits_are_none(store: Store) -> None:
    assert (
        losses_csv(store, store.create(race_of()))
        == "entrant,seed,epoch,step,judged_train_rows\r\n"
    )


def test_a_value_that_is_no_number_is_written_as_such(store: Store) -> None:
    spec = race_of(
        "diabetes", ("mse", "l1"), optimizer={"name": "sgd", "learning_rate": 1},
        training={"epochs": 6, "batch_size": 8},
    )  # fmt: skip
    experiment_id = reported(store, spec)
    stored = [row.value for row in scores(store.evaluations(experiment_id))]
    read = [
        float(value)
        for row in rows_of(losses_csv(store, experiment_id))
        for column, value in row.items()
        if column not in AT and value
    ]
    assert sum(map(math.isnan, read)) == sum(map(math.isnan, stored))
    assert len(read) == len(stored)


def test_the_scores_are_those_of_the_snapshot(store: Store) -> None:
    spec = race_of(losses=("cross_entropy", "mse", "hinge"))
    experiment_id = reported(store, spec)
    snapshot = store.snapshot(experiment_id)
    assert snapshot is not None
    rows = rows_of(scores_csv(store, experiment_id))
    assert [(row["entrant"], int(row["seed"])) for row in rows] == [
        (entrant.title, seed) for entrant in spec.lineup for seed in spec.seeds
    ]
    final = {
        (row.run, row.measure.value): row.value
        for row in scores(store.evaluations(experiment_id, after_epoch=snapshot.epoch - 1))
        if row.split.value == "val"
    }
    accuracies = [float(row["accuracy"]) for row in rows]
    np.testing.assert_allclose(accuracies, [final[run, "accuracy"] for run in range(9)], rtol=1e-6)


def test_a_run_that_diverged_has_no_scores(store: Store) -> None:
    """Although its weights, which mean nothing, may still predict some class."""
    spec = race_of(losses=("cross_entropy", "mse"))
    experiment_id = store.create(spec)
    for progress in train(spec):
        steps = (None, 5, None, None, None, None) if progress.outcome else (None,) * 6
        status = progress.outcome or Status.RUNNING
        store.report(experiment_id, replace(progress, diverged_steps=steps), status)
    for run, row in enumerate(rows_of(scores_csv(store, experiment_id))):
        for measure in ("accuracy", "nll", "auroc"):
            assert math.isnan(float(row[measure])) == (run == 1)


def test_the_scores_of_one_that_waits_are_names_alone(store: Store) -> None:
    text = scores_csv(store, store.create(race_of(losses=["mse"], seeds=[3, 4])))
    assert text == "entrant,seed\r\nMSE,3\r\nMSE,4\r\n"


def test_no_spreadsheet_takes_a_name_for_a_formula(store: Store) -> None:
    names = ("=1+1", "@x", "+1", "-1")
    spec = race_of(entrants=[{"loss": "mse", "name": name} for name in names], seeds=[0])
    experiment_id = reported(store, spec)
    for text in (losses_csv(store, experiment_id), scores_csv(store, experiment_id)):
        assert {row["entrant"] for row in rows_of(text)} == {f"'{name}" for name in names}
