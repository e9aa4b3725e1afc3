"""The Train page without a browser: the form, and the screen of each status."""

from __future__ import annotations

import importlib.metadata

import pytest
from streamlit.testing.v1 import AppTest

from core.data import DATASETS
from core.example import EXAMPLES
from core.losses import LOSSES, Task, fitting
from core.records import Status, Wanted
from core.spec import LESSON
from core.store import Store
from pages.parts.form.entrants import rivals
from pages.parts.form.whole import DEFAULT
from tests.core.live.staging import REASON, TWO_LOSSES, recorded, stage
from tests.pages.looking import (
    as_read,
    button,
    click,
    edit,
    enter,
    entrants,
    errors,
    fields,
    read,
    run,
    said,
    shown,
    staged,
    texts,
    unfold,
    widgets,
)
from tests.waiting import wait_until


def test_a_page_that_nothing_was_opened_on_shows_the_example(train: AppTest) -> None:
    run(train)
    assert not train.error
    assert "runs it live" in texts(train)
    assert not button(train, "Train").disabled
    assert button(train, "Pause").disabled
    assert button(train, "Stop").disabled
    assert button(train, "Undo").disabled
    sent = staged(train)
    assert sent is not None
    assert (sent["experiment"], sent["status"]) == (EXAMPLES["train"].id, "finished")
    assert read(train, "train") == EXAMPLES["train"].spec == DEFAULT


def test_every_field_says_what_it_sets_and_every_grey_button_why(train: AppTest) -> None:
    unfold(train, "Start, device and more")
    explained = {each.label: getattr(each, "help", "") for each in widgets(train).values()}
    # One stands below the field that it slides; the others are rows of choices with a title.
    unexplained = {label for label, tip in explained.items() if not tip}
    assert unexplained <= {"Learning rate, to slide", "Losses, side by side: click one to set it"}
    assert explained["Momentum"].startswith("Read by SGD with momentum.")
    for name in ("Train", "Pause", "Stop", "Undo"):
        assert button(train, name).help or not button(train, name).disabled


@pytest.mark.parametrize("key", DATASETS)
def test_losses_that_do_not_fit_are_disabled_with_the_reason(train: AppTest, key: str) -> None:
    unfold(train, "Add an entrant")
    enter(train, "train", "dataset", key)
    task = DATASETS[key].task
    for loss in LOSSES.values():
        offered = train.button(key=f"add_{loss.key}")
        assert offered.disabled == (task not in loss.formulas)
        if offered.disabled:
            assert loss.refusal(task) in as_read(offered.help)
            assert loss.refusal(task) in said(train)
    first = read(train, "train").entrants[0]
    assert first.loss in [loss.key for loss in fitting(task)]
    assert not button(train, "Train").disabled


def test_a_loss_is_added_with_one_click(train: AppTest) -> None:
    click(unfold(train, "Add an entrant"), "add_hinge")
    assert [each.loss for each in read(train, "train").entrants] == [
        "cross_entropy", "bce", "mse", "hinge",
    ]  # fmt: skip


@pytest.mark.parametrize("place", [0, 2])
def test_only_this_lets_a_loss_train_alone_and_undo_brings_the_others_back(
    train: AppTest, place: int
) -> None:
    edit(run(train), "train", place)
    click(train, "Only this")
    assert read(train, "train").entrants == (DEFAULT.entrants[place],)
    edit(train, "train", 0)
    assert button(train, "Only this").disabled
    click(train, "Undo")
    assert read(train, "train") == DEFAULT


def test_settings_that_are_not_those_shown_are_told_of_and_can_be_undone(
    train: AppTest, lab_store: Store
) -> None:
    shown(train, recorded(lab_store, Status.FINISHED))
    assert "learning rate" not in said(train)
    enter(train, "train", "learning_rate", 0.5)
    assert "learning rate 0.001 → 0.5" in said(train)
    enter(train, "train", "epochs", 9)
    assert "2 settings changed" in said(train)
    assert "Changed: learning rate 0.001 → 0.5; epochs 7 → 9." in button(
        train, "Undo changes"
    ).help.replace("\\", "")
    click(train, "Undo changes")
    assert "settings changed" not in said(train)
    assert read(train, "train") == TWO_LOSSES


def test_the_learning_rate_is_a_field_and_a_slider_of_one_number(train: AppTest) -> None:
    enter(run(train), "train", "learning_rate", 0.0123)
    assert widgets(train)["train/learning_rate/slid"].value == "0.0123"
    enter(train, "train", "learning_rate/slid", "0.1")
    assert widgets(train)["train/learning_rate"].value == "0.1"
    assert read(train, "train").optimizer.learning_rate == 0.1


