"""Data sets in the plane, generated from a number of rows, an amount of noise, a number of classes
(which blobs alone read) and a seed.

Each gives features ``[rows, 2]`` and class numbers ``[rows]``, both float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.data.seeds import derive_seed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]

#: More blobs than these would leave the middle of a ring empty.
MOST_ON_RING = 6


def moons(rows: int, noise: float, classes: int, seed: int) -> Arrays:
    from sklearn.datasets import make_moons

    x, y = make_moons(rows, noise=noise, random_state=derive_seed(seed, "noise"))
    return x.astype("float32"), y.astype("float32")


def circles(rows: int, noise: float, classes: int, seed: int) -> Arrays:
    from sklearn.datasets import make_circles

    state = derive_seed(seed, "noise")
    x, y = make_circles(rows, noise=noise, factor=0.5, random_state=state)
    return x.astype("float32"), y.astype("float32")


def blobs(rows: int, noise: float, classes: int, seed: int) -> Arrays:
    from sklearn.datasets import make_blobs

    state = derive_seed(seed, "noise")
    x, y = make_blobs(rows, centers=blob_centers(classes), cluster_std=noise, random_state=state)
    return x.astype("float32"), y.astype("float32")


def blob_centers(classes: int) -> NDArray[np.float64]:
    """``[classes, 2]``: on a ring, or of many on a spiral as the seeds of a sunflower.

    Neighbours are about the square root of 3 apart, so that at noise 0.2 blobs are clearly apart,
    and at 0.5 neighbours overlap.
    """
    import numpy as np

    place = np.arange(classes)
    if classes <= MOST_ON_RING:
        angle = np.pi / 2 + 2 * np.pi * place / classes
        radius = np.full(classes, np.sqrt(3) / 2 / np.sin(np.pi / classes))
    else:
        angle = np.pi * (3 - np.sqrt(5)) * place
        radius = np.sqrt(place + 0.5)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def spirals(rows: int, noise: float, classes: int, seed: int) -> Arrays:
    import numpy as np

    rng = np.random.default_rng(derive_seed(seed, "noise"))
    y = np.arange(rows) % 2
    radius = np.sqrt(rng.uniform(0, 1, rows))
    angle = radius * 3 * np.pi + y * np.pi
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    x += rng.normal(0, noise / 4, x.shape)
    return x.astype("float32"), y.astype("float32")


def xor(rows: int, noise: float, classes: int, seed: int) -> Arrays:
    import numpy as np

    rng = np.random.default_rng(derive_seed(seed, "noise"))
    corner = rng.uniform(-1, 1, (rows, 2))
    y = (corner[:, 0] > 0) != (corner[:, 1] > 0)
    x = corner + rng.normal(0, noise, corner.shape)
    return x.astype("float32"), y.astype("float32")
