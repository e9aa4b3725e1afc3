"""The table of data sets: real ones that scikit-learn ships, and generated ones.

The table holds what a page must know before anything is loaded (sizes, task, rows).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.data import generated
from core.data.shipped import from_scikit_learn, lesson, neuron
from core.losses import Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True)
class Dataset:
    """What there is to know of a data set without loading it.

    ``outputs`` is the number of classes, or 1 for regression. ``rows`` is None where the
    person chooses how many to generate. ``split`` says whether rows are held out and features
    standardised; the lesson's batch is taken as it is. ``source`` gives features and targets
    for a number of rows, an amount of noise, a number of classes and a seed, as far as it reads
    them. ``most_outputs`` is the largest number of classes where the person chooses it, of which
    ``outputs`` is the default. ``evenness`` is the size of the smallest class by the mean of all.
    ``scattered`` says that its rows differ from seed to seed even without noise. ``picture`` is the
    height and width of the picture that a row's features are. ``one_answer`` says that all rows
    have the same target, so that the best constant makes no error and nothing can be held against
    it.
    """

    key: str
    title: str
    task: Task
    features: int
    outputs: int
    rows: int | None
    about: str
    source: Callable[[int, float, int, int], Arrays]
    noisy: bool = False
    scattered: bool = False
    split: bool = True
    picture: tuple[int, int] | None = None
    most_outputs: int | None = None
    evenness: float = 1.0
    one_answer: bool = False


_BINARY, _MULTICLASS, _REGRESSION = Task.BINARY, Task.MULTICLASS, Task.REGRESSION

_ENTRIES = (
    Dataset(
        "digits", "Digits", _MULTICLASS, 64, 10, 1797,
        "8 x 8 grey images of handwritten digits", from_scikit_learn("load_digits"),
        picture=(8, 8), evenness=0.96,
    ),
    Dataset(
        "breast_cancer", "Breast cancer", _BINARY, 30, 2, 569,
        "measurements of cell nuclei, benign or malignant", from_scikit_learn("load_breast_cancer"),
        evenness=0.74,
    ),
    Dataset(
        "iris", "Iris", _MULTICLASS, 4, 3, 150,
        "petals and sepals of three kinds of iris", from_scikit_learn("load_iris"),
    ),
    Dataset(
        "wine", "Wine", _MULTICLASS, 13, 3, 178,
        "chemistry of wines from three growers", from_scikit_learn("load_wine"),
        evenness=0.8,
    ),
    Dataset(
        "diabetes", "Diabetes", _REGRESSION, 10, 1, 442,
        "progress of the disease after a year, a number", from_scikit_learn("load_diabetes"),
    ),
    Dataset(
        "moons", "Two moons", _BINARY, 2, 2, None,
        "two interleaved half circles in the plane", generated.moons, noisy=True,
    ),
    Dataset(
        "circles", "Circles", _BINARY, 2, 2, None,
        "a ring around a disc in the plane", generated.circles, noisy=True,
    ),
    Dataset(
        "blobs", "Blobs", _MULTICLASS, 2, 3, None,
        "clouds of points in the plane, one a class", generated.blobs, noisy=True,
        most_outputs=100,
    ),
    Dataset(
        "spirals", "Spirals", _BINARY, 2, 2, None,
        "two spirals wound into each other in the plane", generated.spirals, noisy=True,
        scattered=True,
    ),
    Dataset(
        "xor", "XOR", _BINARY, 2, 2, None,
        "four quarters of the plane, opposite ones alike", generated.xor, noisy=True,
        scattered=True, evenness=0.8,
    ),
    Dataset(
        "lesson", "The lesson's tensors", _MULTICLASS, 64, 10, 32,
        "32 random rows with random classes, one batch, nothing held out", lesson, split=False,
    ),
    Dataset(
        "neuron", "One neuron's example", _BINARY, 1, 2, 1,
        "one row, x = 1, of class 0, nothing held out: what a single neuron is to learn", neuron,
        split=False, one_answer=True,
    ),
)  # fmt: skip

DATASETS: dict[str, Dataset] = {entry.key: entry for entry in _ENTRIES}
