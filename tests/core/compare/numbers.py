"""Scores as Hypothesis draws them, and how exactly a result is to be an oracle's."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

NAN = math.nan
scores = st.floats(-1e3, 1e3, allow_subnormal=False)
maybe = st.one_of(scores, st.sampled_from([NAN, math.inf, -math.inf]))


def close(found: object, expected: object) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
