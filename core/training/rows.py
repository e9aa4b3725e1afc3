"""The rows that an experiment trains on and is judged on, all seeds together on its device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data import LoadedData, load
from core.errors import SpecError
from core.losses import Link
from core.records import Split
from core.spec import ExperimentSpec

#: What an amount of 0 may have become by being standardised, in standard deviations.
_ROUNDING = 1e-3


@dataclass(frozen=True)
class Rows:
    """Features ``[S, N, D]`` and targets ``[S, N]``, for training and held out.

    ``offset`` ``[S, 1]`` is what losses of amounts add to the standardised targets. Of the
    training rows of each seed the first ``judged_count`` are judged at each epoch's end; they
    are a random sample, as a split's rows come shuffled. ``pictures`` ``[S, N, h, w]`` are those
    of the held-out rows, or of the training rows that are judged where none are held out;
    ``training_pictures`` are those of the training rows that are judged.
    """

    x: Tensor
    y: Tensor
    x_val: Tensor
    y_val: Tensor
    offset: Tensor
    judged_count: int
    pictures: Tensor | None = None
    training_pictures: Tensor | None = None

    @property
    def judged(self) -> dict[Split, tuple[Tensor, Tensor]]:
        """What runs are judged on: training rows, and what is held out."""
        training = (self.x[:, : self.judged_count], self.y[:, : self.judged_count])
        if not self.x_val.shape[1]:
            return {Split.TRAIN: training}
        return {Split.TRAIN: training, Split.VAL: (self.x_val, self.y_val)}


def load_rows(spec: ExperimentSpec, device: torch.device) -> Rows:
    """The rows of every seed; ``SpecError`` where a loss can't take the targets."""
    loaded = [load(spec.data, seed) for seed in spec.seeds]
    for loss in (loss for entrant in spec.lineup for loss in entrant.losses):
        if loss.formulas[spec.dataset.task].link is Link.EXP:
            _check_amounts(loss.title, spec.dataset.title, loaded)

    training = [data.x_train[: spec.judged_training_rows] for data in loaded]
    held_out = [data.x_val for data in loaded if len(data.x_val)]

    def stacked(arrays: Iterable[NDArray[np.float32]]) -> Tensor:
        return torch.from_numpy(np.stack(list(arrays))).to(device)

    return Rows(
        x=stacked(data.x_train for data in loaded),
        y=stacked(data.y_train for data in loaded),
        x_val=stacked(data.x_val for data in loaded),
        y_val=stacked(data.y_val for data in loaded),
        offset=torch.tensor([[data.target_offset] for data in loaded], device=device),
        judged_count=spec.judged_training_rows,
        pictures=_pictures(spec, loaded, held_out or training, device),
        training_pictures=_pictures(spec, loaded, training, device),
    )


def _pictures(
    spec: ExperimentSpec,
    loaded: Sequence[LoadedData],
    rows: Sequence[NDArray[np.float32]],
    device: torch.device,
) -> Tensor | None:
    """The pictures that these ``rows`` of each seed are, 255 where one is brightest."""
    if spec.dataset.picture is None:
        return None
    drawn = []
    for data, x in zip(loaded, rows, strict=True):
        raw = x * data.feature_scale + data.feature_mean
        scaled = 255 * raw / raw.max()
        drawn.append(scaled.round().clip(0, 255).astype(np.uint8))
    pictures = torch.from_numpy(np.stack(drawn)).to(device)
    return pictures.view(*pictures.shape[:2], *spec.dataset.picture)


def _check_amounts(loss: str, dataset: str, loaded: Sequence[LoadedData]) -> None:
    for data in loaded:
        lowest = float(min(y.min() for y in (data.y_train, data.y_val) if len(y)))
        amount = lowest + data.target_offset
        if amount < -_ROUNDING:
            raise SpecError(
                f"{loss} predicts amounts of 0 or more; a target of {dataset} was "
                f"{amount * data.target_scale:g}."
            )
