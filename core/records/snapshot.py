"""What every run of an experiment has learned, at one set of weights.

Larger than a number an epoch, so only the newest is kept: what is drawn of it shows
where training is, not how it got there. Needs no torch.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Equal bins of confidence, 0 to 1, of the reliability diagram and the ECE.
RELIABILITY_BINS = 15
#: Edges of the histogram of margins; what lies beyond counts into the outermost bins,
#: NaN into none.
MARGIN_EDGES = np.linspace(-12, 12, 49)
#: Points a side of a decision surface.
SURFACE_SIZE = 56
#: Classes that a surface can tell apart by colour.
MOST_SURFACE_CLASSES = 10


@dataclass(frozen=True)
class Snapshot:
    """K runs, S seeds, L entrants, C classes; judged on the held-out rows where there are any.

    ``order_sha256``  one a seed: SHA-256 of the batch orders of epochs 1 to ``epoch``.
    ``measures``, ``scores``  ``[M]`` names and ``[M, K]``; NaN where a run's outputs are no
        probabilities and the measure needs them, or are not finite.
    ``margins``       ``[L, B]`` histogram of the newest batch, over ``MARGIN_EDGES``, all
        seeds together: what ``GradientLens`` has on its axis.
    ``reliability``   ``[K, 3, RELIABILITY_BINS]``: rows, sum of confidences, rows predicted
        rightly in each bin; all 0 for outputs that are no probabilities. Classes only.
    ``confusion``     ``[K, C, C]`` rows of each true class by predicted class. Classes only.
    ``surface``       ``[K, G, G]``, uint8, for data in the plane of no more than
        ``MOST_SURFACE_CLASSES``: 255 p(class 1) for two classes, else the class predicted;
        [i, j] stands at the j-th x and the i-th y.
    ``extent``        ``[S, 4]``: the lowest and highest x, lowest and highest y.
    ``points``        ``[S, n, 3]``: x, y and class of some held-out rows.
    ``predicted``     ``[K, n]`` and ``actual`` ``[S, n]``: regression only.
    """

    epoch: int
    step: int
    order_sha256: tuple[str, ...]
    measures: tuple[str, ...]
    scores: NDArray[np.float64]
    margins: NDArray[np.int32]
    reliability: NDArray[np.float32] | None = None
    confusion: NDArray[np.int32] | None = None
    surface: NDArray[np.uint8] | None = None
    extent: NDArray[np.float32] | None = None
    points: NDArray[np.float32] | None = None
    predicted: NDArray[np.float32] | None = None
    actual: NDArray[np.float32] | None = None

    def score(self, measure: str) -> NDArray[np.float64]:
        """One score a run."""
        scores: NDArray[np.float64] = self.scores[self.measures.index(measure)]
        return scores

    def to_bytes(self) -> bytes:
        file = io.BytesIO()
        present: dict[str, Any] = {
            field.name: np.asarray(value)
            for field in fields(self)
            if (value := getattr(self, field.name)) is not None
        }
        np.savez_compressed(file, **present)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Snapshot:
        """Raises ``ValueError`` for bytes that are none."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                return cls(**_typed({name: file[name] for name in file.files}))
        except Exception as error:
            # Where bytes are damaged decides what numpy, zipfile or zlib raise of it.
            raise ValueError(f"The snapshot can't be read: {type(error).__name__}.") from error


def _typed(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    plain: dict[str, Any] = dict(arrays)
    for name in ("epoch", "step"):
        plain[name] = int(plain[name])
    for name in ("order_sha256", "measures"):
        plain[name] = tuple(str(word) for word in plain[name])
    return plain
