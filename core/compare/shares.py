"""How sure a share of so many rows is."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from core.compare.intervals import LEVEL

_Z = NormalDist().inv_cdf(1 - LEVEL / 2)


def wilson(
    right: NDArray[np.float64], rows: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ends of the 95% interval of the share ``right / rows``, each of at least one row.

    Wilson 1927: all shares p with |right / rows - p| <= z sqrt(p (1 - p) / rows). They reach
    beyond a share of 0 or 1, and so say that a few rows prove little.
    """
    share, z2 = right / rows, _Z**2
    middle = share + z2 / (2 * rows)
    reach = _Z * np.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2))
    whole = 1 + z2 / rows
    return (middle - reach) / whole, (middle + reach) / whole
