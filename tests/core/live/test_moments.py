"""Moments of a training, as the stage shows them and the browser asks for them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette

from core.example import EXAMPLES, recorded
from core.live import learned
from core.live.reading import Reading
from core.live.routes import Live
from core.live.view import Look, View
from core.store import Store
from tests.core.live.asking import ask
from tests.core.live.staging import race_of, reported

LOOKS = {
    "moons": ["surface", "network", "confusion", "truth"],
    "digits": ["confusion", "truth", "mistakes"],
    "breast_cancer": ["confusion", "truth"],
    "diabetes": [],
    "neuron": ["curve", "confusion", "truth"],
}
RACED = {"diabetes": ("mse", "l1")}


def race(data: str, **parts: object) -> Any:
    losses = RACED.get(data, ("cross_entropy", "mse", "hinge"))
    training = {"epochs": 3, "device": "cpu", "batch_size": 1 if data == "neuron" else 32}
    return race_of(data, losses, seeds=[0], **{"training": training, **parts})


def shown(store: Store, experiment_id: str, **options: object) -> list[dict[str, Any]]:
    state = Reading(store, experiment_id).state()
    return list(learned.pictures(state, View.model_validate(options)))


@pytest.mark.parametrize("data", LOOKS)
def test_each_data_set_is_offered_the_looks_that_it_has(store: Store, data: str) -> None:
    experiment_id = reported(store, race(data))
    first = shown(store, experiment_id)
    if not LOOKS[data]:
        assert all(block["kind"] != "controls" for block in first)
        return
    (choice,) = first[0]["controls"]
    assert [value for value, _title in choice["offered"]] == LOOKS[data]
    assert choice["value"] == LOOKS[data][0]
    for look in Look:
        *_head, grid = shown(store, experiment_id, look=look)
        assert [cell[0]["text"] for cell in grid["cells"]] == ["CrossEntropy", "MSE", "Hinge"]


def test_a_network_has_its_inputs_its_units_and_its_output(store: Store) -> None:
    experiment_id = reported(store, race("moons", network={"hidden_sizes": [20, 3]}))
    *_head, grid = shown(store, experiment_id, look=Look.NETWORK)
    for _heading, network in grid["cells"]:
        assert [layer["title"] for layer in network["layers"]] == [
            "inputs",
            "8 of 20",
            "3",
            "output",
        ]
        counts = [len(layer["maps"]) for layer in network["layers"]]
        assert counts == [2, 8, 3, 1]
        tables = network["weights"]
        assert [(len(table), len(table[0])) for table in tables] == [(8, 2), (3, 8), (1, 3)]


def test_a_network_without_hidden_layers_goes_from_inputs_to_output(store: Store) -> None:
    experiment_id = reported(store, race("moons", network={"hidden_sizes": []}))
    *_head, grid = shown(store, experiment_id, look=Look.NETWORK)
    for _heading, network in grid["cells"]:
        assert [len(layer["maps"]) for layer in network["layers"]] == [2, 1]
        ((weights,),) = network["weights"]
        assert len(weights) == 2


def test_what_diverged_in_its_first_steps_is_said_and_not_drawn(store: Store) -> None:
    losses = ("mse", "mse_on_raw_outputs")
    optimizer = {"name": "sgd", "learning_rate": 1000.0}
    experiment_id = reported(store, race_of("moons", losses, seeds=[0], optimizer=optimizer))
    step = Reading(store, experiment_id).state().runs[1].diverged_step
    assert step is not None
    assert step < 30
    for look in ("surface", "network", "confusion", "truth"):
        *_head, grid = shown(store, experiment_id, look=look)
        (_heading, drawn), (_own, words) = grid["cells"]
        assert drawn["kind"] != "caption"
        assert words["text"] == f"It diverged at step {step}: its outputs are no numbers any more."


# ------------------------------------------------------------------ the route


@pytest.fixture
def app(store: Store) -> Starlette:
    return Starlette(routes=Live(lambda: store).routes)


def asked_for(app: Starlette, address: str) -> tuple[int, str]:
    answer, body = asyncio.run(ask(app, address))
    return answer.status, body


@pytest.mark.parametrize(
    "options",
    ["page=train", "page=compare&tab=learned", "page=compare&tab=calibration",
     "page=compare&tab=gradients"],
)  # fmt: skip
def test_a_moment_is_what_the_stage_showed_then(app: Starlette, store: Store, options: str) -> None:
    experiment_id = reported(store, race("moons"))
    moments = store.moments(experiment_id)
    bodies = []
    for step, epoch in (moments[0], moments[-1]):
        status, text = asked_for(app, f"/live/{experiment_id}/moments/{step}?{options}")
        assert status == 200
        if "gradients" not in options:
            assert f"poch {epoch}" in text
        bodies.append(text)
    assert bodies[0] != bodies[1]
    state = Reading(store, experiment_id).state()
    view = View.parse(dict(pair.split("=") for pair in options.split("&")))
    now = {
        "learned": learned.pictures,
        "calibration": learned.calibration,
        "gradients": learned.lens,
    }
    build = now.get(view.tab.value, learned.pictures)
    assert json.loads(bodies[1])["blocks"] == json.loads(json.dumps(list(build(state, view))))
    start = replace(state, snapshot=store.kept(experiment_id, 0))
    assert json.loads(bodies[0])["blocks"] == json.loads(json.dumps(list(build(start, view))))


def test_what_there_is_not_is_refused_in_a_sentence(app: Starlette, store: Store) -> None:
    experiment_id = reported(store, race("moons"))
    at = f"/live/{experiment_id}/moments"
    assert asked_for(app, f"{at}/7") == (404, "There is no snapshot of that step.")
    assert asked_for(app, f"{at}/0?page=compare&tab=verdict")[0] == 404
    assert asked_for(app, f"{at}/0?look=sideways")[0] == 400
    assert asked_for(app, "/live/0123456789/moments/0")[0] == 404
    assert asked_for(app, f"{at}/-1")[0] == 404


def test_snapshots_of_a_race_of_fifteen_stay_small() -> None:
    """Sixty of them at most 5 MB, by those of the recorded race."""
    sizes = [
        len(each.to_bytes()) for report in recorded(EXAMPLES["compare"]) for each in report.kept
    ]
    assert len(sizes) > 12
    assert 60 * sum(sizes) / len(sizes) <= 5_000_000
