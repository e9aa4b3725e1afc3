"""The stage of the Train page: what it shows of an experiment in each status."""

from __future__ import annotations

import numpy as np
import pytest

from core.compare.so_far import NONE_LEFT
from core.records import Measure, Progress, Split, Status
from core.spec import LESSON
from core.store import Store
from tests.core.figures.test_figures import values
from tests.core.live.staging import (
    REASON,
    TWO_LOSSES,
    charts,
    controls,
    race_of,
    recorded,
    reported,
    stage,
    words,
)
from tests.core.tidy import Score, evaluations
from tests.facts import facts_of

COLORS = {
    Status.QUEUED: "gray",
    Status.RUNNING: "blue",
    Status.PAUSED: "orange",
    Status.FINISHED: "green",
    Status.STOPPED: "gray",
    Status.DIVERGED: "red",
    Status.FAILED: "red",
    Status.INTERRUPTED: "orange",
}


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_its_blocks(store: Store, status: Status) -> None:
    reason = REASON if status.is_finished else None
    shown_id = recorded(store, status, reason)
    shown = stage(store, shown_id)
    readout = shown["readout"]
    assert readout["status"] == status.value.capitalize()
    assert readout["color"] == COLORS[status]
    assert readout["fraction"] == pytest.approx(90 / TWO_LOSSES.total_steps)
    assert readout["about"] == "Digits · 64-128-10 ReLU · Adam, rate 0.001 · batch 32"
    numbers = shown["numbers"]
    assert numbers["columns"] == [
        "", "Training loss, 256 rows", "Validation loss", "Validation accuracy", "Validation NLL",
        "Steps to 40%", "Status",
    ]  # fmt: skip
    for row, title in zip(numbers["rows"], ("MSE", "BCE"), strict=True):
        assert row[:-1] == [title, "0.4500", "0.4500", "45.0%", "–", "90"]
        assert row[-1] == store.runs(shown_id)[0].status.value.capitalize()
    assert numbers["lines_in"] == shown_id
    assert shown["said"]["text"].startswith("MSE reached 40% accuracy at epoch 2 (")
    if reason:
        is_bad = status in (Status.FAILED, Status.INTERRUPTED)
        assert shown["reason"]["text"] == REASON
        assert shown["reason"]["kind"] == ("error" if is_bad else "info")
    else:
        assert "reason" not in shown
    assert list(charts(shown)) == ["compared_chart", "units_0", "units_1"]
    assert "Epoch [1/7], Loss: 1.0000\nEpoch [2/7], Loss: 0.5000" in shown["printed"]["text"]
    (download,) = shown["printed_heading"]["controls"]
    assert download == {"kind": "download", "label": "CSV", "address": "losses.csv"}


@pytest.mark.parametrize(
    ("status", "pace"),
    [
        (Status.RUNNING, "epoch 2 of 7 · 1.2 s left · 180 steps/s · on cpu"),
        (Status.PAUSED, "epoch 2 of 7 · 1.2 s left · 180 steps/s · on cpu"),
        (Status.STOPPED, "epoch 2 of 7 · 0.5 s · 180 steps/s · on cpu"),
    ],
)
def test_the_pace_is_what_is_left_or_what_it_took(store: Store, status: Status, pace: str) -> None:
    assert stage(store, recorded(store, status))["readout"]["pace"] == pace


def test_who_waits_is_told_their_place(store: Store) -> None:
    waiting = [store.create(TWO_LOSSES) for _ in range(3)]
    paces = [stage(store, each)["readout"]["pace"] for each in waiting]
    assert paces == ["Starting", "Number 2 in the queue", "Number 3 in the queue"]
    shown = stage(store, waiting[0])
    assert shown["readout"]["fraction"] == 0
    assert {cell for row in shown["numbers"]["rows"] for cell in row[1:-1]} == {"–"}
    assert shown["said"]["text"] == "The first epoch is not complete yet."
    assert shown["printed"]["text"] == "The first epoch is not complete yet."
    assert list(charts(shown)) == ["compared_chart", "units_0", "units_1"]


def test_before_the_first_step_a_search_for_rates_is_told_of(store: Store) -> None:
    spec = race_of(training={"epochs": 3, "protocol": "best_rate"})
    experiment_id = store.create(spec)
    none = np.empty((0, spec.run_count), np.float32)
    store.report(experiment_id, Progress(0, 0, 0.0, none, (), (None,) * spec.run_count))
    assert stage(store, experiment_id)["readout"]["pace"] == "trying learning rates"


