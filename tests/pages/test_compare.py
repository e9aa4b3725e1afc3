"""The Compare page without a browser: the example, the form, and what a race shows."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from pages.parts.spec_form import Field
from streamlit.testing.v1 import AppTest

from core import example
from core.records import Progress, Status
from core.spec import ExperimentSpec, Protocol
from core.store import Store
from core.training import train
from tests.browser.app import ROOT
from tests.pages.test_train import button, charts, texts


@pytest.fixture
def app(lab_store: Store) -> AppTest:
    opened = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    return opened.switch_page("pages/compare.py")


def race_of(data: str = "moons", losses=("cross_entropy", "mse", "hinge"), **parts: object):
    return ExperimentSpec.parse(
        {
            "data": {"name": data, "rows": 200},
            "network": {"hidden_sizes": [4]},
            "training": {"epochs": 3, "device": "cpu"},
            "losses": losses,
            "seeds": [0, 1, 2],
            **parts,
        }
    )


def reported(store: Store, spec: ExperimentSpec, status: Status | None = None) -> str:
    """The spec trained here and reported as a job does; left in ``status`` if one is given."""
    experiment_id = store.create(spec)
    torch.set_num_threads(1)
    for progress in train(spec):
        is_end = progress.outcome is not None
        if status is not None and is_end:
            store.set_status(experiment_id, status, "The reason, as a sentence.")
            break
        store.report(experiment_id, progress, progress.outcome or Status.RUNNING)
    return experiment_id


def opened(app: AppTest, experiment_id: str) -> AppTest:
    app.query_params["experiment"] = experiment_id
    app.run()
    assert not app.exception
    return app


def tables(app: AppTest) -> str:
    return "\n".join(table.value.to_string() for table in app.table)


def test_it_opens_on_a_finished_example_that_was_really_run(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert not app.error
    assert "An example race" in texts(app)
    assert "Finished" in texts(app)
    assert "CrossEntropy" in tables(app)
    assert not button(app, "Race").disabled
    (shared_chart,) = charts(app)
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
def test_too_few_or_too_many_seeds_are_a_sentence(app, lab_store, count, sentence) -> None:
    app.run()
    before = len(lab_store.recent(100))
    app.number_input(key=Field.SEED_COUNT).set_value(count).run()
    assert sentence in texts(app)
    assert button(app, "Race").disabled
    assert len(lab_store.recent(100)) == before


def test_one_loss_is_no_race(app) -> None:
    app.run()
    app.button(key="pick_bce").click().run()
    app.button(key="pick_mse").click().run()
    assert "A race needs two losses or more; picked was CrossEntropy." in texts(app)
    assert button(app, "Race").disabled
    app.button(key="pick_cross_entropy").click().run()
    assert "picked was none" in texts(app)
    app.button(key="pick_mse").click().run()
    app.button(key="pick_hinge").click().run()
    assert not button(app, "Race").disabled


def test_an_estimate_is_shown_and_a_race_too_long_is_refused_with_the_numbers(app) -> None:
    app.run()
    assert "3 losses x 5 seeds = 15 networks" in texts(app)
    app.number_input(key=Field.SEED_COUNT).set_value(20)
    app.number_input(key=Field.EPOCHS).set_value(10_000)
    app.number_input(key="form_hidden_size_0").set_value(4096).run()
    assert "seconds of training estimated" in texts(app)
    assert "allowed is up to 21,600" in texts(app)
    assert button(app, "Race").disabled


def test_other_data_takes_losses_that_fit(app) -> None:
    app.run()
    app.selectbox(key=Field.DATASET).select("diabetes").run()
    assert not app.exception
    assert app.session_state[Field.RACERS][:2] == ["mse", "l1"]
    assert not button(app, "Race").disabled


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.FINISHED])
def test_every_status_has_its_screen(app, lab_store, status) -> None:
    opened(app, reported(lab_store, race_of(), status))
    assert status.value.capitalize() in texts(app)
    assert "The reason, as a sentence." in texts(app)
    assert button(app, "Race").disabled != status.is_finished
    assert charts(app)[0]["status"] == status.value


def test_the_matrix_says_what_is_no_probability_and_marks_the_best(app, lab_store) -> None:
    opened(app, reported(lab_store, race_of()))
    hinge = app.table[0].value.loc["Hinge"]
    assert list(hinge == "not a probability") == [False, True, True, True, False]
    said = texts(app)
    assert "(epoch 3)" in said
    assert "95 % interval" in said
    assert "n = 3" in said


def test_one_seed_shows_nothing(app, lab_store) -> None:
    opened(app, reported(lab_store, race_of(seeds=[4])))
    assert "One seed shows nothing" in texts(app)
    assert "**" not in tables(app)


def test_a_regression_has_its_own_yardsticks(app, lab_store) -> None:
    opened(app, reported(lab_store, race_of("diabetes", ("mse", "l1"))))
    assert list(app.table[0].value.columns) == ["MSE ↓", "MAE ↓", "R² ↑"]
    figure = json.loads(str(charts(app)[0]["figure"]))
    assert figure["layout"]["yaxis"]["title"]["text"] == "validation R²"


def test_diverged_seeds_are_counted(app, lab_store) -> None:
    spec = race_of(
        "diabetes", ("mse", "l1"), optimizer={"name": "sgd", "learning_rate": 1},
        training={"epochs": 6, "batch_size": 8},
    )  # fmt: skip
    experiment_id = reported(lab_store, spec)
    runs = lab_store.runs(experiment_id)
    assert [run.diverged_step is not None for run in runs] == [True] * 3 + [False] * 3
    opened(app, experiment_id)
    assert "MSE in 3 of 3 seeds" in app.warning[0].value
    assert app.table[0].value.loc["MSE"].tolist() == ["diverged"] * 3
    assert "MSE diverged in 3 of 3 seeds" in texts(app)


def test_the_exhibit_sets_up_the_race_where_ce_and_bce_agree(app, lab_store) -> None:
    opened(app, reported(lab_store, race_of(losses=("cross_entropy", "bce"))))
    assert "Largest difference of their step losses" in texts(app)
    button(app, "Set up the race where they agree").click().run()
    assert app.session_state[Field.PROTOCOL] is Protocol.ONE_FUNCTION
    assert not button(app, "Race").disabled


def test_a_report_without_steps_yet_is_a_screen_too(app, lab_store) -> None:
    spec = race_of(training={"epochs": 3, "protocol": "best_rate"})
    experiment_id = lab_store.create(spec)
    none = np.empty((0, spec.run_count), np.float32)
    lab_store.report(experiment_id, Progress(0, 0, 0.0, none, (), (None,) * spec.run_count))
    opened(app, experiment_id)
    assert "trying learning rates" in texts(app)
    assert "once the first epoch is complete" in texts(app)