def test_the_lesson_fills_the_form_and_defaults_puts_it_back(train: AppTest) -> None:
    click(run(train), "The lesson")
    filled = fields(train, "train")
    assert filled["dataset"] == "lesson"
    assert (filled["epochs"], filled["batch_size"], filled["learning_rate"]) == ("10", 32, "0.01")
    assert list(entrants(train, "train").values()) == ["CrossEntropy"]
    assert read(train, "train") == LESSON
    click(train, "Undo")
    assert read(train, "train") == DEFAULT
    click(train, "Undo")
    assert read(train, "train") == LESSON
    click(train, "Defaults")
    assert fields(train, "train")["dataset"] == DEFAULT.data.name
    assert read(train, "train") == DEFAULT


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("epochs", 99_999, "Epochs was 99,999; allowed is 1 to 10,000."),
        ("seed", -1, "Seed was -1; allowed is 0 to 2,147,483,647."),
        ("sizes/0", 0, "Hidden size was 0; allowed is 1 to 4,096."),
    ],
)
def test_the_server_checks_what_the_browser_sent(
    train: AppTest, field: str, value: int, sentence: str
) -> None:
    enter(run(train), "train", field, value)
    assert errors(train) == [sentence]
    assert button(train, "Train").disabled


def test_a_network_too_large_is_refused_with_the_numbers(train: AppTest) -> None:
    enter(run(train), "train", "layers", 6)
    for layer in range(6):
        enter(train, "train", f"sizes/{layer}", 4096)
    assert any("allowed is up to 50,000,000" in error for error in errors(train))
    assert button(train, "Train").disabled


def test_train_makes_an_experiment_and_it_finishes(train: AppTest, lab_store: Store) -> None:
    click(run(train), "The lesson")
    click(train, "Train")
    experiment_id = train.query_params["experiment"]
    wait_until(lambda: lab_store.get(experiment_id).status.is_finished, 60, "the end of training")
    run(train)
    assert lab_store.get(experiment_id).status is Status.FINISHED
    assert lab_store.get(experiment_id).spec == LESSON
    sent = staged(train)
    assert sent is not None
    assert (sent["experiment"], sent["status"]) == (experiment_id, "finished")
    assert "Epoch [10/10], Loss: " in stage(lab_store, experiment_id)["printed"]["text"]


@pytest.mark.usefixtures("nothing_trains")
@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_its_screen(train: AppTest, lab_store: Store, status: Status) -> None:
    experiment_id = recorded(lab_store, status, REASON if status.is_finished else None)
    shown(train, experiment_id)
    assert not train.error
    sent = staged(train)
    assert sent is not None
    assert (sent["experiment"], sent["page"], sent["status"]) == (experiment_id, "train", status)
    assert "runs it live" not in texts(train)
    assert button(train, "Train").disabled != status.is_finished
    goes_on = status is Status.PAUSED or status.can_be_resumed
    is_over = status.is_finished and not goes_on
    assert button(train, "Resume" if goes_on else "Pause").disabled == is_over
    assert button(train, "Stop").disabled == status.is_finished
    assert read(train, "train") == TWO_LOSSES


def test_the_stage_knows_where_the_server_has_what_it_draws_with(
    train: AppTest, lab_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment_id = recorded(lab_store, Status.PAUSED)
    sent = staged(shown(train, experiment_id))
    assert sent is not None
    version = importlib.metadata.version("plotly")
    assert sent["base"] == ""
    assert sent["script"] == "/scripts/stage.js"
    assert sent["plotly"] == f"/plotly/plotly.min.js?v={version}"
    monkeypatch.setattr("pages.parts.widgets.addresses.base", lambda: "/lab")
    below = staged(run(train))
    assert below is not None
    assert (below["base"], below["script"]) == ("/lab", "/lab/scripts/stage.js")
    assert below["plotly"] == f"/lab/plotly/plotly.min.js?v={version}"


def test_pause_resume_and_stop_write_what_is_wanted(train: AppTest, lab_store: Store) -> None:
    experiment_id = recorded(lab_store, Status.RUNNING)
    shown(train, experiment_id)
    for label, wanted in (
        ("Pause", Wanted.PAUSED),
        ("Resume", Wanted.RUNNING),
        ("Stop", Wanted.STOPPED),
    ):
        click(train, label)
        assert lab_store.get(experiment_id).wanted is wanted


def test_one_epoch_asks_for_a_pause_at_its_end(train, lab_store, nothing_trains) -> None:
    click(run(train), "One epoch")
    fresh = train.query_params["experiment"]
    assert lab_store.get(fresh).pause_after_epoch == 1
    lab_store.want(fresh, Wanted.STOPPED)
    experiment_id = recorded(lab_store, Status.PAUSED)
    click(shown(train, experiment_id), "One epoch")
    assert lab_store.get(experiment_id).pause_after_epoch == 3
    assert lab_store.get(experiment_id).wanted is Wanted.RUNNING


def test_an_unknown_experiment_is_a_sentence(train: AppTest) -> None:
    shown(train, "nonsense")
    assert "No experiment 'nonsense'" in errors(train)[0]
    sent = staged(train)
    assert sent is not None
    assert sent["experiment"] == EXAMPLES["train"].id


def test_the_rivals_are_those_that_fit() -> None:
    assert rivals("cross_entropy", Task.MULTICLASS) == ("bce", "mse")
    assert rivals("hinge", Task.BINARY) == ("cross_entropy", "bce", "mse")
    assert rivals("l1", Task.REGRESSION) == ("mse",)
    assert rivals("mse", Task.REGRESSION) == ()
