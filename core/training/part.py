"""Neighbouring runs of a stack that are stepped together, one block of batches after another."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from core.network.groups import Group
from core.network.pieces import Pieces
from core.network.stack import Batch, Layer, Stack, Workspace
from core.spec import Activation, OptimizerSpec
from core.training.batches import Block
from core.training.capture import Differentiate, captured
from core.training.optimizers import Optimizer, Update, make_optimizer

Gradient = Callable[[Tensor, Tensor], Tensor]
#: Makes what goes forward and backward, for the layers of some runs and so many examples, in a
#: workspace.
BatchOf = Callable[[Sequence[Layer], Activation, int, Workspace], Batch | Pieces]


@dataclass(frozen=True)
class Share:
    """What an entrant has in a part: ``runs`` counted within the part, ``seeds`` among its own.

    ``place`` is the entrant's. ``scale`` is a factor for its gradient, ``head_factor`` another one
    for that of its last layer.
    """

    place: int
    group: Group
    runs: slice
    seeds: slice
    scale: float = 1.0
    head_factor: float = 1.0


class Part:
    """The k neighbouring ``runs`` of a stack that ``shares`` are the entrants of.

    ``rates`` has each entrant's learning rate.
    """

    def __init__(
        self,
        stack: Stack,
        runs: slice,
        shares: Sequence[Share],
        optimizer: OptimizerSpec,
        rates: Sequence[float],
        batch_of: BatchOf = Batch,
    ) -> None:
        self.runs = runs
        self._stack = stack
        self._batch_of = batch_of
        self._optimizers = list(_optimizers(stack, runs, shares, optimizer, rates))
        self._update = _all_of([each.update for each in self._optimizers])
        self._rooms: dict[tuple[int, Workspace], _Room] = {}
        #: The last one that was used for each batch size.
        self._newest: dict[int, _Room] = {}
        self.follow(shares)

    def follow(self, shares: Sequence[Share]) -> None:
        """Train the same runs by the losses of these shares from here on, with the weights and the
        optimizer's state as they are."""
        self.shares = tuple(shares)
        for room in self._rooms.values():
            room.follow(shares)

    @property
    def optimizer_state(self) -> list[Tensor]:
        """What the optimizer keeps, beside the number of steps; may be written to."""
        return [tensor for each in self._optimizers for tensor in each.state]

    def go_on_after(self, steps: int) -> None:
        """There have been so many steps, which the parameters and the optimizer's state are of."""
        for each in self._optimizers:
            each.go_on_after(steps)

    def train(self, block: Block, workspace: Workspace) -> Tensor:
        """A step on each batch of the block; the mean losses over each before it: ``[n, k]``.

        Nobody else may use the workspace in the meantime."""
        return self._pass(block, workspace, self._update)

    def differentiate(self, block: Block, workspace: Workspace) -> Tensor:
        """The same without moving the parameters: fills the gradients of the last batch."""
        return self._pass(block, workspace, None)

    @torch.inference_mode()
    def _pass(self, block: Block, workspace: Workspace, update: Update | None) -> Tensor:
        room = self._newest[block.size] = self._room(block, workspace)
        differentiate = room.differentiate
        for rows, columns, logits, of_shares, targets in room.steps(block):
            differentiate(rows, columns, logits, of_shares, targets)
            if update:
                update()
        return room.losses(block)

    def newest_logits(self, size: int) -> list[tuple[Share, Tensor]]:
        """Each share's logits ``[s, C, B]`` of the last batch of that size."""
        return self._newest[size].newest()

    def logit_gradients(self, size: int) -> Tensor:
        """Each example's own gradient ``[(k,) C, B]`` in the logits of the last batch of a size."""
        return self._newest[size].logit_gradients

    def activations(self, size: int) -> list[Tensor]:
        """What the hidden layers made of the last batch of that size: ``[(k,) H, B]`` each; it lies
        in the workspace that it was worked out in."""
        return self._newest[size].batch.activations

    def _room(self, block: Block, workspace: Workspace) -> _Room:
        room = self._rooms.get((block.size, workspace))
        if room is None or room.count < block.count:
            layers = self._stack.layers_of(self.runs)
            batch = self._batch_of(layers, self._stack.activation, block.size, workspace)
            room = _Room(self._stack, self.runs, self.shares, batch, block)
            self._rooms[block.size, workspace] = room
        return room


