"""What the table says of each data set is what loading it gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.data import DATASETS, Dataset, DataSpec, derive_seed, load
from core.errors import SpecError
from core.losses import Task

every_dataset = pytest.mark.parametrize("entry", DATASETS.values(), ids=DATASETS)
SPLIT = [entry for entry in DATASETS.values() if entry.split]
GENERATED = [entry for entry in DATASETS.values() if entry.rows is None]
every_split = pytest.mark.parametrize("entry", SPLIT, ids=lambda entry: entry.key)
every_classification = pytest.mark.parametrize(
    "entry",
    [entry for entry in SPLIT if entry.task.is_classification],
    ids=lambda entry: entry.key,
)
every_generated = pytest.mark.parametrize("entry", GENERATED, ids=lambda entry: entry.key)


def data_of(entry: Dataset, **parts: float) -> DataSpec:
    return DataSpec(name=entry.key, **({"rows": 300} | parts))


@every_dataset
def test_the_table_is_true(entry):
    data = data_of(entry)
    split = load(data, seed=0)
    x, y = (
        np.concatenate([split.x_train, split.x_val]),
        np.concatenate([split.y_train, split.y_val]),
    )
    assert DATASETS[entry.key] is entry
    assert len(x) == len(y) == (entry.rows or 300)
    assert x.shape[1] == entry.features
    assert x.dtype == y.dtype == np.float32
    assert np.isfinite(x).all()
    assert np.isfinite(y).all()
    assert (len(split.x_train), len(split.x_val)) == (data.train_rows, data.validation_rows)
    assert (entry.outputs == 1) == (entry.task is Task.REGRESSION)
    assert (entry.outputs == 2) == (entry.task is Task.BINARY)
    if entry.task.is_classification:
        assert set(y) == ({0} if entry.one_answer else set(range(entry.outputs)))
    assert entry.one_answer == (len(set(y)) == 1)
    assert entry.noisy == (entry.rows is None)


@pytest.mark.parametrize(("fraction", "held_out"), [(0.05, 28), (0.2, 114), (0.5, 284)])
def test_a_fraction_is_held_out(fraction, held_out):
    data = DataSpec(name="breast_cancer", validation_fraction=fraction)
    assert (data.train_rows, data.validation_rows) == (569 - held_out, held_out)
    assert len(load(data, 0).x_val) == held_out


@every_split
def test_training_rows_have_mean_0_and_deviation_1(entry):
    split = load(data_of(entry), seed=1)
    constant = (split.x_train == split.x_train[0]).all(0)
    np.testing.assert_allclose(split.x_train.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(split.x_train.std(0)[~constant], 1, atol=1e-4)
    assert not split.x_train[:, constant].any()
    assert abs(split.x_val.mean(0)).max() > 1e-3
    if entry.task is Task.REGRESSION:
        assert split.y_train.mean() == pytest.approx(0, abs=1e-5)
        assert split.y_train.std() == pytest.approx(1, abs=1e-5)
    else:
        assert (split.target_scale, split.target_offset) == (1, 0)


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_validation_rows_are_transformed_by_the_numbers_of_the_training_rows(task, monkeypatch):
    """On a data set whose first feature is the row's number, by which each is known again."""
    generator = np.random.default_rng(0)
    raw_x = np.c_[np.arange(200), generator.normal(5, 3, 200), np.full(200, 7)].astype("float32")
    raw_y = (np.arange(200) % 3 == 0).astype("float32") * 10
    raw_y = raw_y if task is Task.REGRESSION else raw_y / 10
    outputs = 1 if task is Task.REGRESSION else 2
    probe = Dataset("probe", "Probe", task, 3, outputs, 200, "", lambda *_: (raw_x, raw_y))
    monkeypatch.setitem(DATASETS, "probe", probe)
    split = load(DataSpec(name="probe"), seed=0)
    known = np.concatenate([split.x_train, split.x_val])[:, 0]
    numbers = np.rint(199 * (known - known.min()) / np.ptp(known)).astype(int)
    assert sorted(numbers) == list(range(200))
    train, val = numbers[:160], numbers[160:]
    for x, rows in ((split.x_train, train), (split.x_val, val)):
        scale = np.where([True, True, False], raw_x[train].std(0), 1)
        expected = (raw_x[rows] - raw_x[train].mean(0)) / scale
        np.testing.assert_allclose(x, expected, rtol=1e-4, atol=1e-5)
    mean = raw_y[train].mean() if task is Task.REGRESSION else 0
    scale = raw_y[train].std() if task is Task.REGRESSION else 1
    assert split.target_scale == pytest.approx(scale)
    assert split.target_offset == pytest.approx(mean / scale, rel=1e-5)
    for y, rows in ((split.y_train, train), (split.y_val, val)):
        np.testing.assert_allclose(y * scale + mean, raw_y[rows], rtol=1e-4, atol=1e-5)


def probe(
    x: np.ndarray, y: np.ndarray, monkeypatch: pytest.MonkeyPatch, **parts: float
) -> DataSpec:
    """A data set of these rows, as any could be."""
    classes = int(y.max()) + 1
    entry = Dataset(
        "probe", "Probe", Task.MULTICLASS, x.shape[1], classes, len(x), "", lambda *_: (x, y)
    )
    monkeypatch.setitem(DATASETS, "probe", entry)
    return DataSpec(name="probe", **parts)


THREE_CLASSES = np.arange(300, dtype=np.float32) % 3


