"""Data sets that scikit-learn ships, the lesson's random tensors, and one neuron's example."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from core.data.seeds import derive_seed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]


def from_scikit_learn(loader: str) -> Callable[[int, float, int, int], Arrays]:
    """The source of a data set that is the same for every seed; it is read once a process."""

    @cache
    def read() -> Arrays:
        from sklearn import datasets

        x, y = getattr(datasets, loader)(return_X_y=True)
        return x.astype("float32"), y.astype("float32")

    return lambda rows, noise, classes, seed: read()


def lesson(rows: int, noise: float, classes: int, seed: int) -> Arrays:
    """The lesson's own data: ``torch.rand(32, 64)`` and 32 random class numbers 0 to 9."""
    import torch

    generator = torch.Generator().manual_seed(derive_seed(seed, "noise"))
    x = torch.rand(32, 64, generator=generator)
    y = torch.randint(0, 10, (32,), generator=generator)
    return x.numpy(), y.float().numpy()


def neuron(rows: int, noise: float, classes: int, seed: int) -> Arrays:
    """One row, x = 1, of class 0: what the neuron of Nielsen, "Neural networks and deep learning",
    chapter 3, is to learn. It starts at w = b = 2 there, sure and wrong."""
    import numpy as np

    return np.ones((1, 1), np.float32), np.zeros(1, np.float32)
