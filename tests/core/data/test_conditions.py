"""Stress: how many rows of what kind, always the same ones, and the held-out rows left alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.data import DATASETS, Dataset, DataSpec, LoadedData, StressSpec, load
from core.data.conditions import kept
from core.data.generated import MOST_ON_RING, blob_centers
from core.errors import SpecError
from core.losses import Task
from core.spec import ExperimentSpec

_SPLIT = [name for name, entry in DATASETS.items() if entry.split]
_CLASSES = [name for name in _SPLIT if DATASETS[name].task.is_classification]


def loaded(name: str = "digits", seed: int = 0, **stress: Any) -> LoadedData:
    return load(DataSpec(name=name, stress=StressSpec(**stress)), seed)


def changed_rows(name: str, **stress: Any) -> np.ndarray:
    """The numbers of training rows whose label is another than without stress."""
    return np.flatnonzero(loaded(name).y_train != loaded(name, **stress).y_train)


@pytest.mark.parametrize("name", _CLASSES)
@pytest.mark.parametrize("flips", ["random", "pairs"])
def test_so_many_labels_become_another_class(name: str, flips: str) -> None:
    clean = loaded(name)
    flipped = loaded(name, flipped_labels=0.4, flips=flips)
    moved = clean.y_train != flipped.y_train
    assert moved.sum() == round(0.4 * len(clean.y_train))
    classes = DATASETS[name].outputs
    assert set(np.unique(flipped.y_train)) <= set(range(classes))
    if flips == "pairs":
        expected = (clean.y_train[moved] + 1) % classes
        np.testing.assert_array_equal(flipped.y_train[moved], expected)
    np.testing.assert_array_equal(clean.x_train, flipped.x_train)
    np.testing.assert_array_equal(clean.y_val, flipped.y_val)


def test_random_flips_go_to_every_other_class_alike() -> None:
    clean, flipped = loaded(), loaded(flipped_labels=0.8)
    moved = clean.y_train != flipped.y_train
    steps = (flipped.y_train - clean.y_train)[moved].astype(int) % 10
    counts = np.bincount(steps, minlength=10)
    assert counts[0] == 0
    # Nine classes share 1,150 rows: 128 each, with a standard deviation of 11.
    assert counts[1:].min() > 128 - 4 * 11
    assert counts[1:].max() < 128 + 4 * 11


def test_more_of_a_condition_falls_on_the_same_rows_and_some_more() -> None:
    few, many = (set(changed_rows("digits", flipped_labels=share)) for share in (0.2, 0.6))
    assert few < many
    beside_noise = changed_rows("digits", flipped_labels=0.2, feature_noise=1, outliers=0.1)
    assert few == set(beside_noise)


def test_seeds_have_rows_of_their_own() -> None:
    first, second = (loaded("moons", seed, flipped_labels=0.3).y_train for seed in (0, 1))
    assert (first != second).any()
    again = loaded("moons", 1, flipped_labels=0.3).y_train
    np.testing.assert_array_equal(second, again)


def test_an_outlier_is_so_far_from_where_it_was() -> None:
    clean, moved = loaded("moons"), loaded("moons", outliers=0.1, outlier_size=7)
    distance = np.linalg.norm(moved.x_train - clean.x_train, axis=1)
    assert (distance > 0).sum() == 80
    np.testing.assert_allclose(distance[distance > 0], 7, rtol=1e-5)
    np.testing.assert_array_equal(clean.x_val, moved.x_val)


def test_outliers_of_values_go_up_and_down() -> None:
    clean = loaded("diabetes")
    moved = loaded("diabetes", outliers=0.2, outlier_size=5, outliers_in="targets")
    distance = moved.y_train - clean.y_train
    assert (distance != 0).sum() == round(0.2 * len(distance))
    np.testing.assert_allclose(abs(distance[distance != 0]), 5, rtol=1e-5)
    assert {-1, 1} == set(np.sign(distance[distance != 0]))
    np.testing.assert_array_equal(clean.x_train, moved.x_train)
    assert clean.target_scale == moved.target_scale


def test_noise_on_features_has_its_standard_deviation() -> None:
    clean, noisy = loaded(), loaded(feature_noise=0.5)
    moved = noisy.x_train - clean.x_train
    assert moved.std() == pytest.approx(0.5, rel=0.02)
    assert moved.mean() == pytest.approx(0, abs=0.01)
    np.testing.assert_array_equal(clean.x_val, noisy.x_val)


def test_held_out_rows_are_stressed_where_it_is_asked_for() -> None:
    clean = loaded("moons")
    stressed = loaded("moons", flipped_labels=0.2, feature_noise=1, on_held_out=True)
    assert (clean.y_val != stressed.y_val).sum() == round(0.2 * len(clean.y_val))
    assert (clean.x_val != stressed.x_val).all()


@pytest.mark.parametrize("name", _CLASSES)
@pytest.mark.parametrize("share", [0.25, 0.5])
def test_fewer_rows_keep_the_proportions_of_the_classes(name: str, share: float) -> None:
    whole, part = (loaded(name, kept_rows=s).y_train for s in (1.0, share))
    assert len(part) == round(share * len(whole))
    counts, expected = np.bincount(part.astype(int)), share * np.bincount(whole.astype(int))
    assert abs(counts - expected).max() <= 1


@pytest.mark.parametrize("name", ["digits", "moons", "breast_cancer", "blobs"])
def test_an_imbalance_is_the_ratio_of_the_first_class_to_the_last(name: str) -> None:
    counts = np.bincount(loaded(name, imbalance=8).y_train.astype(int))
    weights = 8.0 ** (-np.arange(len(counts)) / (len(counts) - 1))
    expected = weights / weights.sum() * counts.sum()
    assert abs(counts - expected).max() <= 1
    assert (np.diff(counts) <= 0).all()


def test_the_rows_that_stay_are_the_first_of_their_class() -> None:
    y = np.array([0, 1, 1, 0, 0, 1, 0, 1], np.float32)
    assert kept(y, StressSpec(kept_rows=0.5), 2, 4).tolist() == [0, 1, 2, 3]
    assert kept(y, StressSpec(imbalance=3), 2, 4).tolist() == [0, 1, 3, 4]
    assert kept(y, StressSpec(kept_rows=0.5), 1, 3).tolist() == [0, 1, 2]


@given(
    name=st.sampled_from(_SPLIT),
    kept_rows=st.floats(0.01, 1),
    imbalance=st.floats(1, 100),
    seed=st.integers(0, 5),
)
def test_the_rows_are_as_many_as_is_known_before(
    name: str, kept_rows: float, imbalance: float, seed: int
) -> None:
    if not DATASETS[name].task.is_classification:
        imbalance = 1.0
    stress = StressSpec(kept_rows=kept_rows, imbalance=imbalance)
    data = DataSpec(name=name, rows=300, stress=stress)
    assume(not list(data.problems()))
    try:
        split = load(data, seed)
    except SpecError:
        # How many rows of XOR are of a class depends on the seed.
        assume(False)
    assert len(split.x_train) == len(split.y_train) == data.train_rows
    assert np.isfinite(split.x_train).all()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": "diabetes", "stress": {"flipped_labels": 0.2}}, "has no classes"),
        ({"name": "diabetes", "stress": {"imbalance": 3}}, "Imbalance was 3"),
        ({"name": "iris", "stress": {"outliers": 0.1, "outliers_in": "targets"}}, "are classes"),
        ({"name": "lesson", "stress": {"flipped_labels": 0.2}}, "as it is"),
        ({"name": "iris", "stress": {"kept_rows": 0.01}}, "leaves 1 training rows of Iris"),
        ({"name": "digits", "stress": {"imbalance": 1000}}, "a row of each class"),
        ({"name": "iris", "stress": {"flipped_labels": 0.9}}, "allowed is 0 to 0.8"),
        ({"name": "iris", "stress": {"outlier_size": 1e39}}, "allowed is 0 to 1,000,000"),
        ({"name": "iris", "stress": {"outlier_size": math.inf}}, "Size of the outliers was"),
        ({"name": "iris", "stress": {"flips": "all"}}, "any of random, pairs"),
        ({"name": "iris", "stress": {"kept_rows": "half"}}, "Training rows kept was 'half'"),
        ({"name": "iris", "stress": {"spoiled": 1}}, "no field called"),
        ({"name": "blobs", "classes": 101}, "Classes was 101; allowed is 2 to 100"),
        ({"name": "blobs", "classes": 100, "rows": 200}, "it has 100 classes"),
    ],
)
def test_what_can_not_be_had_is_said(data: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError) as caught:
        ExperimentSpec.parse({"data": data, "training": {"batch_size": 1}})
    assert words in str(caught.value)


def test_a_class_without_rows_is_said_when_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """How uneven classes are is known but roughly before data is loaded."""
    y = (np.arange(200) < 4).astype("float32")
    x = np.arange(200, dtype="float32")[:, None]
    uneven = Dataset("uneven", "Uneven", Task.BINARY, 1, 2, 200, "", lambda *_: (x, y))
    monkeypatch.setitem(DATASETS, "uneven", uneven)
    data = DataSpec(name="uneven", stress=StressSpec(kept_rows=0.1))
    assert not list(data.problems())
    with pytest.raises(SpecError, match=r"Of class 1 of Uneven no training row is left among 16"):
        load(data, 0)


@pytest.mark.parametrize("classes", [2, 3, MOST_ON_RING, MOST_ON_RING + 1, 30, 100])
def test_blobs_are_far_from_each_other_and_none_is_alone(classes: int) -> None:
    centers = blob_centers(classes)
    apart = np.linalg.norm(centers[:, None] - centers, axis=2) + 100 * np.eye(classes)
    assert apart.min() > 1.4
    assert apart.min(axis=1).max() < 2.1


@pytest.mark.parametrize("classes", [2, 7, 100])
def test_blobs_have_as_many_classes_as_were_asked_for(classes: int) -> None:
    data = DataSpec(name="blobs", rows=2000, classes=classes)
    assert data.entry.outputs == classes
    assert data.entry.task is (Task.BINARY if classes == 2 else Task.MULTICLASS)
    split = load(data, 0)
    assert set(np.unique(split.y_train)) == set(range(classes))
    assert set(np.unique(split.y_val)) == set(range(classes))
