"""Calibration after the fact: one temperature by which all logits of a run are divided.

Guo et al. 2017, "On calibration of modern neural networks". Of the judged rows every other one,
from the first on, fits the temperature; the rest judge what it makes of them. Held-out rows come
in random order, and all entrants of a seed have the same, so the halves are random and equal.

Dividing by T > 0 changes no largest logit and so no predicted class. It comes before the link:
softmax(z / T), sigmoid(z / T); of one against the rest the sigmoids are then divided by their
sum, as they always are. Shapes: logits z ``[S, C, N]``, class numbers y ``[S, N]``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import logsigmoid

from core.judging import measures
from core.losses import Link
from core.records.snapshot import TEMPERATURE_RANGE

Floats = NDArray[np.float64]

#: The rows that fit, and those that judge.
FITTING, JUDGING = slice(0, None, 2), slice(1, None, 2)
#: Places at which it is looked first, equally far apart in log T.
_PLACES = 8
_MOST_STEPS = 30
#: After a step of Newton's in log T of no more than this, T is as exact as its logits.
_CLOSE = 1e-3


@dataclass(frozen=True)
class Rescaled:
    """Temperatures ``[S]``, and NLL and ECE ``[2, S]`` of the rows that judge, before and after."""

    temperatures: Tensor
    before: Tensor
    after: Tensor


def rescaled(z: Tensor, y: Tensor, link: Link) -> Rescaled:
    """What one temperature makes of each run; its link is softmax, or sigmoid of one a class.

    One logit alone is to be given as two of softmax, 0 and z. NaN where a run has logits that
    are not finite, and for scores where too few rows are left to judge.
    """
    temperatures = fitted(z[..., FITTING], y[..., FITTING], link)
    z_judged, y_judged = z[..., JUDGING], y[..., JUDGING]
    log_p = _log_probabilities(torch.cat([z_judged, z_judged / temperatures[:, None, None]]), link)
    twice = y_judged.repeat(2, 1)
    predicted = measures.predicted_classes(z_judged).repeat(2, 1)
    nll = measures.nll(log_p, twice).mean(-1)
    ece = measures.ece(measures.reliability(log_p, predicted, twice))
    before, after = torch.stack([nll, ece]).view(2, 2, -1).unbind(1)
    return Rescaled(temperatures, before, after)


def _log_probabilities(z: Tensor, link: Link) -> Tensor:
    log_p = measures.log_probabilities(z, link)
    assert log_p is not None
    return log_p


# ------------------------------------------------------------------ the search


def fitted(z: Tensor, y: Tensor, link: Link) -> Tensor:
    """The T of each run, within ``TEMPERATURE_RANGE``, at which the mean NLL is least: ``[S]``.

    The best of a few places, then Newton's method in log T between its neighbours; a step that
    would leave them is taken to the middle. Where every T is as good, T is 1.
    """
    if link is Link.SOFTMAX:
        # The same probabilities; without it, small differences of large logits would be lost.
        z = z - _of_truth(z, y).unsqueeze(-2)
    lowest, highest = TEMPERATURE_RANGE
    places = np.linspace(math.log(lowest), math.log(highest), _PLACES)
    losses = _losses(z, y, link, _like(places, z)).cpu().double().numpy()
    best = losses.argmin(0)
    low, high = places[np.maximum(best - 1, 0)], places[np.minimum(best + 1, _PLACES - 1)]
    at = _sought(partial(_slopes, z, y, link), low, places[best], high)
    rounding = _PLACES * torch.finfo(z.dtype).eps
    is_flat = losses.max(0) - losses.min(0) <= rounding * losses.max(0)
    return _like(np.where(is_flat, 1, np.exp(at)), z)


def _sought(
    slopes: Callable[[Floats], tuple[Floats, Floats]], low: Floats, at: Floats, high: Floats
) -> Floats:
    """Where the slope of each run is 0, from ``at``; both derivatives are those of ``slopes``.

    In NumPy, which is quicker with a few numbers.
    """
    for _ in range(_MOST_STEPS):
        slope, curvature = slopes(at)
        low, high = np.where(slope < 0, at, low), np.where(slope > 0, at, high)
        newton = at - slope / np.where(curvature > 0, curvature, np.nan)
        is_within = (newton >= low) & (newton <= high)
        before, at = at, np.where(is_within, newton, (low + high) / 2)
        if not (np.abs(at - before) > _CLOSE).any():
            break
    return at


def _like(values: Floats, z: Tensor) -> Tensor:
    return torch.from_numpy(values).to(z.device, z.dtype)


def _of_truth(values: Tensor, y: Tensor) -> Tensor:
    """Of the values ``[S, C, N]`` those of the true class: ``[S, N]``."""
    return values.gather(-2, y.long().unsqueeze(-2)).squeeze(-2)


def _losses(z: Tensor, y: Tensor, link: Link, places: Tensor) -> Tensor:
    """The mean NLL of each run at each log T: ``[P, S]``."""
    scaled = (z / places.exp()[:, None, None, None]).flatten(0, 1)
    rows = measures.nll(_log_probabilities(scaled, link), y.repeat(len(places), 1))
    return rows.mean(-1).view(len(places), -1)


def _of_softmax(z: Tensor, y: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """E_p[z] and the variance of z under p, as z is 0 for the true class."""
    shares = (b * z).softmax(-2) * z
    mean = shares.sum(-2)
    return mean.mean(-1), ((shares * z).sum(-2) - mean.square()).mean(-1)


def _of_sigmoids(z: Tensor, y: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """With u = log sigmoid(b z), p = softmax(u): E_p[u'] - u'_y and E_p[u'' + u'^2] - E_p[u']^2
    - u''_y."""
    u = logsigmoid(b * z)
    p = u.softmax(-2)
    first = z * torch.sigmoid(-b * z)
    second = first * (first - z)
    mean = (p * first).sum(-2)
    squares = (p * (second + first.square())).sum(-2)
    curvature = squares - mean.square() - _of_truth(second, y)
    return (mean - _of_truth(first, y)).mean(-1), curvature.mean(-1)


#: First and second derivative in b = 1 / T of the mean of a row's NLL, log sum_c exp u_c - u_y.
_DERIVATIVES: dict[Link, Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    Link.SOFTMAX: _of_softmax,
    Link.SIGMOID: _of_sigmoids,
}


def _slopes(z: Tensor, y: Tensor, link: Link, at: Floats) -> tuple[Floats, Floats]:
    """First and second derivative of each run's mean NLL at its log T: ``[S]`` each."""
    b = np.exp(-at)
    both = torch.stack(_DERIVATIVES[link](z, y, _like(b, z)[:, None, None]))
    first, second = both.cpu().double().numpy()
    return -b * first, b * (b * second + first)
