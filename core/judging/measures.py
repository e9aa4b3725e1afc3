"""The yardsticks, computed: what ``core.judging.yardsticks`` describes, for S runs at once.

Shapes: logits ``z`` ``[S, C, N]``, class numbers or values ``y`` ``[S, N]``; scores
are one number a run, ``[S]``. Sums over rows, one division at the end. A run with an
output that is not finite has NaN for every score.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from core.losses import Link
from core.losses.log_odds import log_odds
from core.records import Measure
from core.records.snapshot import RELIABILITY_BINS

# ------------------------------------------------------------------ outputs as probabilities


def _of_sigmoids(z: Tensor) -> Tensor:
    """One logit: of class 0 and 1. One a class against the rest: divided by their sum."""
    if z.shape[-2] == 1:
        return torch.cat([logsigmoid(-z), logsigmoid(z)], dim=-2)
    log_p = logsigmoid(z)
    return log_p - log_p.logsumexp(-2, keepdim=True)


_LOG_PROBABILITIES: dict[Link, Callable[[Tensor], Tensor]] = {
    Link.SOFTMAX: lambda z: z.log_softmax(-2),
    Link.SIGMOID: _of_sigmoids,
}


def log_probabilities(z: Tensor, link: Link) -> Tensor | None:
    """Log-probabilities of the classes ``[S, C, N]``; None for outputs that are none."""
    return _LOG_PROBABILITIES[link](z) if link.gives_probabilities else None


def predicted_classes(z: Tensor) -> Tensor:
    """Class numbers ``[S, N]``: 1 where a single logit is above 0, else the largest's, of equal
    ones the first. A row with NaN has the last class."""
    return _predicted(z).long()


def right(z: Tensor, y: Tensor) -> Tensor:
    """1 for each row ``[S, N]`` whose predicted class is right, else 0."""
    return (_predicted(z) == y).to(z.dtype)


def _predicted(z: Tensor) -> Tensor:
    if z.shape[-2] == 1:
        return z.squeeze(-2) > 0
    # max(-2).indices has a branch for each number, which takes 68 us for five runs of 10 x 615
    # where this takes 27. The countdown is highest for the first of equal ones, as argmax has it.
    last = z.shape[-2] - 1
    countdown = torch.arange(last, -1, -1, dtype=torch.int16, device=z.device)[:, None]
    return last - ((z == z.amax(-2, keepdim=True)) * countdown).amax(-2)


def _members(y: Tensor, classes: int) -> Tensor:
    """Whether each row is of each class: ``[S, C, N]``, bool."""
    return y.unsqueeze(-2) == torch.arange(classes, device=y.device)[:, None]


# ------------------------------------------------------------------ classes


def nll(log_p: Tensor, y: Tensor) -> Tensor:
    """-log p(true class) of each row ``[S, N]``, in nats; the mean is ``log_loss``."""
    return -log_p.gather(-2, y.long().unsqueeze(-2)).squeeze(-2)


def brier(log_p: Tensor, y: Tensor) -> Tensor:
    """sum_c (p_c - y_c)^2 of each row ``[S, N]``, halved for two classes.

    The mean is scikit-learn's ``brier_score_loss``.
    """
    true = y.long().unsqueeze(-2)
    distance = log_p.exp().scatter_add_(-2, true, log_p.new_full((1, 1, 1), -1).expand(true.shape))
    total = distance.square_().sum(-2)
    return total / 2 if log_p.shape[-2] == 2 else total


def rows_of_probabilities(z: Tensor, y: Tensor, link: Link) -> dict[Measure, Tensor]:
    """NLL and Brier of each row ``[S, N]``, to be averaged; NaN where outputs are none."""
    log_p = log_probabilities(z, link)
    if log_p is None:
        unknown = z.new_full((len(z), z.shape[-1]), torch.nan)
        return {Measure.NLL: unknown, Measure.BRIER: unknown}
    return {Measure.NLL: nll(log_p, y), Measure.BRIER: brier(log_p, y)}


def reliability(log_p: Tensor, predicted: Tensor, y: Tensor) -> Tensor:
    """Rows, sum of confidences and rows predicted rightly, ``[S, 3, bins]``.

    The confidence of a row is its largest probability; bin b of B holds those in
    (b / B, (b + 1) / B]. Rows whose probabilities are not finite count nowhere. ``predicted``
    are the classes that the accuracy counts: probabilities may be alike by rounding alone.
    """
    confidence = log_p.exp().amax(-2)
    known = confidence.isfinite()
    confidence = confidence.where(known, 0)
    bins = (confidence * RELIABILITY_BINS).ceil().clamp(1, RELIABILITY_BINS).long() - 1
    right = known & (predicted == y)
    counted = torch.stack([known.to(confidence.dtype), confidence, right.to(confidence.dtype)], 1)
    table = counted.new_zeros(len(y), 3, RELIABILITY_BINS)
    return table.scatter_add_(2, bins.unsqueeze(1).expand_as(counted), counted)


def ece(table: Tensor) -> Tensor:
    """sum_b |rightly predicted - sum of confidences| / N of ``reliability`` (Naeini 2015)."""
    rows, confidences, right = table.unbind(1)
    return (right - confidences).abs().sum(-1) / rows.sum(-1)


def auroc(scores: Tensor, y: Tensor) -> Tensor:
    """Chance that a row of a class scores above one that is not, ties counting half.

    Mean over the classes, each against the rest, as ``roc_auc_score`` with ``"ovr"``; with
    two classes it is that of class 1. Classes without both kinds of rows are left out.
    """
    classes = scores.shape[-2]
    if classes == 2:
        scores, members = scores[:, 1:], (y == 1).unsqueeze(1)
    else:
        members = _members(y, classes)
    ordered, places = in_order(scores)
    members = members.expand_as(scores).gather(-1, places)
    ranks = _ranks(ordered)
    inside = members.sum(-1).double()
    outside = y.shape[-1] - inside
    above = (ranks * members).sum(-1) - inside * (inside + 1) / 2
    return (above / (inside * outside)).nanmean(-1).float()


def in_order(values: Tensor) -> tuple[Tensor, Tensor]:
    """Values on the CPU from the lowest to the highest along the last dimension, and the places
    that they had. NumPy sorts them in a third of PyTorch's time."""
    places = torch.from_numpy(np.argsort(values.numpy()))
    return values.gather(-1, places), places