@pytest.mark.parametrize("size", [0.1, -0.3, 7, 12345.678, 1e7, 1e-20])
def test_a_constant_feature_is_0_and_what_is_held_out_keeps_its_distance(size, monkeypatch):
    """The mean of many equal numbers need not be the number itself, but for rounding."""
    x = np.full((300, 2), size, np.float32)
    x[:, 1] = np.arange(300)
    data = probe(x, THREE_CLASSES, monkeypatch)
    split = load(data, 0)
    assert not split.x_train[:, 0].any()
    assert not split.x_val[:, 0].any()
    numbers = np.concatenate([split.x_train, split.x_val])[:, 1]
    rows = np.rint(299 * (numbers - numbers.min()) / np.ptp(numbers)).astype(int)
    distance = max(1, abs(size) / 4)
    x[rows[len(split.x_train) :], 0] += np.float32(distance)
    np.testing.assert_allclose(load(data, 0).x_val[:, 0], distance, rtol=1e-6)


def test_a_feature_that_differs_by_rounding_alone_is_constant(monkeypatch):
    x = np.full((300, 1), 1e6, np.float32)
    x[::2] = np.nextafter(x[::2], np.float32(np.inf))
    assert not load(probe(x, THREE_CLASSES, monkeypatch), 0).x_train.any()


@pytest.mark.parametrize("rarely", [2, 3, 10])
def test_a_feature_that_is_rarely_another_is_not_constant(rarely, monkeypatch):
    x = np.full((300, 1), 0.1, np.float32)
    x[: 100 * rarely : 100] = 0.2
    split = load(probe(x, THREE_CLASSES, monkeypatch), 0)
    assert split.x_train.std() == pytest.approx(1, abs=1e-4)


def test_a_class_of_one_row_is_refused(monkeypatch):
    y = np.arange(60, dtype=np.float32) % 3
    y[7] = 3
    with pytest.raises(SpecError) as caught:
        load(probe(np.zeros((60, 2), np.float32), y, monkeypatch), 0)
    assert str(caught.value) == (
        "Class 3 of Probe had 1 row; allowed are 2 or more, one to train on and one to hold out."
    )


def test_fewer_held_out_rows_than_classes_are_refused(monkeypatch):
    y = np.arange(60, dtype=np.float32) % 7
    with pytest.raises(SpecError) as caught:
        load(probe(np.zeros((60, 2), np.float32), y, monkeypatch, validation_fraction=0.1), 0)
    assert str(caught.value) == (
        "Held-out rows of Probe were 6; it has 7 classes, each to be trained on and held out, so "
        "allowed is 7 to 53."
    )


@every_classification
def test_classes_keep_their_proportions(entry):
    split = load(data_of(entry), seed=2)
    for label in range(entry.outputs):
        train, val = (split.y_train == label).mean(), (split.y_val == label).mean()
        assert abs(train - val) <= 1 / len(split.y_val)


#: One row is the same in every order.
SEVERAL_ROWS = [entry for entry in DATASETS.values() if entry.rows != 1]


@pytest.mark.parametrize("entry", SEVERAL_ROWS, ids=lambda entry: entry.key)
def test_a_seed_gives_one_split_and_another_seed_another(entry):
    data = data_of(entry)
    first, again, other = load(data, 5), load(data, 5), load(data, 6)
    for name in ("x_train", "y_train", "x_val", "y_val"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.x_train, other.x_train)


@every_generated
def test_noise_spreads_the_points(entry):
    """What noise adds is the distance from the points that the same seed has without it."""
    still, *noisy = (entry.source(300, noise, entry.outputs, 0)[0] for noise in (0, 0.1, 0.5))
    small, large = (np.abs(points - still).mean() for points in noisy)
    assert 0 < small < large
    assert large == pytest.approx(5 * small, rel=0.3)


def test_the_lesson_is_the_lessons_own_tensors():
    split = load(DataSpec(name="lesson"), seed=3)
    generator = torch.Generator().manual_seed(derive_seed(3, "noise"))
    x, y = torch.rand(32, 64, generator=generator), torch.randint(10, (32,), generator=generator)
    assert torch.equal(torch.from_numpy(split.x_train), x)
    assert split.y_train.tolist() == y.tolist()
    assert (len(split.x_val), len(split.y_val), split.target_scale) == (0, 0, 1)


@pytest.mark.parametrize("seed", [0, 7])
def test_the_neuron_has_one_row_from_every_seed(seed):
    split = load(DataSpec(name="neuron"), seed)
    assert (split.x_train.tolist(), split.y_train.tolist()) == ([[1.0]], [0.0])
    assert (len(split.x_val), split.feature_scale.tolist(), split.feature_mean.tolist()) == (
        0, [1.0], [0.0],
    )  # fmt: skip


def test_derived_seeds_are_stable_and_distinct():
    # ``printf 0:split | sha256sum`` begins with 81914893: without its last bit.
    assert derive_seed(0, "split") == 0x81914893 >> 1
    purposes = ("split", "trunk", "head", "head bias", "order", "noise")
    derived = {derive_seed(seed, purpose) for seed in range(100) for purpose in purposes}
    assert len(derived) == 600
    assert all(0 <= each < 2**31 for each in derived)
    assert max(derived) > 2**30


@pytest.mark.parametrize("noise", [0.0, 0.2])
@pytest.mark.parametrize("key", [key for key, entry in DATASETS.items() if entry.split])
def test_seeds_share_their_rows_or_have_rows_of_their_own(key, noise):
    """Told by the rows themselves, before they are split."""
    spec = DataSpec(name=key, rows=200, noise=noise)
    source = DATASETS[key].source
    first, second = (np.sort(source(spec.rows, noise, 3, seed)[0], axis=0) for seed in (0, 1))
    assert np.allclose(first, second, atol=1e-6) == spec.seeds_share_rows
