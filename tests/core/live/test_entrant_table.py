"""The table of a training's entrants: its numbers, the steps to the mark, and picking a row."""

from __future__ import annotations

import numpy as np
import pytest

from core.live.blocks import Block
from core.records import Measure, Progress, Split, Status
from core.store import Store
from tests.core.live.staging import charts, race_of, stage, table
from tests.core.tidy import Score, evaluations
from tests.facts import facts_of

SPEC = race_of(losses=["mse", "bce", "hinge"], seeds=[0])
#: By entrant: the accuracy on held-out rows after each epoch. The third one diverged.
ACCURACIES = ((0.5, 0.62, 0.91), (0.5, 0.93, 0.95), (0.5, 0.5, None))


@pytest.fixture
def experiment_id(store: Store) -> str:
    """Half-way, its numbers made by hand."""
    key = store.create(SPEC)
    per_epoch = SPEC.steps_per_epoch
    rows = []
    for run, accuracies in enumerate(ACCURACIES):
        for epoch, accuracy in enumerate(accuracies):
            value = float("nan") if accuracy is None else accuracy
            at = (run, epoch, epoch * per_epoch)
            rows += [
                Score(*at, Split.VAL, Measure.ACCURACY, value),
                Score(*at, Split.VAL, Measure.NLL, value / 10),
                Score(*at, Split.VAL, Measure.LOSS, value / 2),
                Score(*at, Split.TRAIN, Measure.LOSS, value / 4),
            ]
    steps = np.ones((2 * per_epoch, 3), np.float32)
    facts = facts_of(3, baselines=[0.1, 0.7, 1.0])
    progress = Progress(2 * per_epoch, 2, 1.0, steps, evaluations(rows, 3), (None, None, 7), facts)
    store.report(key, progress, Status.RUNNING)
    return key


def numbers(shown: dict[str, Block]) -> list[dict[str, str]]:
    _, *titles = shown["numbers"]["columns"]
    return [dict(zip(titles, cells, strict=True)) for cells in table(shown, "numbers").values()]


def test_each_row_has_the_newest_numbers_of_its_entrant(store: Store, experiment_id: str) -> None:
    mse, bce, hinge = numbers(stage(store, experiment_id))
    assert mse == {
        "Training loss": "0.2275",
        "Validation loss": "0.4550",
        "Validation accuracy": "91.0%",
        "Validation NLL": "0.0910",
        "Steps to 90%": f"{2 * SPEC.steps_per_epoch:,}",
        "Status": "Running",
    }
    assert bce["Validation accuracy"] == "95.0%"
    assert bce["Steps to 90%"] == f"{SPEC.steps_per_epoch:,}"
    assert hinge["Validation accuracy"] == "not finite"
    assert hinge["Steps to 90%"] == "–"
    assert hinge["Status"] == "Diverged at step 7"


def test_who_diverged_before_the_first_epoch_ended_has_not_the_untrained_numbers(
    store: Store,
) -> None:
    key = store.create(SPEC)
    rows = (
        Score(run, 0, 0, split, measure, 0.5)
        for run in range(3)
        for split in Split
        for measure in (Measure.ACCURACY, Measure.NLL, Measure.LOSS)
    )
    facts = facts_of(3, baselines=[0.1, 0.7, 1.0])
    progress = Progress(
        2, 0, 1.0, np.ones((2, 3), np.float32), evaluations(rows, 3), (2, None, 2), facts
    )
    store.report(key, progress, Status.RUNNING)
    mse, bce, hinge = numbers(stage(store, key))
    assert mse["Validation accuracy"] == hinge["Validation loss"] == "not finite"
    assert bce["Validation accuracy"] == "50.0%"


def test_every_column_of_numbers_is_explained(store: Store, experiment_id: str) -> None:
    table_block = stage(store, experiment_id)["numbers"]
    explained = dict(zip(table_block["columns"], table_block["tips"], strict=True))
    assert [column for column, tip in explained.items() if not tip] == ["", "Status"]


def test_the_sentence_and_the_table_tell_of_one_mark(store: Store, experiment_id: str) -> None:
    assert stage(store, experiment_id)["said"]["text"] == (
        "BCE reached 90% accuracy at epoch 1 (now 95.0%), MSE at 2 (91.0%)."
    )


def test_a_rows_title_is_the_name_of_its_lines(store: Store, experiment_id: str) -> None:
    shown = stage(store, experiment_id)
    assert shown["numbers"]["lines_in"] == experiment_id
    figure = charts(shown)["compared_chart"]
    assert figure["layout"]["meta"]["scope"] == experiment_id
    lines = {trace["legendgroup"] for trace in figure["data"]}
    assert [title for title, *_ in shown["numbers"]["rows"]] == ["MSE", "BCE", "Hinge"]
    assert lines == {"MSE", "BCE", "Hinge"}


def test_a_regression_is_judged_by_its_own_yardsticks_and_a_lesson_by_its_training_rows(
    store: Store,
) -> None:
    values = stage(store, store.create(race_of("diabetes", ["mse", "l1"], seeds=[0])))
    assert values["numbers"]["columns"][3:] == [
        "Validation R²", "Validation MSE", "Steps to the mark", "Status",
    ]  # fmt: skip
    lesson = stage(store, store.create(race_of("lesson", ["mse"], seeds=[0])))
    assert lesson["numbers"]["columns"] == [
        "", "Training loss", "Training accuracy", "Training NLL", "Steps to the mark", "Status",
    ]  # fmt: skip
