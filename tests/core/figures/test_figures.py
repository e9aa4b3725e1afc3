"""Figures: what is drawn, and that Plotly takes it."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from numpy.typing import NDArray

from core.compare.curves import Curves, CurveSet
from core.data import DataSpec
from core.figures import Figure, loss_figure
from core.figures.drawing import muted
from core.records import Chunk, Measure, Run, Split, Status
from core.spec import LESSON, ExperimentSpec
from tests.core.experiments import entrants
from tests.core.tidy import Score, evaluations

RIVALS = ExperimentSpec(entrants=entrants("cross_entropy", "bce", "mse"))
CROSS_ENTROPY, BCE, MSE = RIVALS.lineup
REGRESSION = ExperimentSpec(data=DataSpec(name="diabetes"), entrants=entrants("mse", "l1", "huber"))


def runs_of(spec: ExperimentSpec) -> list[Run]:
    pairs = itertools.product(range(len(spec.entrants)), spec.seeds)
    return [
        Run(index, place, seed, Status.RUNNING, None) for index, (place, seed) in enumerate(pairs)
    ]


def drawn(spec: ExperimentSpec, *, smoothing: float = 0.0, steps: int = 200) -> CurveSet:
    """Curves of every run of ``spec`` with 4 epochs evaluated."""
    runs = runs_of(spec)
    curves = Curves("abc", len(runs))
    losses = np.linspace(2, 1, steps * len(runs), dtype=np.float32).reshape(steps, len(runs))
    measures = (Measure.LOSS, Measure.ACCURACY, Measure.R2)
    found = [
        Score(run.index, epoch, epoch * 50, split, measure, run.index + epoch / 10)
        for run, epoch, split, measure in itertools.product(runs, range(4), Split, measures)
    ]
    curves.extend(
        [Chunk(0, 1, 0.1, losses)] if steps else [], evaluations(found, len(runs)) if steps else []
    )
    return curves.view(runs, smoothing)


def values(typed: dict[str, str]) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(typed["bdata"]), typed["dtype"])


def names(figure: Figure) -> list[str]:
    return [trace["name"] for trace in figure["data"]]


def figures(curves: CurveSet, spec: ExperimentSpec) -> list[Figure]:
    picked = spec.lineup[0]
    return [
        loss_figure(curves, picked, baseline=2.3, log_y=False),
        loss_figure(curves, picked, baseline=2.3, log_y=True),
    ]


@pytest.mark.parametrize("spec", [RIVALS, REGRESSION, LESSON])
@pytest.mark.parametrize("steps", [0, 200])
@pytest.mark.parametrize("smoothing", [0.0, 0.9])
def test_plotly_and_json_take_every_figure(
    spec: ExperimentSpec, steps: int, smoothing: float
) -> None:
    for figure in figures(drawn(spec, steps=steps, smoothing=smoothing), spec):
        go.Figure(figure)
        assert json.loads(json.dumps(figure)) == figure
        layout = figure["layout"]
        assert layout["meta"]["scope"] == "abc"
        assert layout["xaxis"]["title"]["text"]
        assert layout["title"]["text"]


def test_loss_figure_draws_training_by_step_and_validation_by_epoch() -> None:
    curves = drawn(RIVALS)
    training, validation = loss_figure(curves, BCE, baseline=None, log_y=False)["data"]
    np.testing.assert_array_equal(values(training["x"]), np.arange(1, 201))
    np.testing.assert_array_equal(values(training["y"]), curves.runs[1].raw.y)
    np.testing.assert_array_equal(values(validation["x"]), [0, 50, 100, 150])
    np.testing.assert_allclose(values(validation["y"]), [1, 1.1, 1.2, 1.3], rtol=1e-6)
    assert validation["line"]["color"] == BCE.color
    assert training["line"]["color"] == muted(BCE.color)


def test_smoothing_puts_a_bold_line_over_a_faint_one() -> None:
    figure = loss_figure(drawn(RIVALS, smoothing=0.5), MSE, baseline=None, log_y=False)
    assert names(figure) == ["training", "smoothed", "validation"]
    raw, smoothed, _ = figure["data"]
    assert raw["line"]["color"] == muted(smoothed["line"]["color"])
    assert smoothed["line"]["width"] > raw["line"]["width"]


def test_titles_carry_the_unit() -> None:
    figure = loss_figure(drawn(RIVALS), CROSS_ENTROPY, baseline=None, log_y=False)
    assert figure["layout"]["title"]["text"] == "CrossEntropy (nats)"
    assert figure["layout"]["xaxis"]["title"]["text"] == "step"


def test_baseline_is_a_labelled_line_and_none_where_the_axis_has_no_place_for_it() -> None:
    curves = drawn(RIVALS)
    (shape,) = loss_figure(curves, MSE, baseline=0.09, log_y=False)["layout"]["shapes"]
    assert (shape["y0"], shape["y1"], shape["line"]["dash"]) == (0.09, 0.09, "dash")
    assert shape["label"]["text"] == "best constant"
    assert not loss_figure(curves, MSE, baseline=0.0, log_y=True)["layout"]["shapes"]
    assert not loss_figure(curves, MSE, baseline=None, log_y=False)["layout"]["shapes"]


@pytest.mark.parametrize(("step", "side"), [(10, "left"), (95, "right")])
def test_divergence_is_marked_at_its_step(step: int, side: str) -> None:
    losses = np.ones((100, 1), np.float32)
    losses[step - 1 :] = np.nan
    curves = Curves("abc", 1)
    curves.extend([Chunk(0, 1, 0.1, losses)], [])
    view = curves.view([Run(0, MSE.place, 0, Status.DIVERGED, step)])
    layout = loss_figure(view, MSE, baseline=None, log_y=False)["layout"]
    (shape,), (label,) = layout["shapes"], layout["annotations"]
    assert shape["x0"] == shape["x1"] == label["x"] == step
    assert label["text"] == f"diverged at step {step}"
    assert label["xanchor"] == side


def test_a_loss_that_runs_away_is_beyond_the_scale_and_the_baseline_within() -> None:
    curves = drawn(RIVALS)
    run = curves.runs[1]
    plain = loss_figure(curves, BCE, baseline=0.7, log_y=False)["layout"]["yaxis"]["range"]
    everything = [*run.raw.y, *run.evaluation(Split.VAL, Measure.LOSS).values, 0.7]
    assert plain[0] < min(everything)
    assert plain[1] > max(everything)
    run.raw.y[-20:] = np.geomspace(1e3, 1e19, 20)
    assert loss_figure(curves, BCE, baseline=0.7, log_y=False)["layout"]["yaxis"]["range"][1] < 5
    assert "range" not in loss_figure(curves, BCE, baseline=0.7, log_y=True)["layout"]["yaxis"]


def test_log_axis() -> None:
    figure = loss_figure(drawn(RIVALS), MSE, baseline=None, log_y=True)
    assert figure["layout"]["yaxis"]["type"] == "log"


def test_empty_figures_are_labelled_and_have_no_numbers() -> None:
    for figure in figures(drawn(RIVALS, steps=0), RIVALS):
        assert not figure["layout"]["xaxis"]["showticklabels"]
        assert not any(len(values(trace["y"])) for trace in figure["data"])
