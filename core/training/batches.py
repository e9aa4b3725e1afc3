"""The batches of an experiment, the same for every entrant of a seed, and proof of that."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.data import derive_seed

#: Bytes of rows that are gathered at once for the batches ahead.
_BLOCK_BYTES = 32 * 2**20


@dataclass(frozen=True)
class MiniBatch:
    """x ``[K, B, D]`` and, for each entrant, its targets ``[S, C, B]``."""

    size: int
    x: Tensor
    targets: tuple[Tensor, ...]


class Batches:
    """Draws batches of rows x ``[S, N, D]`` and of each entrant's targets ``[S, C, N]``.

    Every seed has an order of its own, from a generator of its own; ``restart`` goes back to
    the first batch.
    """

    def __init__(
        self, x: Tensor, targets: Sequence[Tensor], seeds: Sequence[int], size: int
    ) -> None:
        self.size = size
        self.x = x
        self.targets = tuple(targets)
        self._seeds = tuple(seeds)
        self.restart()

    def restart(self) -> None:
        self._generators = [
            torch.Generator().manual_seed(derive_seed(seed, "order")) for seed in self._seeds
        ]
        self._hashes = [hashlib.sha256() for _ in self._seeds]

    @property
    def order_sha256(self) -> tuple[str, ...]:
        """One a seed: SHA-256 of the orders of all epochs that are complete."""
        return tuple(digest.hexdigest() for digest in self._hashes)

    @property
    def first(self) -> MiniBatch:
        """The first rows as they come, for a look before any training."""
        start = slice(self.size)
        x = self.x[:, start].repeat(len(self.targets), 1, 1)
        return MiniBatch(x.shape[1], x, tuple(target[:, :, start] for target in self.targets))

    def epoch(self) -> Iterator[MiniBatch]:
        """One epoch in a new random order, the same for every entrant of a seed.

        Rows are gathered for many batches at once, entrants of a seed side by side.
        """
        seeds, rows, features = self.x.shape
        entrants = len(self.targets)
        row_bytes = 4 * features * seeds * entrants
        block_rows = max(1, _BLOCK_BYTES // row_bytes // self.size) * self.size
        epoch_order = self._epoch_order(seeds, rows)
        for order in epoch_order.to(self.x.device).split(block_rows, dim=1):
            x = _gather(self.x, order).repeat(entrants, 1, 1)
            targets = [
                _gather(target.transpose(1, 2), order).transpose(1, 2).contiguous()
                for target in self.targets
            ]
            parts = [target.split(self.size, dim=2) for target in targets]
            for x_batch, *y_batches in zip(x.split(self.size, dim=1), *parts, strict=True):
                yield MiniBatch(x_batch.shape[1], x_batch, tuple(y_batches))
        for digest, order in zip(self._hashes, epoch_order, strict=True):
            digest.update(order.contiguous().numpy().tobytes())

    def endless(self) -> Iterator[MiniBatch]:
        """Epoch after epoch."""
        while True:
            yield from self.epoch()

    def _epoch_order(self, seeds: int, rows: int) -> Tensor:
        """Row numbers ``[S, N]``; as they come where one batch holds them all."""
        if self.size == rows:
            return torch.arange(rows).expand(seeds, rows)
        return torch.stack([torch.randperm(rows, generator=each) for each in self._generators])


def _gather(values: Tensor, order: Tensor) -> Tensor:
    """Rows ``[S, n, D]`` of values ``[S, N, D]`` in the order ``[S, n]``, seed by seed."""
    return torch.stack([v.index_select(0, o) for v, o in zip(values, order, strict=True)])
