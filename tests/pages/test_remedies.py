"""The buttons of what goes wrong, from the server's side: the browser only names what was found."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.spec import ExperimentSpec, changes
from core.store import Store
from tests.core.live.staging import race_of, reported
from tests.pages.looking import button, click, enter, errors, read, said, shown

GONE = "There is nothing to try any more: this is no longer found."


def diverging(**parts: object) -> ExperimentSpec:
    """MSE, the first, diverges; L1 does not."""
    return race_of(
        "diabetes", ("mse", "l1"), optimizer={"name": "sgd", "learning_rate": 1},
        training={"epochs": 4, "batch_size": 8}, **parts,
    )  # fmt: skip


@pytest.mark.parametrize("at", ["train", "compare"])
def test_it_fills_the_form_marks_the_change_and_starts_nothing(
    at: str, train: AppTest, compare: AppTest, lab_store: Store, clickable: None
) -> None:
    app, spec = {"train": train, "compare": compare}[at], diverging()
    experiment_id = reported(lab_store, spec)
    shown(app, experiment_id)
    assert read(app, at) == spec
    click(app, "action try_diverged_0")
    assert not app.error
    assert changes(spec, read(app, at)) == ("learning rate 1 → 0.1",)
    assert "learning rate 1 → 0.1" in said(app)
    assert app.query_params["experiment"] in (experiment_id, [experiment_id])
    assert not button(app, "Train" if at == "train" else "Race").disabled
    click(app, "Undo")
    assert read(app, at) == spec
    assert "learning rate 1 → 0.1" not in said(app)


def test_it_is_a_change_of_what_is_shown_and_not_of_what_the_form_said(
    train: AppTest, lab_store: Store, clickable: None
) -> None:
    spec = diverging(seeds=[0])
    shown(train, reported(lab_store, spec))
    enter(train, "train", "epochs", 999)
    click(train, "action try_diverged_0")
    assert changes(spec, read(train, "train")) == ("learning rate 1 → 0.1",)
    click(train, "Undo")
    assert read(train, "train").training.epochs == 999


@pytest.mark.parametrize(
    "name", ["try_diverged_1", "try_plateau_0", "try_diverged_99", "try_../../etc_0", "try_"]
)
@pytest.mark.parametrize("at", ["train", "compare"])
def test_what_is_not_found_is_refused_with_a_sentence(
    at: str, name: str, train: AppTest, compare: AppTest, lab_store: Store, clickable: None
) -> None:
    app, spec = {"train": train, "compare": compare}[at], diverging()
    shown(app, reported(lab_store, spec))
    click(app, f"action {name}")
    assert errors(app) == [GONE]
    assert read(app, at) == spec


def test_a_healthy_training_has_nothing_to_try(
    train: AppTest, lab_store: Store, clickable: None
) -> None:
    spec = race_of(seeds=[0])
    shown(train, reported(lab_store, spec))
    click(train, "action try_diverged_0")
    assert errors(train) == [GONE]
    assert read(train, "train") == spec
