"""How losses and evaluations are stored: as float32, whatever the machine's own byte order.

The bytes of losses are taken apart, all first ones before all second ones, and deflated: losses of
neighbouring steps are alike in sign and exponent, so that one byte of four takes hardly any room.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.bounds import quoted
from core.records import Column, Evaluation, Measure, Split

FLOATS = np.dtype("<f4")
_QUICKLY = 1


def packed(losses: NDArray[np.float32]) -> bytes:
    by_number = losses.astype(FLOATS).reshape(-1, 1).view(np.uint8)
    return zlib.compress(by_number.T.tobytes(), _QUICKLY)


def unpacked(content: bytes, steps: int) -> NDArray[np.float32]:
    """``[steps, K]``; ``ValueError`` for bytes that are none."""
    try:
        by_place = np.frombuffer(zlib.decompress(content), np.uint8).reshape(4, -1)
    except zlib.error as error:
        raise ValueError(f"Losses can't be read: {error}.") from error
    losses: NDArray[np.float32] = by_place.T.copy().view(FLOATS).reshape(steps, -1)
    return losses


def named(columns: Sequence[Column]) -> str:
    """The columns of an evaluation as they are stored."""
    return " ".join(f"{split}.{measure}" for split, measure in columns)


def evaluated(epoch: int, step: int, names: str, scores: bytes) -> Evaluation:
    """``names`` as ``named`` gives them; ``ValueError`` for what is none."""
    columns = _columns(names)
    values = np.frombuffer(scores, FLOATS).reshape(len(columns), -1)
    return Evaluation(epoch, step, columns, values)


@lru_cache(64)
def _columns(names: str) -> tuple[Column, ...]:
    pairs = (name.partition(".") for name in names.split())
    try:
        return tuple(Column(Split(split), Measure(measure)) for split, _dot, measure in pairs)
    except ValueError as error:
        raise ValueError(
            f"The columns of an evaluation were {quoted(names)}; allowed are measures on a split, "
            "such as val.loss."
        ) from error
