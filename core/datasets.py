"""The data sets: one entry each, real ones shipped by scikit-learn and generated ones.

The table holds what a page must know before anything is loaded (sizes, task, rows);
``load`` does the loading, so scikit-learn is imported only where training happens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from core.losses import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.spec import DataSpec

    Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]


def derive_seed(seed: int, purpose: str) -> int:
    """A seed for one purpose of a run: the first 31 bits of SHA-256("seed:purpose").

    Streams named apart (split, noise, trunk, head, order) do not move when one of
    them draws more or less, so runs of one seed share all they can.
    """
    digest = hashlib.sha256(f"{seed}:{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


@dataclass(frozen=True)
class Dataset:
    """What there is to know of a data set without loading it.

    ``outputs`` is the number of classes, or 1 for regression. ``rows`` is None where
    the person chooses how many to generate. ``split`` says whether rows are held out
    and features standardised; the lesson's batch is taken as it is.
    """

    key: str
    title: str
    task: Task
    features: int
    outputs: int
    rows: int | None
    about: str
    source: Callable[[DataSpec, int], Arrays]
    noisy: bool = False
    split: bool = True


@dataclass(frozen=True)
class Split:
    """One seed's data, float32. Targets are class ids, or standardised values.

    ``x_train`` ``[N, D]``, ``y_train`` ``[N]``; the same for validation, which is
    empty where the data set is not split. ``target_scale`` is the standard deviation
    of the raw training targets (1 for classes): multiply to get raw units back.
    ``target_offset`` is their mean in standard deviations (0 for classes): added to a target
    it gives the raw one, divided by its standard deviation.
    """

    x_train: NDArray[np.float32]
    y_train: NDArray[np.float32]
    x_val: NDArray[np.float32]
    y_val: NDArray[np.float32]
    target_scale: float
    target_offset: float


def split_sizes(data: DataSpec) -> tuple[int, int]:
    """Rows for training and for validation, known before loading."""
    entry = DATASETS[data.name]
    rows = entry.rows or data.rows
    held_out = round(rows * data.validation_fraction) if entry.split else 0
    return rows - held_out, held_out


def load(data: DataSpec, seed: int) -> Split:
    """Load or generate, split by ``seed`` and standardise on the training rows alone.

    Classes keep their proportions in both parts. A feature that is constant over the
    training rows stays at 0. Regression targets are standardised as well.
    """
    import numpy as np
    from sklearn.model_selection import train_test_split

    entry = DATASETS[data.name]
    x, y = entry.source(data, seed)
    if not entry.split:
        return Split(x, y, x[:0], y[:0], 1.0, 0.0)
    train_rows, val_rows = split_sizes(data)
    train, val = train_test_split(
        np.arange(len(x)),
        train_size=train_rows,
        test_size=val_rows,
        random_state=derive_seed(seed, "split"),
        stratify=y if entry.task.is_classification else None,
    )
    x_train, x_val, _mean, _scale = _standardise(x[train], x[val])
    if entry.task.is_classification:
        return Split(x_train, y[train], x_val, y[val], 1.0, 0.0)
    y_train, y_val, mean, scale = _standardise(y[train], y[val])
    return Split(x_train, y_train, x_val, y_val, float(scale), float(mean / scale))


def _standardise(
    train: NDArray[np.float32], val: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Both parts, the mean and the standard deviation, 1 where it is 0."""
    mean, scale = train.mean(0), train.std(0)
    safe = scale + (scale == 0)
    return (train - mean) / safe, (val - mean) / safe, mean, safe


# ------------------------------------------------------------------ sources


def _shipped(loader: str) -> Callable[[DataSpec, int], Arrays]:
    @cache
    def read() -> Arrays:
        from sklearn import datasets

        x, y = getattr(datasets, loader)(return_X_y=True)
        return x.astype("float32"), y.astype("float32")

    return lambda data, seed: read()


def _moons(data: DataSpec, seed: int) -> Arrays:
    from sklearn.datasets import make_moons

    x, y = make_moons(data.rows, noise=data.noise, random_state=derive_seed(seed, "noise"))
    return x.astype("float32"), y.astype("float32")


