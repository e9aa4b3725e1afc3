"""What is seen of a stack, against plain networks, scikit-learn and hand values."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import (
    brier_score_loss,
    confusion_matrix,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
)
from torch import Tensor

from core.data import DATASETS, Dataset, load
from core.figures import surface_figure
from core.judging.baselines import null_scores
from core.judging.lens import gradient_lens, margins_of
from core.losses import LOSSES, Link, LossSpec, Task
from core.network.groups import Group
from core.records import Snapshot, Status
from core.records.snapshot import CURVE_SIZE, MARGIN_EDGES, RELIABILITY_BINS, SURFACE_SIZE
from core.spec import ExperimentSpec
from core.spec.entrants import lineup
from core.training import recording, train
from core.training.preparation import Prepared, prepare
from core.training.recording import Recorder
from tests.core import plain
from tests.core.experiments import entrants, races

CLASSES = {Task.BINARY: 2, Task.MULTICLASS: 4, Task.REGRESSION: 1}
EVERY_LOSS = [(loss, task) for loss in LOSSES.values() for task in loss.formulas]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("LOSSLAB_THREADS", "1")
    torch.set_num_threads(1)


def spec_of(data: str, losses: tuple[str, ...] = (), seeds=(0, 1), **parts) -> ExperimentSpec:
    spec = {
        "data": {"name": data, "rows": 300},
        "network": {"hidden_sizes": [8]},
        "optimizer": {"learning_rate": 0.01},
        "training": {"batch_size": 32, "epochs": 2, "device": "cpu"},
        "seeds": seeds,
    } | parts
    losses = losses or races(DATASETS[data].task)[0]
    raced = entrants(*losses, expression="relu(1 - sum(y*z) + z)")
    return ExperimentSpec.parse(spec | {"entrants": raced})


def all_raced(*names: str) -> pytest.MarkDecorator:
    """Every loss that fits the data, in as few races as hold them."""
    cases = [
        pytest.param(data, keys, id=f"{data}-{number}")
        for data in names
        for number, keys in enumerate(races(DATASETS[data].task), start=1)
    ]
    return pytest.mark.parametrize(("data", "losses"), cases)


def trained(spec: ExperimentSpec) -> tuple[Prepared, Snapshot]:
    """A training after its first epoch, and what is seen of it then."""
    with torch.inference_mode():
        prepared = prepare(spec)
        recorder = Recorder(prepared)
        for batch in prepared.batches.epoch():
            recorder.add(batch, prepared.learner.step(batch))
        return prepared, recorder.report_epoch(1).snapshot


def logits_of(prepared: Prepared, run: int, x: Tensor) -> Tensor:
    """Of a plain network with the run's weights, for x ``[N, D]``: ``[N, C]``."""
    width = prepared.learner.groups[run // len(prepared.spec.seeds)].width
    with torch.inference_mode():
        return plain.network_of(prepared.learner.stack, run, width)(x)


def link_of(prepared: Prepared, run: int) -> Link:
    return prepared.learner.groups[run // len(prepared.spec.seeds)].formula.link


PROBABILITIES = (Link.SOFTMAX, Link.SIGMOID)


def values_of(prepared: Prepared, run: int, z: Tensor) -> Tensor:
    """Predictions on the scale of the targets, of logits ``[N, C]``: ``[N]``."""
    if link_of(prepared, run) is not Link.EXP:
        return z[:, 0]
    seed = prepared.spec.seeds[run % len(prepared.spec.seeds)]
    return z[:, 0].exp() - load(prepared.spec.data, seed).target_offset


def classes_of(z: Tensor) -> Tensor:
    return (z[:, 0] > 0).long() if z.shape[1] == 1 else z.argmax(1)


# ------------------------------------------------------------------ classes


@pytest.mark.some(3)
@all_raced("digits", "breast_cancer", "iris")
def test_confusion_is_scikit_learns_and_every_row_has_its_confidence(data, losses):
    prepared, seen = trained(spec_of(data, losses))
    judged, classes = prepared.evaluator.judged, prepared.spec.dataset.outputs
    rows = judged.y.shape[1]
    runs = prepared.spec.run_count
    assert seen.confusion.shape == (runs, classes, classes)
    assert seen.reliability.shape == (runs, 3, RELIABILITY_BINS)
    for run in range(runs):
        y, z = judged.y[run % 2], logits_of(prepared, run, judged.x[run % 2])
        expected = confusion_matrix(y, classes_of(z), labels=range(classes))
        np.testing.assert_array_equal(seen.confusion[run], expected)
        if link_of(prepared, run) not in PROBABILITIES:
            assert not seen.reliability[run].any()
            continue
        counts, confidences, right = seen.reliability[run]
        assert counts.sum() == rows
        assert right.sum() == np.trace(expected)
        upper = np.arange(1, RELIABILITY_BINS + 1) / RELIABILITY_BINS
        assert (confidences <= counts * upper + 1e-4).all()
        assert (confidences >= counts * (upper - 1 / RELIABILITY_BINS) - 1e-4).all()
        accuracy, ece = seen.score("accuracy")[run], seen.score("ece")[run]
        assert accuracy == pytest.approx(np.trace(expected) / rows, rel=1e-6)
        assert ece == pytest.approx(np.abs(right - confidences).sum() / rows, rel=1e-5)


@all_raced("moons", "xor", "blobs")
def test_the_surface_is_what_plain_networks_say_at_its_points(data, losses):
    prepared, seen = trained(spec_of(data, losses))
    for run in range(prepared.spec.run_count):
        x_low, x_high, y_low, y_high = seen.extent[run % 2].tolist()
        x, y = np.meshgrid(
            np.linspace(x_low, x_high, SURFACE_SIZE), np.linspace(y_low, y_high, SURFACE_SIZE)
        )
        points = torch.from_numpy(np.stack([x.ravel(), y.ravel()], 1)).float()
        z = logits_of(prepared, run, points)
        link = link_of(prepared, run)
        if data == "blobs":
            expected = classes_of(z)
        elif link is Link.IDENTITY:
            expected = 255 * classes_of(z)
        else:
            p = plain.LINKS[link](z)
            expected = 255 * p[:, -1]
        ours = seen.surface[run].ravel().astype(float)
        differing = np.abs(ours - expected.numpy().round()) > (0.5 if data == "blobs" else 1)
        # A point next to the border between two classes may fall on either side.
        is_step = data == "blobs" or link is Link.IDENTITY
        assert differing.mean() <= (0.002 if is_step else 0)
        assert is_step or np.ptp(ours) > 0


@pytest.mark.parametrize("data", ["moons", "blobs"])
def test_the_extent_covers_all_training_rows_and_the_points_are_held_out_ones(data):
    prepared, seen = trained(spec_of(data))
    for seed in (0, 1):
        x_low, x_high, y_low, y_high = seen.extent[seed]
        rows = prepared.batches.x[seed].numpy()
        low, high = rows.min(0), rows.max(0)
        assert (x_low, y_low) < tuple(low)
        assert x_low < low[0] < high[0] < x_high
        assert y_low < low[1] < high[1] < y_high
        assert x_high - x_low < 1.3 * (high[0] - low[0])
        held_out = prepared.evaluator.judged
        np.testing.assert_array_equal(seen.points[seed, :, :2], held_out.x[seed])
        np.testing.assert_array_equal(seen.points[seed, :, 2], held_out.y[seed])


def along_x(seen: Snapshot, run: int) -> Tensor:
    """The places of a curve ``[G, 1]``."""
    low, high = seen.extent[run % 2].tolist()
    return torch.linspace(low, high, CURVE_SIZE)[:, None]


@all_raced("neuron")
def test_the_curve_is_what_plain_networks_say_along_x(data, losses):
    one_row = {"training": {"batch_size": 1, "epochs": 2, "device": "cpu"}}
    prepared, seen = trained(spec_of(data, losses, **one_row))
    assert seen.extent.tolist() == [[-3, 5], [-3, 5]]
    assert seen.points.tolist() == [[[1, 0]], [[1, 0]]]
    assert seen.surface is seen.wrong is seen.units is seen.predicted is None
    for run in range(prepared.spec.run_count):
        z = logits_of(prepared, run, along_x(seen, run))
        link = link_of(prepared, run)
        expected = classes_of(z) if link is Link.IDENTITY else plain.LINKS[link](z)[:, -1]
        np.testing.assert_allclose(seen.curve[run], expected, atol=1e-5)


def test_the_curve_of_a_value_is_what_is_predicted_along_x(monkeypatch):
    x = np.linspace(-2, 7, 100, dtype=np.float32)[:, None]
    line = Dataset("line", "Line", Task.REGRESSION, 1, 1, 100, "", lambda *_: (x, 3 + x[:, 0] ** 2))
    monkeypatch.setitem(DATASETS, "line", line)
    prepared, seen = trained(spec_of("line", ("mse", "poisson_nll", "gaussian_nll")))
    judged = prepared.evaluator.judged
    for seed in (0, 1):
        rows = prepared.batches.x[seed]
        assert seen.extent[seed, 0] < rows.min() < rows.max() < seen.extent[seed, 1]
        np.testing.assert_array_equal(seen.points[seed, :, 0], judged.x[seed, :, 0])
        np.testing.assert_array_equal(seen.points[seed, :, 1], judged.y[seed])
    for run in range(prepared.spec.run_count):
        z = logits_of(prepared, run, along_x(seen, run))
        np.testing.assert_allclose(seen.curve[run], values_of(prepared, run, z), atol=1e-4)


def clouds(classes: int, monkeypatch: pytest.MonkeyPatch) -> ExperimentSpec:
    """A data set in the plane with so many classes."""
    generator = np.random.default_rng(0)
    y = (np.arange(400) % classes).astype("float32")
    x = (np.stack([y, y**2 / 9], 1) + generator.normal(0, 0.2, (400, 2))).astype("float32")
    entry = Dataset("clouds", "Clouds", Task.MULTICLASS, 2, classes, 400, "", lambda *_: (x, y))
    monkeypatch.setitem(DATASETS, "clouds", entry)
    return spec_of("clouds", ("cross_entropy",), seeds=(0,))


@pytest.mark.parametrize("classes", [5, 10])
def test_a_surface_has_as_many_classes_as_there_are_colours_for(classes, monkeypatch):
    _, seen = trained(clouds(classes, monkeypatch))
    figure = surface_figure(seen.surface[0], seen.extent[0], seen.points[0], None, classes, "")
    plane, *marks = figure["data"]
    assert len(marks) == classes
    fullest = [color for _place, color in plane["colorscale"][1:-1:2]]
    assert fullest == [mark["marker"]["color"] for mark in marks]
    assert len({mark["marker"]["symbol"] for mark in marks}) == classes


def test_of_more_classes_than_colours_there_are_confusions_alone(monkeypatch):
    _, seen = trained(clouds(11, monkeypatch))
    assert seen.surface is seen.extent is seen.points is None
    assert seen.confusion.shape == (1, 11, 11)


def test_the_extent_of_a_constant_feature_has_a_width(monkeypatch):
    def flat(rows: int, noise: float, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        x = np.stack([np.arange(rows), np.full(rows, 3.0)], 1).astype("float32")
        return x, (np.arange(rows) % 2).astype("float32")

    entry = Dataset("flat", "Flat", Task.BINARY, 2, 2, 100, "", flat)
    monkeypatch.setitem(DATASETS, "flat", entry)
    _, seen = trained(spec_of("flat", ("bce",), seeds=(0,)))
    assert seen.extent[0].tolist()[2:] == [-1, 1]


def test_only_the_plane_has_a_surface_and_only_values_are_plotted_against_each_other():
    plane, many, values = (
        trained(spec_of(data))[1] for data in ("moons", "breast_cancer", "diabetes")
    )
    assert plane.surface is not None
    for seen in (many, values):
        assert seen.surface is seen.extent is seen.points is None
    assert values.confusion is values.reliability is None
    assert plane.predicted is plane.actual is many.predicted is many.actual is None


def test_predicted_and_actual_are_plain_networks_and_the_targets():
    prepared, seen = trained(spec_of("diabetes"))
    judged = prepared.evaluator.judged
    np.testing.assert_array_equal(seen.actual, judged.y)
    for run in range(prepared.spec.run_count):
        z = values_of(prepared, run, logits_of(prepared, run, judged.x[run % 2]))
        np.testing.assert_allclose(seen.predicted[run], z, rtol=1e-5, atol=1e-6)
        error = mean_squared_error(judged.y[run % 2], z)
        assert seen.score("mse")[run] == pytest.approx(error, rel=1e-5)


# ------------------------------------------------------------------ margins

LN2 = math.log(2)


@pytest.mark.parametrize(
    ("link", "task", "logits", "target", "expected"),
    [
        (Link.SOFTMAX, Task.MULTICLASS, [2, 0, 0], [1, 0, 0], 2 - LN2),
        (Link.SOFTMAX, Task.MULTICLASS, [1, 3, 3], [1, 0, 0], -2 - LN2),
        (Link.SOFTMAX, Task.BINARY, [1, 3], [0, 1], 2),
        (Link.SIGMOID, Task.BINARY, [3], [1], 3),
        (Link.SIGMOID, Task.BINARY, [3], [0], -3),
        (Link.SIGMOID, Task.MULTICLASS, [5, -1, 2], [0, 1, 0], -1),
        (Link.IDENTITY, Task.MULTICLASS, [5, -1, 2], [0, 0, 1], -3),
        (Link.IDENTITY, Task.BINARY, [5, -1], [1, 0], 6),
        (Link.IDENTITY, Task.REGRESSION, [1.5], [4], -2.5),
        (Link.IDENTITY, Task.REGRESSION, [1.5, 9], [4], -2.5),
        (Link.EXP, Task.REGRESSION, [math.log(3)], [4], -1),
    ],
)
def test_margins_by_hand(link, task, logits, target, expected):
    z, y = (torch.tensor(values).float()[None, :, None] for values in (logits, target))
    assert margins_of(z, y, link, task).tolist() == [[pytest.approx(expected)]]


def plain_margins(z: np.ndarray, y: np.ndarray, link: Link, task: Task) -> list[float]:
    """Row by row, of logits ``[N, C]`` and classes or values ``[N]``."""
    margins = []
    for scores, target in zip(z, y, strict=True):
        if task is Task.REGRESSION:
            margins.append((math.exp(scores[0]) if link is Link.EXP else scores[0]) - target)
        elif len(scores) == 1:
            margins.append(scores[0] * (1 if target else -1))
        elif link is Link.SIGMOID:
            margins.append(scores[int(target)])
        else:
            others = np.delete(scores, int(target))
            rival = np.log(np.exp(others).sum()) if link is Link.SOFTMAX else others.max()
            margins.append(scores[int(target)] - rival)
    return margins


def targets_of(prepared: Prepared, group: Group, seed: int) -> np.ndarray:
    """Classes or values as the data has them; amounts for a loss that predicts these."""
    data = load(prepared.spec.data, prepared.spec.seeds[seed])
    return data.y_train + (data.target_offset if group.formula.link is Link.EXP else 0)


@all_raced("digits", "breast_cancer", "diabetes")
def test_the_histogram_has_the_first_rows_before_any_batch(data, losses):
    spec = spec_of(data, losses)
    with torch.inference_mode():
        prepared = prepare(spec)
        seen = Recorder(prepared).report_start().snapshot
    assert seen.margins.shape == (len(spec.entrants), len(MARGIN_EDGES) - 1)
    assert (seen.margins.sum(1) == 2 * 32).all()
    for loss, group in enumerate(prepared.learner.groups):
        margins = np.concatenate(
            [
                plain_margins(
                    logits_of(prepared, 2 * loss + seed, prepared.batches.x[seed, :32]).numpy(),
                    targets_of(prepared, group, seed)[:32],
                    group.formula.link,
                    spec.dataset.task,
                )
                for seed in (0, 1)
            ]
        )
        expected = np.histogram(np.clip(margins, -12, 12), MARGIN_EDGES)[0]
        # A margin within rounding of an edge may count on either side of it.
        assert np.abs(seen.margins[loss] - expected).sum() <= 2


def test_the_histogram_is_of_the_newest_whole_batch_before_its_update():
    spec = spec_of("breast_cancer", ("cross_entropy",), seeds=(0,))
    with torch.inference_mode():
        prepared = prepare(spec)
        recorder = Recorder(prepared)
        for batch in prepared.batches.epoch():
            if batch.size == 32:
                whole = batch
                z = logits_of(prepared, 0, batch.rows[0]).numpy()
            recorder.add(batch, prepared.learner.step(batch))
        seen = recorder.report_epoch(1).snapshot
    assert batch.size < 32
    y = whole.newest[0][0].argmax(0).numpy()
    margins = plain_margins(z, y, Link.SOFTMAX, Task.BINARY)
    expected = np.histogram(np.clip(margins, -12, 12), MARGIN_EDGES)[0]
    assert np.abs(seen.margins[0] - expected).sum() <= 2


def test_a_broken_run_is_seen_as_broken_and_its_neighbour_as_before():
    spec = spec_of("moons", ("cross_entropy", "bce"), seeds=(0,))
    with torch.inference_mode():
        prepared = prepare(spec)
        whole = Recorder(prepared).report_start().snapshot
        prepared.learner.stack.layers[0].parameters[0] = torch.nan
        seen = Recorder(prepared).report_start().snapshot
    assert np.isnan(seen.scores[:, 0]).all()
    np.testing.assert_allclose(seen.scores[:, 1], whole.scores[:, 1], rtol=1e-6)
    assert not seen.margins[0].any()
    assert seen.margins[1].sum() == 32
    assert not seen.reliability[0].any()
    np.testing.assert_array_equal(seen.surface[1], whole.surface[1])


@pytest.mark.some(3)
@all_raced("digits", "breast_cancer", "diabetes")
def test_training_that_diverges_is_seen_to_its_end(data, losses, monkeypatch):
    # So few that the end comes within an epoch.
    monkeypatch.setattr(recording, "_MOST_STEPS", 5)
    spec = spec_of(
        data,
        losses,
        network={"hidden_sizes": [32, 32, 32]},
        optimizer={"name": "momentum", "learning_rate": 10, "weight_decay": 1},
    )
    reports = list(train(spec))
    last = reports[-1]
    diverged = [step is not None for step in last.diverged_steps]
    assert any(diverged)
    assert (last.outcome is Status.DIVERGED) == all(diverged)
    assert (last.snapshot.step, last.snapshot.epoch) == (last.step, last.epoch)
    assert np.isnan(last.snapshot.scores[:, diverged]).all()
    # The order is that of the epochs that were passed whole.
    if last.step < spec.steps_per_epoch:
        assert set(last.snapshot.order_sha256) == {hashlib.sha256().hexdigest()}


# ------------------------------------------------------------------ the lens


def group_of(loss: LossSpec, task: Task) -> Group:
    (entrant,) = lineup(entrants(loss.key), 0.1)
    return Group(entrant, loss.formulas[task], slice(0, 1), loss.head.width(CLASSES[task]))


def test_the_lens_of_amounts_ends_where_they_do():
    """About a mean of 2.5 no residual is below -2.5; dL/dz is the residual itself."""
    loss = LOSSES["poisson_nll"]
    offset = torch.tensor([[2.0], [3.0]])
    group = replace(group_of(loss, Task.REGRESSION), runs=slice(0, 2), offset=offset)
    lens = gradient_lens([group], Task.REGRESSION)
    for margin, size in zip(lens["margins"], lens["gradients"][0], strict=True):
        if margin < -2.5:
            assert size is None
        else:
            assert size == pytest.approx(abs(margin), abs=1e-5)


EXCEPT_AMOUNTS = [
    (loss, task) for loss, task in EVERY_LOSS if loss.formulas[task].link is not Link.EXP
]


@pytest.mark.parametrize(
    ("loss", "task"), EXCEPT_AMOUNTS, ids=[f"{loss.key}-{task}" for loss, task in EXCEPT_AMOUNTS]
)
def test_the_lens_is_autograd_of_torchs_own_loss(loss, task):
    group = group_of(loss, task)
    lens = gradient_lens([group], task)
    margins = torch.tensor(lens["margins"])
    assert (margins[0], margins[-1]) == (MARGIN_EDGES[0], MARGIN_EDGES[-1])
    z = torch.zeros(len(margins), group.width)
    z[:, 0] = margins
    if group.formula.link is Link.SOFTMAX:
        z[:, 0] += math.log(group.width - 1)
    z.requires_grad_()
    # One logit stands for class 1; else the true class is the first; a residual is from 0.
    target = 1.0 if task.is_classification and group.width == 1 else 0.0
    y = torch.full((len(margins),), target)
    encoded = plain.columns(y, task, group.width)
    placed = margins_of(z.detach().T[None], encoded.T[None], group.formula.link, task)
    torch.testing.assert_close(placed[0], margins, rtol=0, atol=2e-6)
    mean = plain.loss_function(loss, task)(z, y)
    (slopes,) = torch.autograd.grad(mean * len(margins), z)
    ours = torch.tensor(lens["gradients"][0])
    torch.testing.assert_close(ours, slopes[:, 0].abs(), rtol=1e-4, atol=1e-6)


def test_the_lens_of_squared_error_on_a_sigmoid_stays_under_its_bound():
    lens = gradient_lens([group_of(LOSSES["mse"], Task.BINARY)], Task.BINARY)
    sizes = lens["gradients"][0]
    assert max(sizes) <= 8 / 27 + 1e-6
    assert max(sizes) > 0.99 * 8 / 27
    # Surely wrong, it hardly learns, where CrossEntropy learns most.
    assert sizes[0] < 1e-4
    crossed = gradient_lens([group_of(LOSSES["cross_entropy"], Task.BINARY)], Task.BINARY)
    assert crossed["gradients"][0][0] == pytest.approx(1, abs=1e-5)


# ------------------------------------------------------------------ the best constant


@pytest.mark.parametrize("data", ["breast_cancer", "digits", "moons"])
def test_null_scores_are_those_of_the_dummy_that_predicts_frequencies(data):
    spec = spec_of(data)
    with torch.inference_mode():
        prepared = prepare(spec)
    judged, classes = prepared.evaluator.judged.y, range(spec.dataset.outputs)
    found = prepared.facts().null_scores
    assert list(found) == ["nll", "brier"]
    for seed in (0, 1):
        train_y, y = load(spec.data, seed).y_train, judged[seed].numpy()
        dummy = DummyClassifier(strategy="prior").fit(prepared.batches.x[seed], train_y)
        p = dummy.predict_proba(np.zeros((len(y), 1)))
        nll = log_loss(y, p, labels=classes)
        brier = brier_score_loss(y, p[:, 1] if len(classes) == 2 else p, labels=classes)
        assert found["nll"][seed] == pytest.approx(nll, rel=1e-5)
        assert found["brier"][seed] == pytest.approx(brier, rel=1e-5)


def test_null_scores_of_values_are_those_of_the_dummies_of_mean_and_median():
    spec = spec_of("diabetes", seeds=(0, 1))
    with torch.inference_mode():
        prepared = prepare(spec)
    found = prepared.facts().null_scores
    assert list(found) == ["mse", "mae"]
    assert spec.data.train_rows % 2 == 0, "of an even number the median is between two"
    for seed in (0, 1):
        data, y = load(spec.data, seed), prepared.evaluator.judged.y[seed].numpy()
        for strategy, measure, error in (
            ("mean", "mse", mean_squared_error),
            ("median", "mae", mean_absolute_error),
        ):
            dummy = DummyRegressor(strategy=strategy).fit(data.x_train, data.y_train)
            expected = error(y, dummy.predict(np.zeros((len(y), 1))))
            assert found[measure][seed] == pytest.approx(expected, rel=1e-5)


def test_null_scores_of_a_class_without_training_rows_are_finite():
    train_y, judged = torch.tensor([[0.0, 0, 1]]), torch.tensor([[0.0, 1, 2]])
    found = null_scores(train_y, judged, spec_of("iris").dataset)
    assert np.isfinite([found["nll"], found["brier"]]).all()
    assert found["nll"][0] > 5


# ------------------------------------------------------------------ fingerprints


def digest_of_trunk(prepared: Prepared, run: int) -> str:
    digest = hashlib.sha256()
    for weight, bias in plain.weights_of(prepared.learner.stack, run, 1)[:-1]:
        digest.update(weight.numpy().tobytes())
        digest.update(bias.numpy().tobytes())
    return digest.hexdigest()


def test_losses_of_a_seed_start_from_one_trunk_and_seeds_from_several():
    spec = spec_of("digits", seeds=(5, 6), network={"hidden_sizes": [8, 4]})
    with torch.inference_mode():
        prepared = prepare(spec)
        expected = [digest_of_trunk(prepared, run) for run in range(spec.run_count)]
        facts = prepared.facts()
        for batch in prepared.batches.epoch():
            prepared.learner.step(batch)
        assert digest_of_trunk(prepared, 0) != expected[0]
        assert prepared.facts().trunk_sha256 == facts.trunk_sha256 == expected
    assert expected == expected[:2] * len(spec.entrants)
    assert expected[0] != expected[1]


def orders(spec: ExperimentSpec) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The hashes before and after training."""
    reports = list(train(spec))
    return reports[0].snapshot.order_sha256, reports[-1].snapshot.order_sha256


def test_hashes_of_the_order_depend_on_the_seed_alone():
    start, (three, four) = orders(spec_of("moons", ("cross_entropy",), seeds=(3, 4)))
    assert set(start) == {hashlib.sha256().hexdigest()}
    _, (four_again, five) = orders(spec_of("moons", ("mse", "bce", "hinge"), seeds=(4, 5)))
    assert four == four_again
    assert len({three, four, five, *start}) == 4


@pytest.mark.parametrize("batch", [32, 240])
def test_the_hash_is_that_of_the_rows_that_were_really_trained_on(batch):
    """240 is all rows of the data, in one batch as they come."""
    spec = spec_of("moons", ("mse", "bce"), training={"batch_size": batch, "epochs": 2})
    expected = [hashlib.sha256(), hashlib.sha256()]
    with torch.inference_mode():
        prepared = prepare(spec)
        for _ in range(2):
            x = torch.cat([each.rows for each in prepared.batches.epoch()], 1)
            for seed, digest in enumerate(expected):
                rows = prepared.batches.x[seed].tolist()
                places = {tuple(row): place for place, row in enumerate(rows)}
                assert len(places) == spec.data.train_rows
                order = [places[tuple(row)] for row in x[seed].tolist()]
                digest.update(np.array(order, np.int64).tobytes())
    assert orders(spec)[1] == tuple(digest.hexdigest() for digest in expected)
