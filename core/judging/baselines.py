"""What the best constants score, and the fingerprints of what was trained."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from core.data import Dataset
from core.judging import measures
from core.records import Measure


def null_scores(train: Tensor, judged: Tensor, data: Dataset) -> dict[str, list[float]]:
    """For each yardstick with a skill, one score a seed: that of the best constant.

    Fitted to training targets ``[S, N]`` (class frequencies; mean and median) and judged on
    ``[S, M]``.
    """
    if not data.task.is_classification:
        mean, median = train.mean(1, keepdim=True), train.quantile(0.5, 1, keepdim=True)
        rows = {
            Measure.MSE: measures.rows_of_values(mean, judged)[Measure.MSE],
            Measure.MAE: measures.rows_of_values(median, judged)[Measure.MAE],
        }
    else:
        classes = torch.arange(data.outputs, device=train.device)
        frequencies = (train.unsqueeze(1) == classes[:, None]).float().mean(2, keepdim=True)
        log_p = frequencies.clamp(min=1e-12).log().expand(-1, -1, judged.shape[1])
        rows = {
            Measure.NLL: measures.nll(log_p, judged),
            Measure.BRIER: measures.brier(log_p, judged),
        }
    return {measure.value: row.mean(-1).tolist() for measure, row in rows.items()}


def fingerprint(values: Tensor) -> str:
    """SHA-256 of a tensor's bytes."""
    return hashlib.sha256(values.contiguous().cpu().numpy().tobytes()).hexdigest()