def test_one_that_trains_alone_has_all_parts(store: Store) -> None:
    shown = stage(store, reported(store, race_of(losses=["mse"], seeds=[0])))
    assert list(charts(shown)) == ["compared_chart", "units_0", "learned_0"]
    assert shown["readout"]["status"] == "Finished"
    assert shown["readout"]["fraction"] == 1


def test_a_regression_has_its_own_yardstick(store: Store) -> None:
    shown = stage(store, reported(store, race_of("diabetes", ["mse", "l1"], seeds=[0])))
    assert shown["numbers"]["columns"][3:5] == ["Validation R²", "Validation MSE"]
    assert "%" not in str(shown["numbers"])
    assert "R²" in shown["said"]["text"]


def test_one_neuron_is_judged_by_what_needs_no_guess(store: Store) -> None:
    """Every row is of one class: the best constant makes no error, and none can be better."""
    start = {"scheme": "by_hand", "weights": [2, 2]}
    spec = race_of(
        "neuron", ["mse", "bce", "hinge"], seeds=[0],
        network={"hidden_sizes": [], "start": start},
        optimizer={"name": "sgd", "learning_rate": 0.1},
        training={"epochs": 200, "batch_size": 1, "device": "cpu"},
    )  # fmt: skip
    experiment_id = reported(store, spec)
    shown = stage(store, experiment_id)
    offered = dict(controls(shown)["judged_by"]["offered"])
    assert list(offered.items()) == [
        ("nll", "NLL"), ("brier", "Brier"), ("error in accuracy", "Error"),
        ("accuracy", "Accuracy"),
    ]  # fmt: skip
    for key in offered:
        figure = charts(stage(store, experiment_id, judged_by=key))["compared_chart"]
        drawn = {trace["name"]: values(trace["y"]) for trace in figure["data"]}
        assert np.isfinite(drawn["BCE"]).all()
        assert len(drawn["BCE"]) > 10
    nll = {
        trace["name"]: values(trace["y"])
        for trace in charts(stage(store, experiment_id))["compared_chart"]["data"]
    }
    assert nll["MSE"][0] == nll["BCE"][0] == pytest.approx(np.logaddexp(0, 4))
    for figure in charts(stage(store, experiment_id, log="true")).values():
        assert "nan" not in str(figure).lower()
    assert shown["said"]["text"].startswith("Hinge reached 99% accuracy at epoch 20 ")
    assert "findings" not in shown
    facts = store.get(experiment_id).facts
    assert facts is not None
    assert facts.baselines == [0, 0, 0]


def test_all_training_rows_are_meant_where_none_is_named(store: Store) -> None:
    """Iris has 120 training rows; of The lesson none are held out."""
    for spec in (race_of("iris", ["cross_entropy"], seeds=[0]), LESSON):
        shown = stage(store, store.create(spec))
        titles = shown["numbers"]["columns"]
        assert titles[1] == "Training loss"
        assert ("Validation loss" in titles) == bool(spec.data.validation_rows)
        assert ("validation" in words(shown)) == bool(spec.data.validation_rows)
    assert [trace["name"] for trace in charts(shown)["units_0"]["data"]] == ["training"]


def test_what_is_not_finite_is_said_and_never_printed_as_a_number(store: Store) -> None:
    spec = race_of(
        "digits", ["mse_on_raw_outputs"], optimizer={"name": "sgd", "learning_rate": 100},
        seeds=[0], training={"epochs": 2},
    )  # fmt: skip
    shown = stage(store, reported(store, spec))
    (row,) = shown["numbers"]["rows"]
    assert row[1:4] == ["not finite"] * 3
    assert row[-1].startswith("Diverged at step ")
    assert "nan" not in str(shown["numbers"])
    assert shown["said"]["text"] == NONE_LEFT


@pytest.mark.parametrize("count", range(1, 11))
def test_up_to_ten_entrants_have_a_chart_each_however_long_they_train(
    store: Store, count: int
) -> None:
    spec = race_of(losses=["mse"] * count, seeds=[0], training={"epochs": 1_000})
    experiment_id = store.create(spec)
    losses = np.random.default_rng(0).lognormal(size=(2_000, count)).astype(np.float32)
    facts = facts_of(count, baselines=[0.25] * count)
    progress = Progress(2_000, 0, 1.0, losses, (), (None,) * count, facts)
    store.report(experiment_id, progress, Status.RUNNING)
    drawn = charts(stage(store, experiment_id))
    assert set(drawn) == {"compared_chart", *(f"units_{place}" for place in range(count))}


