"""The batches of an experiment, the same for every entrant of a seed, and proof of that."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.data import derive_seed


@dataclass(frozen=True)
class Block:
    """n batches of one size B that follow each other.

    ``x`` ``[S, n B, D + 1]`` has a row for each example, in order; its last feature is 1, which
    meets the biases. ``targets`` has for each entrant ``[n, S, C, B]``.
    """

    size: int
    x: Tensor
    targets: tuple[Tensor, ...]

    @property
    def count(self) -> int:
        """How many batches it has."""
        return len(self.targets[0])

    @property
    def rows(self) -> Tensor:
        """The examples' features ``[S, n B, D]``."""
        return self.x[..., :-1]

    @property
    def newest(self) -> tuple[Tensor, ...]:
        """Each entrant's targets ``[S, C, B]`` of the last of the batches."""
        return tuple(targets[-1] for targets in self.targets)


class Batches:
    """Draws batches of rows x ``[S, N, D]`` and of each entrant's targets ``[S, C, N]``.

    Every seed has an order of its own, from a generator of its own; ``restart`` goes back to
    the first batch. ``retarget`` has all later blocks be of other targets of the same rows.
    """

    def __init__(
        self, x: Tensor, targets: Sequence[Tensor], seeds: Sequence[int], size: int
    ) -> None:
        self.size = size
        self.x = x
        self._with_ones = torch.cat([x, x.new_ones(*x.shape[:2], 1)], 2)
        self._seeds = tuple(seeds)
        self.retarget(targets)
        self.restart()

    def restart(self) -> None:
        self._generators = [
            torch.Generator().manual_seed(derive_seed(seed, "order")) for seed in self._seeds
        ]
        self._hashes = [hashlib.sha256() for _ in self._seeds]

    def pass_over(self, epochs: int) -> None:
        """Go on as after so many epochs: their orders are drawn, as those after them depend on
        it."""
        seeds, rows, _features = self.x.shape
        for _epoch in range(epochs):
            self._note(self._epoch_order(seeds, rows))

    def retarget(self, targets: Sequence[Tensor]) -> None:
        """From the next block on, each entrant has the same rows of these targets."""
        self.targets = tuple(targets)
        # Entrants that read their targets alike share them, here and in every block.
        self._rows_of_targets = {
            id(target): target.transpose(1, 2).contiguous() for target in self.targets
        }
        #: Where one batch holds all rows, the block that every epoch consists of.
        self._whole: Block | None = None

    @property
    def order_sha256(self) -> tuple[str, ...]:
        """One a seed: SHA-256 of the orders of all epochs that are complete."""
        return tuple(digest.hexdigest() for digest in self._hashes)

    @property
    def first(self) -> Block:
        """The first rows as they come, for a look before any training."""
        return next(self._stretch(self._in_order()[:, : self.size], 1))

    def epoch(self, steps: int = 1, cuts: Collection[int] = ()) -> Iterator[Block]:
        """One epoch in a new random order, the same for every entrant of a seed.

        Blocks have so many ``steps`` at most; one ends after each number of batches in ``cuts``.
        A last batch that is smaller is a block of its own.
        """
        seeds, rows, _features = self.x.shape
        order = self._epoch_order(seeds, rows)
        on_device = order.to(self.x.device)
        edges = [0, *sorted(cut * self.size for cut in cuts), rows]
        for start, stop in itertools.pairwise(edges):
            yield from self._stretch(on_device[:, start:stop], steps)
        self._note(order)

    def _note(self, order: Tensor) -> None:
        """Take the order ``[S, N]`` of an epoch that is complete into the proof."""
        for digest, of_seed in zip(self._hashes, order, strict=True):
            digest.update(of_seed.contiguous().numpy().tobytes())

    def endless(self) -> Iterator[Block]:
        """Batch after batch, epoch after epoch."""
        while True:
            yield from self.epoch()

    def _stretch(self, order: Tensor, steps: int) -> Iterator[Block]:
        """Blocks of the rows in the order ``[S, n]``, which are gathered at once."""
        if self.size == self.x.shape[1] and self._whole is not None:
            yield self._whole
            return
        x = _gather(self._with_ones, order)
        targets = {key: _gather(rows, order) for key, rows in self._rows_of_targets.items()}
        whole = order.shape[1] // self.size
        lengths = [min(steps, whole - first) * self.size for first in range(0, whole, steps)]
        if rest := order.shape[1] - whole * self.size:
            lengths.append(rest)
        start = 0
        for length in lengths:
            rows = slice(start, start + length)
            block = self._block(x, targets, rows, min(length, self.size))
            if self.size == self.x.shape[1]:
                self._whole = block
            yield block
            start += length

    def _block(self, x: Tensor, targets: dict[int, Tensor], rows: slice, size: int) -> Block:
        """Of gathered x ``[S, n, D + 1]`` and targets ``[S, n, C]`` these rows."""
        batches = {
            key: each[:, rows].unflatten(1, (-1, size)).permute(1, 0, 3, 2).contiguous()
            for key, each in targets.items()
        }
        return Block(size, x[:, rows], tuple(batches[id(target)] for target in self.targets))

    def _epoch_order(self, seeds: int, rows: int) -> Tensor:
        """Row numbers ``[S, N]``; as they come where one batch holds them all."""
        if self.size == rows:
            return self._in_order()
        return torch.stack([torch.randperm(rows, generator=each) for each in self._generators])

    def _in_order(self) -> Tensor:
        seeds, rows, _features = self.x.shape
        return torch.arange(rows).expand(seeds, rows)


def _gather(values: Tensor, order: Tensor) -> Tensor:
    """Rows ``[S, n, D]`` of values ``[S, N, D]`` in the order ``[S, n]``, seed by seed."""
    gathered = values.new_empty(*order.shape, values.shape[2])
    for rows, numbers, out in zip(values, order, gathered, strict=True):
        torch.index_select(rows, 0, numbers, out=out)
    return gathered
