"""Maps of units, weights, probabilities of the truth and mistakes, against plain networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.data import load
from core.figures import shaded
from core.judging import pictures
from core.records.snapshot import (
    MOST_MISTAKES,
    MOST_UNITS,
    SURFACE_SIZE,
    TRUTH_BINS,
    UNIT_SIZE,
    UNIT_ZERO,
)
from core.spec import ExperimentSpec
from tests.core import plain
from tests.core.judging.test_observer import classes_of, link_of, logits_of, spec_of, trained


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("LOSSLAB_THREADS", "1")
    torch.set_num_threads(1)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "gelu"])
@pytest.mark.parametrize("sizes", [(), (3,), (12, 5)])
def test_maps_are_what_the_units_of_a_plain_network_give(activation, sizes):
    network = {"hidden_sizes": sizes, "activation": activation}
    prepared, seen = trained(spec_of("moons", ("cross_entropy", "bce"), network=network))
    assert seen.units.shape == (4, len(sizes), MOST_UNITS, UNIT_SIZE, UNIT_SIZE)
    for run in range(4):
        width = prepared.learner.groups[run // 2].width
        layers = list(plain.network_of(prepared.learner.stack, run, width))
        extent = seen.extent[run % 2]
        x, y = (torch.linspace(*extent[at : at + 2].tolist(), UNIT_SIZE) for at in (0, 2))
        # Row by row from the lowest y.
        points = torch.stack(torch.meshgrid(x, y, indexing="xy"), 2).flatten(0, 1)
        for number, size in enumerate(sizes):
            with torch.inference_mode():
                given = torch.nn.Sequential(*layers[: 2 * number + 2])(points).T[:MOST_UNITS]
            drawn = seen.units[run, number].astype(float)
            count = min(size, MOST_UNITS)
            expected = UNIT_ZERO + 127 * (given / given.abs().max()).view(count, UNIT_SIZE, -1)
            np.testing.assert_allclose(drawn[:count], expected, atol=0.51)
            assert (drawn[count:] == 0).all()


def test_weights_are_those_between_the_units_that_have_a_map():
    network = {"hidden_sizes": [12, 5]}
    prepared, seen = trained(spec_of("moons", ("cross_entropy", "bce"), network=network))
    for run in range(4):
        layers = prepared.learner.stack.layers
        for at, (layer, (to, of)) in enumerate(zip(layers, [(8, 2), (5, 8), (2, 5)], strict=True)):
            expected = layer.weight[run, :to, :of].numpy()
            np.testing.assert_allclose(seen.weights[run, at, :to, :of], expected, rtol=1e-3)
            assert np.count_nonzero(seen.weights[run, at]) == np.count_nonzero(expected)


def test_a_broken_network_has_maps_of_nothing():
    spec = spec_of("moons", ("cross_entropy",), seeds=(0,))
    prepared, _ = trained(spec)
    stack = prepared.learner.stack
    with torch.inference_mode():
        stack.flat[:] = torch.nan
        points = pictures.plane(torch.tensor([[0.0, 1.0, 0.0, 1.0]]), UNIT_SIZE)
        maps = pictures.unit_maps(stack, slice(0, 1), points)
    assert set(maps[0, 0, :MOST_UNITS].ravel()) == {UNIT_ZERO}


@pytest.mark.parametrize("data", ["moons", "digits"])
def test_points_are_wrong_and_probabilities_counted_as_plain_networks_have_it(data):
    prepared, seen = trained(spec_of(data, ("cross_entropy", "bce", "hinge")))
    judged = prepared.evaluator.judged
    for run in range(6):
        x, y = judged.x[run % 2], judged.y[run % 2].long()
        z = logits_of(prepared, run, x)
        if data == "moons":
            np.testing.assert_array_equal(seen.wrong[run], (classes_of(z) != y)[:300])
        if not link_of(prepared, run).gives_probabilities:
            assert seen.truth[run].sum() == 0
            continue
        p = plain.LINKS[link_of(prepared, run)](z)
        p = torch.cat([1 - p, p], 1) if p.shape[1] == 1 else p / p.sum(1, keepdim=True)
        of_truth = p[torch.arange(len(y)), y].double().numpy()
        expected, _edges = np.histogram(of_truth, bins=TRUTH_BINS, range=(0, 1))
        # One that lies on an edge but for rounding may be counted on either side of it.
        on_edge = (abs(of_truth * TRUTH_BINS - np.rint(of_truth * TRUTH_BINS)) < 1e-4).sum()
        assert abs(seen.truth[run] - expected).sum() <= 2 * on_edge
        assert seen.truth[run].sum() == len(y)


def test_the_surest_mistakes_are_shown_as_the_pictures_that_they_are():
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "digits", "validation_fraction": 0.5},
            "training": {"epochs": 1, "device": "cpu"},
            "entrants": [{"loss": "cross_entropy"}, {"loss": "bce"}],
        }
    )
    prepared, seen = trained(spec)
    data = load(spec.data, 0)
    raw = data.x_val * data.feature_scale + data.feature_mean
    judged = prepared.evaluator.judged
    y = judged.y[0].long()
    for run in range(2):
        z = logits_of(prepared, run, judged.x[0])
        p = z.softmax(1) if run == 0 else z.sigmoid() / z.sigmoid().sum(1, keepdim=True)
        sure, predicted = p.max(1)
        rows = torch.nonzero(predicted != y)[:, 0]
        surest = rows[sure[rows].argsort(descending=True)][:MOST_MISTAKES]
        told = torch.stack([y[surest].float(), predicted[surest].float(), sure[surest]], 1)
        np.testing.assert_allclose(seen.mistaken[run][: len(surest)], told, rtol=1e-4)
        assert np.isnan(seen.mistaken[run][len(surest) :]).all()
        for row, picture in zip(surest.tolist(), seen.pictures[run], strict=False):
            # The brightest of a digit's 17 greys is 16.
            np.testing.assert_allclose(picture.ravel() / 255.0 * 16, raw[row], atol=0.04)


def test_who_makes_no_mistake_has_none():
    log_p = torch.tensor([[[0.9, 0.2], [0.1, 0.8]]]).log()
    drawn = pictures.mistakes(
        log_p, log_p.argmax(1), torch.tensor([[0.0, 1.0]]), torch.ones(1, 2, 8, 8).byte()
    )
    assert drawn["mistaken"].isnan().all()
    assert drawn["mistaken"].shape == (1, MOST_MISTAKES, 3)
    assert drawn["pictures"].shape == (1, MOST_MISTAKES, 8, 8)


def test_confidence_over_the_plane_is_a_plain_networks():
    prepared, seen = trained(spec_of("blobs", ("cross_entropy", "bce", "hinge")))
    for run in range(6):
        extent = seen.extent[run % 2]
        x, y = (torch.linspace(*extent[at : at + 2].tolist(), SURFACE_SIZE) for at in (0, 2))
        points = torch.stack(torch.meshgrid(x, y, indexing="xy"), 2).flatten(0, 1)
        z = logits_of(prepared, run, points)
        link = link_of(prepared, run)
        drawn = seen.confidence[run].ravel().astype(float)
        if not link.gives_probabilities:
            assert (drawn == 255).all()
            continue
        p = plain.LINKS[link](z)
        largest = (p / p.sum(1, keepdim=True)).amax(1)
        np.testing.assert_allclose(drawn, 255 * largest, atol=0.52)


def test_shades_tell_class_and_confidence_and_a_guess_is_the_palest():
    surface = np.array([[0, 1, 2, 2]], np.uint8)
    confidence = np.array([[85, 170, 255, 0]], np.uint8)
    assert shaded(surface, confidence, 3).tolist() == [[0, 37, 74, 50]]
    assert shaded(surface, None, 3).tolist() == [[24, 49, 74, 74]]
