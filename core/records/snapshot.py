"""What every run of an experiment has learned, at one set of weights.

Larger than a number an epoch, so that beside the newest only some are kept, from which it can
be replayed how a training got to where it is. Needs no torch.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Equal bins of confidence, 0 to 1, of the reliability diagram and the ECE.
RELIABILITY_BINS = 15
#: Edges of the histogram of margins; what lies beyond counts into the outermost bins,
#: NaN into none.
MARGIN_EDGES = np.linspace(-12, 12, 49)
#: Points a side of a decision surface.
SURFACE_SIZE = 56
#: Points of the curve over one feature.
CURVE_SIZE = 101
#: Classes that a surface can tell apart by colour.
MOST_SURFACE_CLASSES = 10
#: Points a side of the map of one hidden unit, and units of a layer that have one.
UNIT_SIZE = 16
MOST_UNITS = 8
#: The number that stands for 0 in the map of a unit.
UNIT_ZERO = 128
#: Equal bins of the probability that is given to the true class, 0 to 1.
TRUTH_BINS = 20
#: Equal shares of the rows, the surest first, at which the risk-coverage curve is kept.
RISK_SHARES = 50
#: Where T is sought. Rows that are all predicted rightly ask for ever less, and a fit to a few of
#: them would take the others for certain; logits that say nothing ask for ever more.
TEMPERATURE_RANGE = (0.05, 1000.0)
#: So many of the rows that a run is most sure of, and wrong about.
MOST_MISTAKES = 6
#: So many of the rows that carry a rise, and of those that push most.
MOST_ROWS = 6
#: Points of the curve of the push, at equal distances from no row to all rows.
PUSH_POINTS = 51


class Moment(NamedTuple):
    """Of when a snapshot that was kept is."""

    step: int
    epoch: int


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
    ``confidence``    ``[K, G, G]``, uint8, where ``surface`` has classes: 255 times the probability
        of that class; 255 for outputs that are no probabilities.
    ``curve``         ``[K, CURVE_SIZE]``, for data with one feature, of two classes or values: at
        equal distances along x p(class 1), or the class predicted by outputs that are no
        probabilities, or the predicted value in standard deviations.
    ``extent``        ``[S, 4]``: the lowest and highest x, lowest and highest y; of one feature
        ``[S, 2]``.
    ``points``        ``[S, n, 3]``: x, y and class of some held-out rows; of one feature
        ``[S, n, 2]``: x and class or value.
    ``wrong``         ``[K, n]``, uint8: 1 where a run predicts another class for that point.
    ``units``         ``[K, H, MOST_UNITS, g, g]``, uint8, g = ``UNIT_SIZE``, for the same data:
        what the first units of each of the H hidden layers give over the same plane. ``UNIT_ZERO``
        is 0, and the largest size in a layer lies 127 from it. Units that a layer lacks are 0.
    ``weights``       ``[K, H + 1, W, W]``, float16: from each of the units that have a map, or
        the inputs, to each in the next layer, or the outputs; 0 where there is none.
    ``truth``         ``[K, TRUTH_BINS]`` rows by the probability that the true class was given;
        all 0 for outputs that are no probabilities. Classes only.
    ``risk``          ``[K, RISK_SHARES]``: share of mistakes among the surest 1, 2, ... of so many
        equal shares of the rows; NaN for outputs that are not finite. Classes only, as are the two
        that follow. None of the three is in what was recorded before there were any.
    ``temperatures``  ``[K]``: by what the logits are to be divided, fitted to every other row; NaN
        for outputs that are no probabilities, or are not finite.
    ``unscaled``      ``[2, K]``: NLL and ECE of the other rows without it, to be compared with the
        rescaled ones; NaN for the same.
    ``mistaken``      ``[K, MOST_MISTAKES, 3]``: true class, predicted class and its probability,
        of the rows that a run is most sure of and wrong about, or NaN. Data of pictures only.
    ``pictures``      ``[K, MOST_MISTAKES, h, w]``, uint8: those rows, 255 the brightest.
    ``predicted``     ``[K, n]`` and ``actual`` ``[S, n]``: regression only.
    ``looks``         ``[n]`` epochs at which the networks were looked at so far, always the same
        of a training; what follows is of each of them. None of it is in what was recorded before
        there were looks.
    ``constancy``     ``[n, K]``: share of the judged rows that get a run's commonest class; for
        values 1 less the SD of what is predicted by that of the truth. 1 is a constant.
    ``gradients``     ``[n, K, H + 1]``: root mean square of the newest step's gradient in the
        weights of each hidden layer and of the last one; at the start, of the first step's.
    ``dead``          ``[n, K, H]``: share of a layer's units that give 0 for each of 256 training
        rows. ReLU only.
    ``saturated``     ``[n, K, H]``: share of activations of a layer, over the same rows, within
        1 % of the range from either end of it. Tanh and sigmoid only.
    ``logit_size``    ``[n, K]``: root mean square, over judged rows and classes, of the logits less
        their mean over the classes; of a single logit its own. Classes only.
    ``risen``         ``[K, 2, 4]``: epoch, own loss, accuracy and ``logit_size`` where a run's own
        loss on held-out rows was lowest, and now. This and the next three for classes only, and
        only where rows are held out.
    ``carrying``      ``[K]``: size of the smallest set of held-out rows that holds 80 % of the
        rise since then; 0 where the loss has not risen by more than 5 % or the accuracy fell.
    ``carriers``      ``[K, n, 5]``: of the first ``MOST_ROWS`` of that set, those that rose most
        first: number of the row among its seed's held-out rows, counted from 0, true class,
        predicted class, own loss then and now; NaN where there are fewer.
    ``carrier_pictures``  ``[K, n, h, w]``, uint8: those rows. Data of pictures only.
    ``push``          ``[K, PUSH_POINTS]``, float16: share of the push that is of the rows that push
        most, of none of the judged training rows to all. A row's push is the size of the gradient
        of its own loss in weights and biases of the last layer. NaN where no row pushes.
    ``pushing``       ``[K, n, 5]``: of the ``MOST_ROWS`` rows that push most: number of the row
        among its seed's training rows, counted from 0, true class or value, the predicted one, its
        probability or NaN, and the row's share of the push.
    ``pushing_pictures``  ``[K, n, h, w]``, uint8: those rows. Data of pictures only.
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
    confidence: NDArray[np.uint8] | None = None
    curve: NDArray[np.float32] | None = None
    extent: NDArray[np.float32] | None = None
    points: NDArray[np.float32] | None = None
    wrong: NDArray[np.uint8] | None = None
    units: NDArray[np.uint8] | None = None
    weights: NDArray[np.float16] | None = None
    truth: NDArray[np.int32] | None = None
    risk: NDArray[np.float32] | None = None
    temperatures: NDArray[np.float32] | None = None
    unscaled: NDArray[np.float32] | None = None
    mistaken: NDArray[np.float32] | None = None
    pictures: NDArray[np.uint8] | None = None
    predicted: NDArray[np.float32] | None = None
    actual: NDArray[np.float32] | None = None
    looks: NDArray[np.int32] | None = None
    constancy: NDArray[np.float32] | None = None
    gradients: NDArray[np.float32] | None = None
    dead: NDArray[np.float16] | None = None
    saturated: NDArray[np.float16] | None = None
    logit_size: NDArray[np.float32] | None = None
    risen: NDArray[np.float32] | None = None
    carrying: NDArray[np.int32] | None = None
    carriers: NDArray[np.float32] | None = None
    carrier_pictures: NDArray[np.uint8] | None = None
    push: NDArray[np.float16] | None = None
    pushing: NDArray[np.float32] | None = None
    pushing_pictures: NDArray[np.uint8] | None = None

    def score(self, measure: str) -> NDArray[np.float64]:
        """One score a run."""
        scores: NDArray[np.float64] = self.scores[self.measures.index(measure)]
        return scores

    def to_bytes(self) -> bytes:
        """As an ``.npz`` file; training waits for it, so that it is packed quickly."""
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            for field in fields(self):
                value = getattr(self, field.name)
                if value is not None:
                    with packed.open(f"{field.name}.npy", "w") as member:
                        np.lib.format.write_array(member, np.asarray(value), allow_pickle=False)
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
