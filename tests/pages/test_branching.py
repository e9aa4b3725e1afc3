"""The way from a training that rests to a branch, the branch in the form, and its race."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest

from core.records import Status
from core.spec import ExperimentSpec, branched, changes, race_with_origin
from core.store import Store
from core.training import train as trained
from tests.pages.looking import (
    button,
    click,
    drafted,
    edit,
    enter,
    entrant_path,
    entrants,
    errors,
    opened,
    read,
    run,
    said,
    shown,
    staged,
    widgets,
)

pytestmark = pytest.mark.usefixtures("nothing_trains")
#: 20 steps an epoch; it rests after the second.
STEP = 40


def spec_of(*losses: str, **parts: Any) -> ExperimentSpec:
    described = {
        "data": {"name": "moons", "rows": 200},
        "network": {"hidden_sizes": [4]},
        "training": {"epochs": 5, "batch_size": 8, "device": "cpu"},
        "entrants": [{"loss": loss} for loss in losses],
    }
    return ExperimentSpec.parse(described | parts)


def resting(store: Store, spec: ExperimentSpec, status: Status = Status.PAUSED) -> str:
    """The spec trained here for two epochs, and left in ``status``."""
    experiment_id = store.create(spec)
    torch.set_num_threads(1)
    for progress in trained(spec):
        store.report(experiment_id, progress, Status.RUNNING)
        if progress.epoch == 2:
            break
    store.set_status(experiment_id, status)
    return experiment_id


def named(app: AppTest, label: str) -> list[Any]:
    return [each for each in app.button if each.label == label]


def labels_of_links(app: AppTest) -> list[str]:
    return [each.proto.label for each in app.get("page_link")]


def branch_of(app: AppTest, store: Store, where: str, **picked: Any) -> ExperimentSpec:
    """Press Branch with these picked; what is then stored and shown."""
    before = app.query_params["experiment"]
    for path, value in picked.items():
        enter(app, where, f"branch/{path}", value)
    click(app, "Branch")
    assert not app.error
    now = app.query_params["experiment"]
    assert now != before
    seen = staged(app)
    assert seen is not None
    assert seen["experiment"] == now
    return store.get(now).spec


@pytest.mark.parametrize("where", ["train", "compare"])
def test_a_branch_is_started_shown_and_in_the_form_and_its_origin_rests(
    where: str, train: AppTest, compare: AppTest, lab_store: Store
) -> None:
    app = {"train": train, "compare": compare}[where]
    origin = spec_of("mse", "bce")
    experiment_id = resting(lab_store, origin)
    shown(app, experiment_id)
    stored = branch_of(app, lab_store, where, loss="mae_on_probabilities")
    expected = branched(origin, experiment_id, 0, STEP, {"loss": "mae_on_probabilities"})
    assert stored == expected
    assert read(app, where) == stored
    assert not named(app, "Undo changes")
    assert list(entrants(app, where).values()) == ["MSE, then MAE on probabilities", "BCE"]
    assert lab_store.get(experiment_id).status is Status.PAUSED
    told = f"Branched from experiment {experiment_id[:3]}… at step 40 (epoch 2)"
    assert told in labels_of_links(app)
    click(app, "Stop")


def test_another_entrant_goes_on_with_parameters_or_an_expression(
    train: AppTest, lab_store: Store
) -> None:
    origin = spec_of("mse", "focal")
    experiment_id = resting(lab_store, origin)
    shown(train, experiment_id)
    widgets(train)[f"branch_entrant_{experiment_id}"].set_value(1).run()
    enter(train, "train", "branch/loss", "custom")
    enter(train, "train", "branch/expression", "y -")
    click(train, "Branch")
    assert len(errors(train)) >= 1
    assert train.query_params["experiment"] in (experiment_id, [experiment_id])
    enter(train, "train", "branch/expression", "(p - y)**4")
    stored = branch_of(train, lab_store, "train")
    assert stored.entrants[1].then.expression == "(p - y)**4"
    assert stored.lineup[1].title == "Focal, then Your own"
    click(train, "Stop")


@pytest.mark.parametrize(
    ("status", "is_offered"),
    [
        (Status.PAUSED, True),
        (Status.STOPPED, True),
        (Status.INTERRUPTED, True),
        (Status.RUNNING, False),
        (Status.FAILED, False),
        (Status.FINISHED, False),
    ],
)
def test_it_is_offered_where_a_training_rests_and_steps_are_left(
    status: Status, is_offered: bool, train: AppTest, lab_store: Store
) -> None:
    experiment_id = resting(lab_store, spec_of("mse"), status)
    shown(train, experiment_id)
    assert bool(named(train, "Branch")) == is_offered
    lab_store.set_status(experiment_id, Status.STOPPED)


def test_what_does_not_fit_is_not_offered_and_says_why(train: AppTest, lab_store: Store) -> None:
    once = [{"loss": "bce", "then": {"loss": "mse", "step": 3}}, {"loss": "mse"}]
    shown(train, resting(lab_store, spec_of(entrants=once), Status.STOPPED))
    offered = widgets(train)["train/branch/loss"].options
    assert offered == ["BCE", "BCE on probabilities", "Soft margin", "MAE on probabilities"]
    assert "It needs 2 outputs of the network on Two moons, and MSE has trained 1 output." in said(
        train
    )
    assert "MSE: It is the loss that trains." in said(train)
    assert "BCE, then MSE has switched its loss already, after step 3" in said(train)


def test_who_trains_on_meanwhile_is_not_branched(train: AppTest, lab_store: Store) -> None:
    experiment_id = resting(lab_store, spec_of("mse"))
    shown(train, experiment_id)
    lab_store.set_status(experiment_id, Status.RUNNING)
    click(train, "Branch")
    assert errors(train) == ["It trains again; pause it to go on with another loss from there."]
    lab_store.set_status(experiment_id, Status.STOPPED)


def test_the_form_keeps_edits_and_drops_the_switch(train: AppTest, lab_store: Store) -> None:
    then = {"loss": "bce", "parameters": {"pos_weight": 2.0}, "step": 40}
    origin = {"experiment": "0123456789", "step": 40}
    spec = spec_of(entrants=[{"loss": "mse", "then": then}, {"loss": "mse"}], branched_from=origin)
    experiment_id = resting(lab_store, spec, Status.STOPPED)
    shown(train, experiment_id)
    assert read(train, "train") == spec
    edit(train, "train", 0)
    path = entrant_path(train, "train", "then")
    # What is edited is no branch of that experiment any more; put back, it is.
    enter(train, "train", f"{path}/step", 60)
    edited = read(train, "train")
    assert edited.entrants[0].then.step == 60
    assert edited.branched_from is None
    assert changes(spec, edited) == (
        "switch of MSE BCE (positive weight 2) after step 40 → "
        "BCE (positive weight 2) after step 60",
    )
    enter(train, "train", f"{path}/step", 40)
    assert read(train, "train") == spec
    enter(train, "train", f"{path}/step", 9999)
    assert "allowed is 1 to 99." in errors(train)[0]
    enter(train, "train", f"{path}/step", "soon")
    assert "Step of the switch was 'soon'" in errors(train)[0]
    enter(train, "train", f"{path}/step", 40)
    click(train, "No other loss then")
    assert drafted(train, path) is None
    assert read(train, "train") == spec_of("mse", "mse")
    click(train, "Undo")
    assert read(train, "train") == spec


def test_the_race_with_the_origin_is_set_up_on_compare(train: AppTest, lab_store: Store) -> None:
    origin = spec_of("bce", "mse")
    experiment_id = resting(lab_store, origin, Status.STOPPED)
    spec = branched(origin, experiment_id, 1, STEP, {"loss": "bce"})
    shown(train, resting(lab_store, spec, Status.STOPPED))
    click(train, "Race it against its origin")
    assert read(train, "compare") == race_with_origin(spec, origin.entrants[1])
    assert button(train, "Race")
    assert list(entrants(train, "compare").values()) == ["MSE", "MSE, then BCE", "BCE"]


def test_an_expression_may_go_on_with_another_one(lab_store: Store) -> None:
    own = {"loss": "custom", "expression": "(p - y)**2"}
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "iris"},
            "training": {"epochs": 2},
            "entrants": [own | {"then": {"loss": "custom", "expression": "abs(p - y)", "step": 3}}],
        }
    )
    app = shown(opened("train"), lab_store.create(spec))
    (entrant,) = app.session_state["draft"]["entrants"]["train"]["classes"]
    widgets(app)["train/edited/train"].set_value(entrant["id"])
    assert read(run(app), "train") == spec
    assert not app.exception