def _optimizers(
    stack: Stack,
    runs: slice,
    shares: Sequence[Share],
    optimizer: OptimizerSpec,
    rates: Sequence[float],
) -> Iterator[Optimizer]:
    """One for all runs that have the same learning rate as their neighbours."""
    for rate, alike in itertools.groupby(shares, lambda share: rates[share.place]):
        of_rate = list(alike)
        moved = slice(runs.start + of_rate[0].runs.start, runs.start + of_rate[-1].runs.stop)
        if moved.stop - moved.start == stack.runs:
            yield make_optimizer(optimizer, [stack.flat], [stack.flat_gradients], rate)
        else:
            parameters = [layer.parameters[moved] for layer in stack.layers]
            gradients = [layer.gradients[moved] for layer in stack.layers]
            yield make_optimizer(optimizer, parameters, gradients, rate)


def _all_of(updates: Sequence[Update]) -> Update:
    if len(updates) == 1:
        return updates[0]

    def update() -> None:
        for each in updates:
            each()

    return update


class _Room:
    """A part's buffers for blocks of up to as many batches as one has, of the same size.

    The logits of all steps are kept, ``[n, k, C, B]``: gradients need no loss, so the losses of
    all steps are worked out at once when the block is through.
    """

    def __init__(
        self,
        stack: Stack,
        runs: slice,
        shares: Sequence[Share],
        batch: Batch | Pieces,
        block: Block,
    ) -> None:
        self.count, size = block.count, block.size
        self.batch = batch
        self._head = stack.layers[-1].gradients[runs]
        self._is_captured = stack.flat.is_cuda
        self._is_single = runs.stop - runs.start == 1
        widest, flat = stack.layer_sizes[-1], self.batch.flat
        # One more than there are steps, which a captured step writes to.
        self._logits = stack.flat.new_empty(self.count + 1, runs.stop - runs.start, widest, size)
        self._newest = self._logits[0]
        self._of_steps = [flat(z) for z in self._logits]
        self._of_shares = [
            tuple(flat(z[share.runs, : share.group.width]) for share in shares)
            for z in self._logits
        ]
        # Rows beyond a head narrower than the widest stay 0, so that padding is never trained.
        gradients = torch.zeros_like(self._newest)
        self.logit_gradients = flat(gradients)
        self._parts = [flat(gradients[share.runs, : share.group.width]) for share in shares]
        self._has_one_share = len(shares) == 1 and shares[0].group.width == widest
        self.follow(shares)

    def follow(self, shares: Sequence[Share]) -> None:
        """Have the same runs learn by the losses of these shares, as wide as those before."""
        self._shares = tuple(shares)
        self._gradients = [_gradient_of(share) for share in shares]
        self._factors = [
            (self._head[share.runs], share.head_factor)
            for share in shares
            if share.head_factor != 1
        ]
        self._graph: Differentiate | None = None

    def steps(self, block: Block) -> Iterator[tuple[Any, ...]]:
        """What ``differentiate`` takes, for each step."""
        self._newest = self._logits[block.count - 1]
        # There may be room for more steps than the block has.
        of_steps = zip(
            self._examples(block),
            self._of_steps,
            self._of_shares,
            zip(*(self._targets(block, share).unbind() for share in self._shares), strict=True),
            strict=False,
        )
        for (rows, columns), logits, of_shares, targets in of_steps:
            yield rows, columns, logits, of_shares, targets

    def _examples(self, block: Block) -> Iterator[tuple[Tensor, Tensor]]:
        """The examples of each step as rows ``[(k,) B, D + 1]`` and as columns."""
        if len(self._shares) == 1:
            x = self.batch.flat(block.x[self._shares[0].seeds])
            yield from zip(
                x.split(block.size, -2), x.transpose(-1, -2).split(block.size, -1), strict=True
            )
            return
        # Put together step by step, they are still in the cache when they are needed: of 15 runs
        # of 64-128-10 the products with them took 6 % longer when it was done for a whole block.
        together = block.x.new_empty(self._newest.shape[0], block.size, block.x.shape[2])
        columns = together.transpose(1, 2)
        of_shares = (block.x[share.seeds].split(block.size, 1) for share in self._shares)
        for rows in zip(*of_shares, strict=True):
            yield torch.cat(rows, out=together), columns

    def _targets(self, block: Block, share: Share) -> Tensor:
        """What a share's loss compares with its logits: ``[n, (s,) C, B]``."""
        targets = block.targets[share.place][:, share.seeds]
        return targets[:, 0] if self._is_single else targets

    @property
    def differentiate(self) -> Callable[..., None]:
        """Fills the runs' gradients of a batch: from its examples as rows and as columns, where its
        logits go, and for each share its own part of the logits and its targets."""
        if isinstance(self.batch, Pieces):
            return partial(self._by_pieces, self.batch)
        return partial(self._by_graph if self._is_captured else self._call_by_call, self.batch)

    def _call_by_call(
        self,
        batch: Batch,
        rows: Tensor,
        columns: Tensor,
        logits: Tensor,
        of_shares: Sequence[Tensor],
        targets: Sequence[Tensor],
    ) -> None:
        batch.forward(columns, logits)
        if self._has_one_share:
            # It is as wide as the stack, so that nothing has to be put together: 1 us less.
            self.logit_gradients = self._gradients[0](of_shares[0], targets[0])
        else:
            for gradient, part, z, y in zip(
                self._gradients, self._parts, of_shares, targets, strict=True
            ):
                part.copy_(gradient(z, y))
        batch.backward(rows, self.logit_gradients)
        for gradients, factor in self._factors:
            gradients.mul_(factor)

    def _by_pieces(
        self,
        batch: Pieces,
        rows: Tensor,
        columns: Tensor,
        logits: Tensor,
        of_shares: Sequence[Tensor],
        targets: Sequence[Tensor],
    ) -> None:
        (share,), (z,), (y,) = self._shares, of_shares, targets
        # Of all examples, as weights count by their mean over the whole batch.
        scale = _scale(share, y)

        def gradients(examples: slice) -> Tensor:
            gradient = share.group.formula.gradient(z[:, examples], y[:, examples])
            torch.mul(gradient, scale, out=self._parts[0][:, examples])
            return self.logit_gradients[:, examples]

        batch.differentiate(rows, columns, logits, gradients)
        for each, factor in self._factors:
            each.mul_(factor)

    def _by_graph(
        self,
        batch: Batch,
        rows: Tensor,
        columns: Tensor,
        logits: Tensor,
        of_shares: Sequence[Tensor],
        targets: Sequence[Tensor],
    ) -> None:
        tensors = [rows, *targets]
        if self._graph is None:
            self._graph = captured(partial(self._into_spare, batch), tensors)
        self._graph(tensors)
        logits.copy_(self._of_steps[-1])

    def _into_spare(self, batch: Batch, tensors: Sequence[Tensor]) -> None:
        """Differentiate the batch of these rows and targets, its logits in the spare room."""
        rows, *targets = tensors
        columns = rows.transpose(-1, -2)
        logits, of_shares = self._of_steps[-1], self._of_shares[-1]
        self._call_by_call(batch, rows, columns, logits, of_shares, targets)

    def newest(self) -> list[tuple[Share, Tensor]]:
        return [(share, self._newest[share.runs, : share.group.width]) for share in self._shares]

    def losses(self, block: Block) -> Tensor:
        """The mean losses over each batch, ``[n, k]``."""
        logits = self._logits[: block.count]
        of_shares = [
            share.group.mean_losses(
                logits[:, share.runs, : share.group.width],
                block.targets[share.place][:, share.seeds],
            )
            for share in self._shares
        ]
        return of_shares[0] if len(of_shares) == 1 else torch.cat(of_shares, 1)


def _gradient_of(share: Share) -> Gradient:
    """From logits and targets the gradient of each example's loss, all of which count alike in the
    mean."""
    gradient_of_each = share.group.formula.gradient
    if share.group.formula.example_weights is None and share.scale == 1:
        return gradient_of_each
    return lambda logits, targets: gradient_of_each(logits, targets) * _scale(share, targets)


def _scale(share: Share, targets: Tensor) -> Tensor | float:
    """The factor for the gradient of each example of a batch that has these targets."""
    weigh = share.group.formula.example_weights
    return (
        share.scale if weigh is None else (share.scale / weigh(targets).mean(-1))[..., None, None]
    )