def _circles(data: DataSpec, seed: int) -> Arrays:
    from sklearn.datasets import make_circles

    state = derive_seed(seed, "noise")
    x, y = make_circles(data.rows, noise=data.noise, factor=0.5, random_state=state)
    return x.astype("float32"), y.astype("float32")


def _blobs(data: DataSpec, seed: int) -> Arrays:
    from sklearn.datasets import make_blobs

    centers = [(0.0, 1.0), (-0.87, -0.5), (0.87, -0.5)]
    state = derive_seed(seed, "noise")
    # The spread of a blob at noise 0.2 makes neighbours just touch.
    x, y = make_blobs(data.rows, centers=centers, cluster_std=data.noise, random_state=state)
    return x.astype("float32"), y.astype("float32")


def _spirals(data: DataSpec, seed: int) -> Arrays:
    import numpy as np

    rng = np.random.default_rng(derive_seed(seed, "noise"))
    y = np.arange(data.rows) % 2
    radius = np.sqrt(rng.uniform(0, 1, data.rows))
    angle = radius * 3 * np.pi + y * np.pi
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    x += rng.normal(0, data.noise / 4, x.shape)
    return x.astype("float32"), y.astype("float32")


def _xor(data: DataSpec, seed: int) -> Arrays:
    import numpy as np

    rng = np.random.default_rng(derive_seed(seed, "noise"))
    corner = rng.uniform(-1, 1, (data.rows, 2))
    y = (corner[:, 0] > 0) != (corner[:, 1] > 0)
    x = corner + rng.normal(0, data.noise, corner.shape)
    return x.astype("float32"), y.astype("float32")


def _lesson(data: DataSpec, seed: int) -> Arrays:
    """The lesson's own: ``torch.rand(32, 64)`` and 32 random class numbers 0 to 9."""
    import torch

    generator = torch.Generator().manual_seed(derive_seed(seed, "noise"))
    x = torch.rand(32, 64, generator=generator)
    y = torch.randint(0, 10, (32,), generator=generator)
    return x.numpy(), y.float().numpy()


_BINARY, _MULTICLASS, _REGRESSION = Task.BINARY, Task.MULTICLASS, Task.REGRESSION

_ENTRIES = (
    Dataset(
        "digits", "Digits", _MULTICLASS, 64, 10, 1797,
        "8 x 8 grey images of handwritten digits", _shipped("load_digits"),
    ),
    Dataset(
        "breast_cancer", "Breast cancer", _BINARY, 30, 2, 569,
        "measurements of cell nuclei, benign or malignant", _shipped("load_breast_cancer"),
    ),
    Dataset(
        "iris", "Iris", _MULTICLASS, 4, 3, 150,
        "petals and sepals of three kinds of iris", _shipped("load_iris"),
    ),
    Dataset(
        "wine", "Wine", _MULTICLASS, 13, 3, 178,
        "chemistry of wines from three growers", _shipped("load_wine"),
    ),
    Dataset(
        "diabetes", "Diabetes", _REGRESSION, 10, 1, 442,
        "progress of the disease after a year, a number", _shipped("load_diabetes"),
    ),
    Dataset(
        "moons", "Two moons", _BINARY, 2, 2, None,
        "two interleaved half circles in the plane", _moons, noisy=True,
    ),
    Dataset(
        "circles", "Circles", _BINARY, 2, 2, None,
        "a ring around a disc in the plane", _circles, noisy=True,
    ),
    Dataset(
        "blobs", "Blobs", _MULTICLASS, 2, 3, None,
        "three clouds of points in the plane", _blobs, noisy=True,
    ),
    Dataset(
        "spirals", "Spirals", _BINARY, 2, 2, None,
        "two spirals wound into each other in the plane", _spirals, noisy=True,
    ),
    Dataset(
        "xor", "XOR", _BINARY, 2, 2, None,
        "four quarters of the plane, opposite ones alike", _xor, noisy=True,
    ),
    Dataset(
        "lesson", "The lesson's tensors", _MULTICLASS, 64, 10, 32,
        "32 random rows with random classes, one batch, nothing held out", _lesson, split=False,
    ),
)  # fmt: skip

DATASETS: dict[str, Dataset] = {entry.key: entry for entry in _ENTRIES}
