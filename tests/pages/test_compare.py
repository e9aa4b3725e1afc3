"""The Compare page without a browser: the example, the form, and what a race shows."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

from core import example
from core.records import Progress, Status
from core.spec import OptimizerName, Protocol
from core.store import Store
from core.store.tables import experiments
from core.training import train
from tests.pages.looking import (
    button,
    charts,
    click,
    edit,
    enter,
    entrants,
    errors,
    race_of,
    read,
    reported,
    run,
    said,
    shown,
    tables,
    texts,
)


def stored_experiments(store: Store) -> int:
    with store._database.read() as connection:
        return connection.scalar(select(func.count()).select_from(experiments)) or 0


def test_it_opens_on_a_finished_example_that_was_really_run(compare: AppTest) -> None:
    run(compare)
    assert not compare.error
    assert "An example race" in texts(compare)
    assert "Finished" in texts(compare)
    assert "CrossEntropy" in tables(compare)
    assert not button(compare, "Race").disabled
    (shared_chart,) = charts(compare)
    assert shared_chart["steps"] == example.SPEC.total_steps


def test_the_recorded_example_is_what_its_settings_give_today() -> None:
    torch.set_num_threads(1)
    reports = list(example.recorded())
    now = list(train(example.SPEC))
    kept, fresh = (np.concatenate([report.losses for report in each]) for each in (reports, now))
    # Other processors round otherwise, and training spreads it.
    np.testing.assert_allclose(kept[:45], fresh[:45], rtol=1e-3, atol=1e-4)
    assert reports[0].facts is not None
    assert now[0].facts is not None
    assert reports[0].facts.trunk_sha256 == now[0].facts.trunk_sha256
    kept_rows, fresh_rows = (
        {(r.run, r.epoch, r.split, r.measure) for report in each for r in report.evaluations}
        for each in (reports, now)
    )
    assert kept_rows == fresh_rows
    assert reports[-1].snapshot is not None
    assert now[-1].snapshot is not None
    assert reports[-1].snapshot.order_sha256 == now[-1].snapshot.order_sha256


@pytest.mark.parametrize(
    ("count", "sentence"),
    [(0, "Number of seeds was 0; allowed is 1 to 20."), (1000, "Number of seeds was 1,000;")],
)
def test_too_few_or_too_many_seeds_are_a_sentence(compare, lab_store, count, sentence) -> None:
    run(compare)
    before = stored_experiments(lab_store)
    enter(compare, "compare", "seed_count", count)
    assert errors(compare)[0].startswith(sentence)
    assert button(compare, "Race").disabled
    assert stored_experiments(lab_store) == before


def test_one_entrant_is_no_race(compare) -> None:
    run(compare)
    for _ in range(2):
        click(edit(compare, "compare", 1), "Remove")
    assert errors(compare) == ["A race needs two entrants or more; there was 1."]
    assert button(compare, "Race").disabled
    assert button(edit(compare, "compare", 0), "Remove").disabled
    click(compare, "add_bce")
    assert not compare.error
    assert not button(compare, "Race").disabled


def test_an_estimate_is_shown_and_a_race_too_long_is_refused_with_the_numbers(compare) -> None:
    run(compare)
    assert "3 entrants x 5 seeds = 15 networks" in texts(compare)
    enter(compare, "compare", "seed_count", 20)
    enter(compare, "compare", "epochs", 10_000)
    enter(compare, "compare", "sizes/0", 4096)
    assert "seconds of training estimated" in texts(compare)
    assert "allowed is up to 21,600" in texts(compare)
    assert button(compare, "Race").disabled


def test_other_data_takes_losses_that_fit(compare) -> None:
    enter(run(compare), "compare", "dataset", "diabetes")
    assert [each.loss for each in read(compare, "compare").entrants][:2] == ["mse", "l1"]
    assert not button(compare, "Race").disabled


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.FINISHED])
def test_every_status_has_its_screen(compare, lab_store, status) -> None:
    shown(compare, reported(lab_store, race_of(), status))
    assert status.value.capitalize() in texts(compare)
    assert "The reason, as a sentence." in said(compare)
    assert button(compare, "Race").disabled != status.is_finished
    assert charts(compare)[0]["status"] == status.value


def test_the_matrix_says_what_is_no_probability_and_marks_the_best(compare, lab_store) -> None:
    shown(compare, reported(lab_store, race_of()))
    hinge = compare.table[0].value.loc["Hinge"]
    assert list(hinge == "not a probability") == [False, True, True, True, False]
    assert "(epoch 3)" in said(compare)
    assert "95 % interval" in said(compare)
    assert "n = 3" in said(compare)


def test_one_seed_shows_nothing(compare, lab_store) -> None:
    shown(compare, reported(lab_store, race_of(seeds=[4])))
    assert "One seed shows nothing" in texts(compare)
    assert "**" not in tables(compare)


def test_a_regression_has_its_own_yardsticks(compare, lab_store) -> None:
    shown(compare, reported(lab_store, race_of("diabetes", ("mse", "l1"))))
    assert list(compare.table[0].value.columns) == ["R² ↑", "MSE ↓", "MAE ↓"]
    figure = json.loads(str(charts(compare)[0]["figure"]))
    assert figure["layout"]["yaxis"]["title"]["text"] == "validation R²"


def test_diverged_seeds_are_counted(compare, lab_store) -> None:
    spec = race_of(
        "diabetes", ("mse", "l1"), optimizer={"name": "sgd", "learning_rate": 1},
        training={"epochs": 6, "batch_size": 8},
    )  # fmt: skip
    experiment_id = reported(lab_store, spec)
    runs = lab_store.runs(experiment_id)
    assert [run.diverged_step is not None for run in runs] == [True] * 3 + [False] * 3
    shown(compare, experiment_id)
    assert "MSE in 3 of 3 seeds" in compare.warning[0].value
    assert compare.table[0].value.loc["MSE"].tolist() == ["diverged"] * 3
    assert "MSE diverged in 3 of 3 seeds" in said(compare)


def test_the_exhibit_sets_up_the_race_where_ce_and_bce_agree(compare, lab_store) -> None:
    shown(compare, reported(lab_store, race_of(losses=("cross_entropy", "bce"))))
    assert "Largest difference of their step losses" in texts(compare)
    click(compare, "Set up the race where they agree")
    agreeing = read(compare, "compare")
    assert agreeing.training.protocol is Protocol.ONE_FUNCTION
    assert agreeing.optimizer.name is OptimizerName.SGD
    assert [each.loss for each in agreeing.entrants] == ["cross_entropy", "bce"]
    assert not button(compare, "Race").disabled


def test_every_tab_has_a_chart_or_a_reason_for_each_entrant_by_its_place(
    compare, lab_store
) -> None:
    two = {"loss": "focal"}, {"loss": "focal", "parameters": {"gamma": 5}}
    spec = race_of(entrants=[{"loss": "hinge"}, *two])
    experiment_id = reported(lab_store, spec)
    keys = {
        "Own units": ["units_0", "units_1", "units_2"],
        "Calibration": ["calibration_1", "calibration_2"],
        "Gradients": ["lens_chart"],
        "What each learned": ["learned_0", "learned_1", "learned_2"],
        "Conditions": [],
    }
    for tab, expected in keys.items():
        compare.session_state["race_tabs"] = tab
        shown(compare, experiment_id)
        assert not compare.error
        assert [chart["key"] for chart in charts(compare)][1:] == expected
    compare.session_state["race_tabs"] = "Calibration"
    run(compare)
    assert "Its outputs are scores, not probabilities." in texts(compare)
    titles = ["Hinge", "Focal γ 2", "Focal γ 5"]
    assert list(entrants(compare, "compare").values()) == titles
    figure = json.loads(charts(compare)[0]["figure"])
    assert [line["name"] for line in figure["data"] if line.get("name")][: len(titles)]


def test_a_report_without_steps_yet_is_a_screen_too(compare, lab_store) -> None:
    spec = race_of(training={"epochs": 3, "protocol": "best_rate"})
    experiment_id = lab_store.create(spec)
    none = np.empty((0, spec.run_count), np.float32)
    lab_store.report(experiment_id, Progress(0, 0, 0.0, none, (), (None,) * spec.run_count))
    shown(compare, experiment_id)
    assert "trying learning rates" in said(compare)
    assert "once the first epoch is complete" in texts(compare)