def ties(ordered: Tensor) -> tuple[Tensor, Tensor]:
    """Places of the first and the last of equal values, sorted along the last dimension."""
    count = ordered.shape[-1]
    number = torch.arange(count, device=ordered.device).expand(ordered.shape)
    changes = ordered[..., 1:] != ordered[..., :-1]
    first = number.clone()
    first[..., 1:] *= changes
    last = number.clone()
    last[..., :-1] = last[..., :-1].where(changes, count)
    return first.cummax(-1).values, last.flip(-1).cummin(-1).values.flip(-1)


def _ranks(ordered: Tensor) -> Tensor:
    """Ranks from 1 of sorted values along the last dimension, equal ones their mean."""
    first, last = ties(ordered)
    return (first + last).double() / 2 + 1


def _ranking(z: Tensor, link: Link) -> Tensor:
    """By what rows are ranked, ``[S, C, N]``: log-odds of each class, or scores as they are.

    Log-odds still differ where probabilities round to 1. They are worked out in float64, on
    the CPU as not every device has it.
    """
    exact = z.cpu().double()
    log_p = log_probabilities(exact, link)
    if log_p is None and z.shape[-2] > 2:
        return exact
    return without_last_bits(log_odds(exact if log_p is None else log_p))


def without_last_bits(values: Tensor) -> Tensor:
    """Rounded to 41 of float64's 53 bits, so that rows that are alike tie (Dekker 1971)."""
    scaled = values * (2**12 + 1)
    return scaled - (scaled - values)


# ------------------------------------------------------------------ values


def rows_of_values(z: Tensor, y: Tensor) -> dict[Measure, Tensor]:
    """Squared and absolute errors of predictions z ``[S, N]``, to be averaged."""
    errors = z - y
    return {Measure.MSE: errors.square(), Measure.MAE: errors.abs()}


def r2_of_mse(mse: Tensor, y: Tensor) -> Tensor:
    """1 - mean (z - y)^2 / mean (y - mean y)^2."""
    return 1 - mse / y.var(-1, correction=0)


# ------------------------------------------------------------------ all of a task


def scores_of_classes(z: Tensor, y: Tensor, link: Link) -> dict[Measure, Tensor]:
    """Accuracy, NLL and Brier."""
    rows = {Measure.ACCURACY: right(z, y), **rows_of_probabilities(z, y, link)}
    return _nan_where_broken(_means(rows), z)


def more_scores_of_classes(z: Tensor, y: Tensor, link: Link) -> dict[Measure, Tensor]:
    """ECE and AUROC, which take sorting and counting."""
    log_p = log_probabilities(z, link)
    unknown = z.new_full((len(z),), torch.nan)
    scores = {
        Measure.ECE: unknown if log_p is None else ece(reliability(log_p, predicted_classes(z), y)),
        Measure.AUROC: auroc(_ranking(z, link), y.cpu()).to(z.device),
    }
    return _nan_where_broken(scores, z)


def scores_of_values(z: Tensor, y: Tensor) -> dict[Measure, Tensor]:
    """MSE, MAE and R2 of predictions z ``[S, N]``."""
    scores = _means(rows_of_values(z, y))
    scores[Measure.R2] = r2_of_mse(scores[Measure.MSE], y)
    return _nan_where_broken(scores, z.unsqueeze(1))


def _means(rows: dict[Measure, Tensor]) -> dict[Measure, Tensor]:
    return {measure: row.mean(-1) for measure, row in rows.items()}


def _nan_where_broken(scores: dict[Measure, Tensor], z: Tensor) -> dict[Measure, Tensor]:
    are_broken = broken(z)
    return {measure: score.masked_fill(are_broken, torch.nan) for measure, score in scores.items()}


def broken(z: Tensor) -> Tensor:
    """Whether a run has any output that is not finite: ``[S]``."""
    # 0 times what is not finite is NaN; several times faster than isfinite().
    return (z * 0).sum((1, 2)) != 0


def logit_size(z: Tensor) -> Tensor:
    """How large the logits of S runs are: ``[S, C, N]`` to ``[S]``.

    The root mean square, over rows and classes, of the logits less their mean over the classes,
    which no softmax depends on. Of a single logit its own root mean square over rows.
    """
    # var(1), which is this, is several times slower.
    centred = z - z.mean(1, keepdim=True) if z.shape[1] > 1 else z
    return centred.square().mean((1, 2)).sqrt()
