"""The Train page without a browser: the form, and the screen of each status."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pages.parts.spec_form import DEFAULT, Field
from streamlit.testing.v1 import AppTest

from core.data import DATASETS
from core.losses import LOSSES, Task, fitting
from core.records import Evaluation, Measure, Progress, Split, Status, Wanted
from core.spec import LESSON, ExperimentSpec, TrainingSpec
from core.store import Store
from tests.browser.app import ROOT
from tests.facts import facts_with
from tests.waiting import wait_until

SPEC = ExperimentSpec(losses=("mse", "bce"), training=TrainingSpec(epochs=7))


@pytest.fixture
def app(lab_store: Store) -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)


def button(app: AppTest, label: str) -> object:
    return next(each for each in app.button if each.label == label)


def texts(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.error, *app.info, *app.subheader, *app.text]
    values = [str(each.value) for each in shown]
    values += [each.proto.body for each in app.get("html")]
    return "\n".join([*values, *readouts(app)])


def readouts(app: AppTest) -> list[str]:
    """What each readout says: its status, pace, details and numbers."""
    found = []
    for element in app.get("bidi_component"):
        sent = json.loads(element.proto.json or "{}")
        if "pace" in sent:
            pairs = [f"{title}: {value}" for title, value in sent["details"] + sent["numbers"]]
            found.append("\n".join([sent["status"], sent["pace"], *pairs]))
    return found


def unfold(app: AppTest, *labels: str) -> None:
    """Open what is drawn only while it is open."""
    app.run()
    for label in labels:
        app.session_state[f"fold_{label}"] = True
    app.run()


def charts(app: AppTest) -> list[dict[str, object]]:
    """The data that each mounted live chart was sent."""
    found = []
    for element in app.get("bidi_component"):
        sent = json.loads(element.proto.json or "{}")
        if sent.get("figure"):
            found.append(sent)
    return found


def recorded(store: Store, status: Status, reason: str | None = None) -> str:
    """A stored experiment with 90 steps and 2 epochs, left in ``status``."""
    experiment_id = store.create(SPEC)
    steps = np.linspace(1, 0.1, 180, dtype=np.float32).reshape(90, 2)
    rows = [
        Evaluation(run, epoch, 45 * epoch, split, measure, 0.25 + epoch / 10)
        for run in (0, 1)
        for epoch in (0, 1, 2)
        for split in Split
        for measure in (Measure.LOSS, Measure.ACCURACY)
    ]
    rows += [
        Evaluation(0, epoch, 45 * epoch, Split.TRAIN, Measure.EPOCH_LOSS, 1 / epoch)
        for epoch in (1, 2)
    ]
    facts = facts_with(total_steps=315, baselines={"mse": 0.09, "bce": 0.325})
    progress = Progress(90, 2, 0.5, steps, tuple(rows), (None, None), facts)
    store.report(experiment_id, progress, Status.RUNNING)
    if status is not Status.RUNNING:
        store.set_status(experiment_id, status, reason)
    return experiment_id


def test_the_empty_page_says_what_to_do(app: AppTest) -> None:
    app.run()
    assert not app.exception
    assert not app.error
    assert "Press Train" in texts(app)
    assert not button(app, "Train").disabled
    assert button(app, "Pause").disabled
    assert button(app, "Stop").disabled
    assert charts(app) == []


@pytest.mark.parametrize("key", DATASETS)
def test_losses_that_do_not_fit_are_disabled_with_the_reason(app: AppTest, key: str) -> None:
    unfold(app, "More losses")
    app.selectbox(key=Field.DATASET).select(key).run()
    assert not app.exception
    task = DATASETS[key].task
    for loss in LOSSES.values():
        shown = app.button(key=f"pick_{loss.key}")
        assert shown.disabled == (task not in loss.forms)
        if shown.disabled:
            assert loss.refusal(task) in shown.help
            assert loss.refusal(task) in texts(app)
    assert app.session_state[Field.LOSS] in [loss.key for loss in fitting(task)]
    assert not button(app, "Train").disabled


def test_a_loss_is_picked_with_one_click(app: AppTest) -> None:
    app.run()
    app.button(key="pick_hinge").click().run()
    assert app.session_state[Field.LOSS] == "hinge"


def test_the_lesson_fills_the_form_and_defaults_puts_it_back(app: AppTest) -> None:
    app.run()
    button(app, "The lesson").click().run()
    assert app.session_state[Field.DATASET] == LESSON.data.name
    assert app.session_state[Field.EPOCHS] == 10
    assert app.session_state[Field.BATCH_SIZE] == 32
    assert app.session_state[Field.LEARNING_RATE] == 0.01
    button(app, "Defaults").click().run()
    assert app.session_state[Field.DATASET] == DEFAULT.data.name
    assert app.session_state[Field.EPOCHS] == DEFAULT.training.epochs


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        (Field.EPOCHS, 99_999, "Epochs was 99,999; allowed is 1 to 10,000."),
        (Field.SEED, -1, "Seed was -1; allowed is 0 to"),
        ("form_hidden_size_0", 0, "Hidden size was 0; allowed is 1 to 4,096."),
    ],
)
def test_the_server_checks_what_the_browser_sent(
    app: AppTest, field: str, value: int, sentence: str
) -> None:
    app.run()
    app.number_input(key=field).set_value(value).run()
    assert not app.exception
    assert sentence in texts(app)
    assert button(app, "Train").disabled


def test_a_network_too_large_is_refused_with_the_numbers(app: AppTest) -> None:
    app.run()
    app.slider(key=Field.LAYERS).set_value(6).run()
    for layer in range(6):
        app.number_input(key=f"form_hidden_size_{layer}").set_value(4096)
    app.run()
    assert "allowed is up to 50,000,000" in texts(app)
    assert button(app, "Train").disabled


def test_train_makes_an_experiment_and_it_finishes(app: AppTest, lab_store: Store) -> None:
    app.run()
    button(app, "The lesson").click().run()
    button(app, "Train").click().run()
    assert not app.exception
    experiment_id = app.query_params["experiment"]
    wait_until(lambda: lab_store.get(experiment_id).status.is_finished, 60, "the end of training")
    app.run()
    assert lab_store.get(experiment_id).status is Status.FINISHED
    assert "Epoch [10/10], Loss: " in texts(app)


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_its_screen(app: AppTest, lab_store: Store, status: Status) -> None:
    reason = "The reason, as a sentence." if status.is_finished else None
    experiment_id = recorded(lab_store, status, reason)
    app.query_params["experiment"] = experiment_id
    app.run()
    assert not app.exception
    assert status.value.capitalize() in texts(app)
    if reason:
        assert reason in texts(app)
    assert button(app, "Train").disabled != status.is_finished
    assert button(app, "Stop").disabled == status.is_finished
    assert app.session_state[Field.LOSS] == "mse"
    loss_chart, rivals_chart = charts(app)
    assert loss_chart["status"] == rivals_chart["status"] == status.value
    assert loss_chart["steps"] == 90
    assert "Epoch [2/7], Loss: 0.5000" in texts(app)


def test_pause_resume_and_stop_write_what_is_wanted(app: AppTest, lab_store: Store) -> None:
    experiment_id = recorded(lab_store, Status.RUNNING)
    app.query_params["experiment"] = experiment_id
    app.run()
    for label, wanted in (
        ("Pause", Wanted.PAUSED),
        ("Resume", Wanted.RUNNING),
        ("Stop", Wanted.STOPPED),
    ):
        button(app, label).click().run()
        assert lab_store.get(experiment_id).wanted is wanted


def test_an_unknown_experiment_is_a_sentence(app: AppTest) -> None:
    app.query_params["experiment"] = "nonsense"
    app.run()
    assert not app.exception
    assert "No experiment 'nonsense'" in app.error[0].value
    assert "Press Train" in texts(app)


def test_the_rivals_are_those_that_fit() -> None:
    from pages.parts.spec_form import rivals

    assert rivals("cross_entropy", Task.MULTICLASS) == ("bce", "mse")
    assert rivals("hinge", Task.BINARY) == ("cross_entropy", "bce", "mse")
    assert rivals("l1", Task.REGRESSION) == ("mse",)
    assert rivals("mse", Task.REGRESSION) == ()