def test_what_diverged_is_told_with_its_step(store: Store) -> None:
    spec = race_of(
        "diabetes", ["mse", "l1"], optimizer={"name": "sgd", "learning_rate": 1}, seeds=[0],
        training={"epochs": 6, "batch_size": 8},
    )  # fmt: skip
    experiment_id = reported(store, spec)
    step = store.runs(experiment_id)[0].diverged_step
    shown = stage(store, experiment_id)
    first, *_others = shown["findings"]["lines"]
    assert first == {
        "text": f"MSE diverged at step {step:,}: its loss is no longer a finite number.",
        "action": "try_diverged_0",
        "title": "Try it: learning rate 1 → 0.1",
    }
    assert shown["numbers"]["rows"][0][-1] == f"Diverged at step {step:,}"
    assert "MSE" not in shown["said"]["text"]


def test_where_an_own_loss_diverged_the_formula_is_named(store: Store) -> None:
    """A loss without a lowest value leaves every number at any learning rate."""
    spec = race_of(
        "moons", [], seeds=[0],
        entrants=[{"loss": "custom", "expression": "-exp(z)"}, {"loss": "mse"}],
        optimizer={"name": "sgd", "learning_rate": 10},
    )  # fmt: skip
    experiment_id = reported(store, spec)
    run = store.runs(experiment_id)[0]
    assert run.diverged_step is not None
    first, *_others = stage(store, experiment_id)["findings"]["lines"]
    assert f"diverged at step {run.diverged_step:,}" in first["text"]
    assert first["text"].endswith(
        "Your own loss may have no lowest value, or leave the numbers that float32 holds."
    )


def test_the_options_are_on_the_chart_and_its_controls(store: Store) -> None:
    experiment_id = reported(store, race_of(seeds=[0]))
    plain = stage(store, experiment_id)
    assert controls(plain)["log"]["value"] is False
    assert controls(plain)["smoothing"]["value"] == 0
    assert charts(plain)["units_0"]["layout"]["yaxis"].get("type", "linear") != "log"
    other = stage(store, experiment_id, log="true", smoothing="0.9")
    assert controls(other)["log"]["value"] is True
    assert controls(other)["smoothing"]["value"] == 0.9
    assert charts(other)["units_0"]["layout"]["yaxis"]["type"] == "log"
    assert charts(other)["units_0"]["data"] != charts(plain)["units_0"]["data"]
    slider = controls(plain)["smoothing"]
    assert (slider["low"], slider["high"]) == (0, 0.99)


def test_the_printed_list_has_the_newest_epochs(store: Store) -> None:
    spec = race_of(losses=["mse"], seeds=[0], training={"epochs": 1000})
    experiment_id = store.create(spec)
    rows = evaluations(
        Score(0, epoch, epoch, Split.TRAIN, Measure.EPOCH_LOSS, 1 / epoch)
        for epoch in range(1, 301)
    )
    steps = np.ones((300, 1), np.float32)
    facts = facts_of(1, baselines=[0.1])
    store.report(experiment_id, Progress(300, 300, 1.0, steps, rows, (None,), facts))
    lines = stage(store, experiment_id)["printed"]["text"].splitlines()
    assert len(lines) == 200
    assert lines[0] == "Epoch [101/1000], Loss: 0.0099"
    assert lines[-1] == "Epoch [300/1000], Loss: 0.0033"


def test_an_entrant_of_a_name_says_what_it_is(store: Store) -> None:
    spec = race_of(
        entrants=[
            {"loss": "focal", "parameters": {"gamma": 5}, "name": "Sharp"},
            {"loss": "custom", "expression": "abs(p - y)**1.5"},
        ],
        seeds=[0],
    )
    for page in ("train", "compare"):
        assert stage(store, store.create(spec), page=page)["readout"]["details"] == [
            ["Sharp", "Focal: gamma 5"],
            ["Your own", "abs(p - y)**1.5"],
        ]


def test_a_reason_with_stars_is_shown_with_them(store: Store) -> None:
    reason = "The loss (p - y)**2 + z**2 is not finite at p = 0."
    experiment_id = recorded(store, Status.FAILED, reason)
    shown = stage(store, experiment_id)["reason"]["text"]
    assert "**" not in shown
    assert shown.replace("\u2060", "") == reason
