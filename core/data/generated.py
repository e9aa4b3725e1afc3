"""Data sets in the plane, generated from a number of rows, an amount of noise and a seed.

Each gives features ``[rows, 2]`` and class numbers ``[rows]``, both float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.data.seeds import derive_seed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]


def moons(rows: int, noise: float, seed: int) -> Arrays:
    from sklearn.datasets import make_moons

    x, y = make_moons(rows, noise=noise, random_state=derive_seed(seed, "noise"))
    return x.astype("float32"), y.astype("float32")


def circles(rows: int, noise: float, seed: int) -> Arrays:
    from sklearn.datasets import make_circles

    state = derive_seed(seed, "noise")
    x, y = make_circles(rows, noise=noise, factor=0.5, random_state=state)
    return x.astype("float32"), y.astype("float32")


def blobs(rows: int, noise: float, seed: int) -> Arrays:
    from sklearn.datasets import make_blobs

    centers = [(0.0, 1.0), (-0.87, -0.5), (0.87, -0.5)]
    state = derive_seed(seed, "noise")
    # With the spread of a blob at noise 0.2, neighbours just touch.
    x, y = make_blobs(rows, centers=centers, cluster_std=noise, random_state=state)
    return x.astype("float32"), y.astype("float32")


def spirals(rows: int, noise: float, seed: int) -> Arrays:
    import numpy as np

    rng = np.random.default_rng(derive_seed(seed, "noise"))
    y = np.arange(rows) % 2
    radius = np.sqrt(rng.uniform(0, 1, rows))
    angle = radius * 3 * np.pi + y * np.pi
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    x += rng.normal(0, noise / 4, x.shape)
    return x.astype("float32"), y.astype("float32")


def xor(rows: int, noise: float, seed: int) -> Arrays:
    import numpy as np

    rng = np.random.default_rng(derive_seed(seed, "noise"))
    corner = rng.uniform(-1, 1, (rows, 2))
    y = (corner[:, 0] > 0) != (corner[:, 1] > 0)
    x = corner + rng.normal(0, noise, corner.shape)
    return x.astype("float32"), y.astype("float32")
