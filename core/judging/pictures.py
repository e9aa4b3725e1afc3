"""What can be drawn of networks beside their scores: maps of units, weights, and mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.judging import measures
from core.network.stack import Stack
from core.records.snapshot import (
    MOST_MISTAKES,
    MOST_SURFACE_CLASSES,
    MOST_UNITS,
    TRUTH_BINS,
    UNIT_SIZE,
    UNIT_ZERO,
)


def plane(extent: Tensor, size: int) -> Tensor:
    """Points ``[S, size * size, 2]``, row by row from the lowest y; ``extent`` is ``[S, 4]``."""
    share = torch.linspace(0, 1, size, device=extent.device)
    x_low, x_high, y_low, y_high = extent.T.unsqueeze(2)
    x, y = x_low + share * (x_high - x_low), y_low + share * (y_high - y_low)
    shape = (len(extent), size, size)
    return torch.stack([x[:, None, :].expand(shape), y[:, :, None].expand(shape)], 3).flatten(1, 2)


def along(extent: Tensor, size: int) -> Tensor:
    """Points ``[S, size, 1]`` at equal distances; ``extent`` ``[S, 2]`` has both ends."""
    share = torch.linspace(0, 1, size, device=extent.device)
    low, high = extent.T.unsqueeze(2)
    places: Tensor = low + share * (high - low)
    return places.unsqueeze(2)


def unit_maps(stack: Stack, runs: slice, points: Tensor) -> NDArray[np.uint8]:
    """What the first units of each hidden layer give at ``plane(extent, UNIT_SIZE)``.

    ``[S, H, MOST_UNITS, g, g]`` as ``Snapshot.units`` has it.
    """
    layers = list(stack.activations(points, runs))[1:]
    maps = torch.zeros(len(points), len(layers), MOST_UNITS, UNIT_SIZE**2, dtype=torch.uint8)
    for at, layer in enumerate(layers):
        shown = layer[:, :MOST_UNITS].nan_to_num()
        largest = shown.abs().amax((1, 2), keepdim=True).clamp(min=torch.finfo(shown.dtype).tiny)
        maps[:, at, : shown.shape[1]] = (UNIT_ZERO + 127 * shown / largest).round().byte().cpu()
    return maps.view(*maps.shape[:3], UNIT_SIZE, UNIT_SIZE).numpy()


def shown_weights(stack: Stack) -> NDArray[np.float16]:
    """The weights between the units that have a map, as ``Snapshot.weights`` has them."""
    runs, width = stack.runs, MOST_SURFACE_CLASSES
    table = torch.zeros(runs, len(stack.layers), width, width, device=stack.flat.device)
    last = len(stack.layers) - 1
    for at, layer in enumerate(stack.layers):
        most_to, most_from = width if at == last else MOST_UNITS, MOST_UNITS if at else width
        weight = layer.weight[:, :most_to, :most_from]
        table[:, at, : weight.shape[1], : weight.shape[2]] = weight
    return table.half().cpu().numpy()


def truth(log_p: Tensor, y: Tensor) -> Tensor:
    """Rows by the probability that their true class was given: ``[S, TRUTH_BINS]``.

    Bin b of B holds those in [b / B, (b + 1) / B), the last one 1 as well. Rows whose probability
    is not finite count nowhere.
    """
    p = (-measures.nll(log_p, y)).exp()
    known = p.isfinite()
    bins = (p.where(known, 0) * TRUTH_BINS).long().clamp(max=TRUTH_BINS - 1)
    return p.new_zeros(len(p), TRUTH_BINS).scatter_add_(1, bins, known.to(p.dtype))


def mistakes(log_p: Tensor, predicted: Tensor, y: Tensor, pictures: Tensor) -> dict[str, Any]:
    """The rows that each run is most sure of and wrong about; ``pictures`` ``[S, N, h, w]``."""
    sure = log_p.exp().amax(-2).masked_fill(predicted == y, -1).nan_to_num(-1)
    count = min(MOST_MISTAKES, sure.shape[1])
    most, places = sure.topk(count)
    told = torch.stack([y.gather(1, places), predicted.gather(1, places).to(y.dtype), most], 2)
    shape = (len(y), MOST_MISTAKES)
    mistaken = told.new_full((*shape, 3), torch.nan)
    mistaken[:, :count] = told.masked_fill((most < 0).unsqueeze(2), torch.nan)
    drawn = pictures.new_zeros(*shape, *pictures.shape[2:])
    at = places[:, :, None, None].expand(-1, -1, *pictures.shape[2:])
    drawn[:, :count] = pictures.gather(1, at)
    return {"mistaken": mistaken, "pictures": drawn}
