"""One seed's data: loaded or generated, split and standardised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.data.conditions import kept, stressed
from core.data.seeds import derive_seed
from core.data.spec import DataSpec
from core.errors import SpecError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]


@dataclass(frozen=True)
class LoadedData:
    """One seed's data, float32. Targets are class ids, or standardised values.

    ``x_train`` ``[N, D]``, ``y_train`` ``[N]``; the same for validation, which is
    empty where the data set is not split. ``target_scale`` is the standard deviation
    of the raw training targets (1 for classes): multiply to get raw units back.
    ``target_offset`` is their mean in standard deviations (0 for classes): added to a target
    it gives the raw one, divided by its standard deviation. ``feature_scale`` and
    ``feature_mean`` ``[D]`` give the raw features: multiply by the one, then add the other.
    """

    x_train: NDArray[np.float32]
    y_train: NDArray[np.float32]
    x_val: NDArray[np.float32]
    y_val: NDArray[np.float32]
    target_scale: float
    target_offset: float
    feature_scale: NDArray[np.float64]
    feature_mean: NDArray[np.float64]


def load(data: DataSpec, seed: int) -> LoadedData:
    """Load or generate, split by ``seed`` and standardise on the training rows alone.

    The stress that is asked for falls on the standardised training rows. Classes keep their
    proportions in both parts; ``SpecError`` where one can't be in both. A
    feature that is constant over the training rows, but for rounding, is 0 there. Regression
    targets are standardised as well.
    """
    import numpy as np
    from sklearn.model_selection import train_test_split

    entry = data.entry
    x, y = entry.source(data.rows, data.noise, data.classes, seed)
    if not entry.split:
        plain = np.ones(x.shape[1]), np.zeros(x.shape[1])
        return LoadedData(x, y, x[:0], y[:0], 1.0, 0.0, *plain)
    if entry.task.is_classification:
        _check_classes(data, y)
    train, val = train_test_split(
        np.arange(len(x)),
        train_size=data.unheld_rows,
        test_size=data.validation_rows,
        random_state=derive_seed(seed, "split"),
        stratify=y if entry.task.is_classification else None,
    )
    if data.stress.drops_rows:
        train = train[kept(y[train], data.stress, entry.outputs, data.train_rows)]
    x_train, x_val, x_mean, x_scale = _standardise(x[train], x[val])
    if entry.task.is_classification:
        _check_training_classes(data, y[train])
        rows = _with_stress(data, (x_train, y[train]), (x_val, y[val]), seed)
        return LoadedData(*rows, 1.0, 0.0, x_scale, x_mean)
    y_train, y_val, mean, scale = _standardise(y[train], y[val])
    rows = _with_stress(data, (x_train, y_train), (x_val, y_val), seed)
    return LoadedData(*rows, float(scale), float(mean / scale), x_scale, x_mean)


def _with_stress(
    data: DataSpec, train: tuple[Any, Any], val: tuple[Any, Any], seed: int
) -> tuple[Rows, Rows, Rows, Rows]:
    """Features and targets of both parts, as float32."""
    stress, classes = data.stress, data.entry.outputs
    if stress.changes_rows:
        train = stressed(*train, stress, classes, seed)
        val = stressed(*val, stress, classes, seed, " held out") if stress.on_held_out else val
    x_train, y_train, x_val, y_val = (part.astype("float32") for part in (*train, *val))
    return x_train, y_train, x_val, y_val


def _check_training_classes(data: DataSpec, y: NDArray[np.float32]) -> None:
    """``SpecError`` where the stress has left no row of a class."""
    import numpy as np

    absent = np.setdiff1d(np.arange(data.entry.outputs), y)
    if len(absent):
        raise SpecError(
            f"Of class {absent[0]} of {data.entry.title} no training row is left among "
            f"{len(y):,}; keep more rows, or make the imbalance smaller."
        )


def _check_classes(data: DataSpec, y: NDArray[np.float32]) -> None:
    import numpy as np

    for problem in data.problems():
        raise SpecError(problem)
    for number, rows in zip(*np.unique(y, return_counts=True), strict=True):
        if rows < 2:
            raise SpecError(
                f"Class {number:g} of {data.entry.title} had 1 row; allowed are 2 or more, one to "
                "train on and one to hold out."
            )


def _standardise(
    train: NDArray[np.float32], val: NDArray[np.float32]
) -> tuple[NDArray[np.float64], ...]:
    """Both parts, the mean and the standard deviation, 1 where it is no more than rounding.

    In float64: in float32 the mean of equal numbers is often another number.
    """
    import numpy as np

    mean, spread = train.mean(0, dtype=np.float64), train.std(0, dtype=np.float64)
    is_constant = spread <= np.finfo(np.float32).eps * abs(train).max(0)
    scale = np.where(is_constant, 1, spread)
    x_train = np.where(is_constant, 0, (train - mean) / scale)
    # What differs from a constant by rounding alone does not differ.
    x_val = (val - np.where(is_constant, train[0], mean)) / scale
    return x_train, x_val, mean, scale
