"""What learns: a stack of networks with each entrant's loss, and the update of them all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import SpecError
from core.network.groups import Group
from core.network.stack import Batch, Stack, Workspace
from core.spec import OptimizerSpec
from core.training.batches import Block
from core.training.part import BatchOf, Part, Share


class Learner:
    """The runs of ``groups`` in ``stack``, trained by ``optimizer``.

    They are stepped in ``parts``, slices of the runs: the first part through a whole block of
    batches, then the next one, so that what a part needs stays in the processor's cache.
    ``in_each`` is ``map``, or one that steps so many parts ``side_by_side``: no part has a say in
    another, so that each run gets the same bits.

    ``head_factors`` has a factor for the gradient of each entrant's last layer.
    """

    def __init__(
        self,
        stack: Stack,
        groups: Sequence[Group],
        optimizer: OptimizerSpec,
        head_factors: Sequence[float] = (),
        parts: Sequence[slice] = (),
        in_each: Callable[..., Iterable[Tensor]] = map,
        batch_of: BatchOf = Batch,
        side_by_side: int = 1,
    ) -> None:
        self.stack = stack
        self.groups = tuple(groups)
        self.start = stack.flat.clone()
        self.gradient_scales = [1.0] * len(groups)
        self._head_factors = list(head_factors) or [1.0] * len(groups)
        self._optimizer = optimizer
        self._slices = list(parts) or [slice(0, stack.runs)]
        self._in_each = in_each
        self._batch_of = batch_of
        #: The workspaces that no part is stepped in just now.
        self._workspaces = deque(Workspace() for _ in range(side_by_side))
        self.restart([group.entrant.learning_rate for group in groups])

    def restart(self, learning_rates: Sequence[float]) -> None:
        """Back to the start, with a learning rate for each entrant."""
        self.stack.flat.copy_(self.start)
        self.learning_rates = list(learning_rates)
        self._parts = [
            Part(
                self.stack,
                runs,
                list(self._shares(runs)),
                self._optimizer,
                learning_rates,
                self._batch_of,
            )
            for runs in self._slices
        ]

    def state(self) -> dict[str, NDArray[np.float32]]:
        """All that ``go_on`` needs: parameters, what the optimizer keeps, rates and scales."""
        tensors = [each.cpu().numpy().copy() for each in self._changing()]
        return {
            "rates": np.array(self.learning_rates),
            "scales": np.array(self.gradient_scales),
        } | {f"tensor{number}": values for number, values in enumerate(tensors)}

    def go_on(self, state: Mapping[str, NDArray[Any]], step: int) -> None:
        """Be as the one was whose ``state`` this is, after that many steps."""
        self.restart(state["rates"].tolist())
        self.scale_gradients(state["scales"].tolist())
        changing = self._changing()
        saved = [torch.from_numpy(state[f"tensor{number}"]) for number in range(len(state) - 2)]
        if [each.shape for each in saved] != [each.shape for each in changing]:
            raise SpecError("The checkpoint is of another version of Loss Lab; train it anew.")
        for own, values in zip(changing, saved, strict=True):
            own.copy_(values)
        for part in self._parts:
            part.go_on_after(step)

    @property
    def state_bytes(self) -> int:
        """What the tensors of the state take."""
        return sum(each.nbytes for each in self._changing())

    def _changing(self) -> list[Tensor]:
        # The newest gradients are looked at, at the end of an epoch.
        own = [self.stack.flat, self.stack.flat_gradients]
        return [*own, *(each for part in self._parts for each in part.optimizer_state)]

    def follow(self, groups: Sequence[Group]) -> None:
        """Train the same runs by the losses of these groups from here on, with the weights and the
        optimizer's state as they are."""
        self.groups = tuple(groups)
        self._tell_parts()

    def scale_gradients(self, scales: Sequence[float]) -> None:
        """From here on, multiply each entrant's gradient by its factor."""
        self.gradient_scales = list(scales)
        self._tell_parts()

    def step(self, block: Block) -> Tensor:
        """An update of every run for each batch of the block; each run's mean losses over each
        batch, before its update: ``[n, K]``."""
        return self._by_parts(lambda part, workspace: part.train(block, workspace))

    def differentiate(self, block: Block) -> Tensor:
        """Fill the stack's gradients of the mean losses over a block of one batch, and give
        these losses ``[1, K]``."""
        return self._by_parts(lambda part, workspace: part.differentiate(block, workspace))

    def logits(self, size: int) -> list[Tensor]:
        """Each entrant's logits ``[S, C, B]`` of the newest batch of that size."""
        found: list[list[Tensor]] = [[] for _ in self.groups]
        for part in self._parts:
            for share, logits in part.newest_logits(size):
                found[share.place].append(logits)
        return [torch.cat(logits) for logits in found]

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(self._parts)

    def _by_parts(self, train: Callable[[Part, Workspace], Tensor]) -> Tensor:
        def trained(part: Part) -> Tensor:
            workspace = self._workspaces.pop()
            try:
                return train(part, workspace)
            finally:
                self._workspaces.append(workspace)

        return torch.cat(list(self._in_each(trained, self._parts)), 1)

    def _tell_parts(self) -> None:
        for part in self._parts:
            part.follow(list(self._shares(part.runs)))

    def _shares(self, runs: slice) -> Iterator[Share]:
        """What each entrant has among these runs."""
        for place, group in enumerate(self.groups):
            first = max(runs.start, group.runs.start)
            end = min(runs.stop, group.runs.stop)
            if first < end:
                yield Share(
                    place,
                    group,
                    slice(first - runs.start, end - runs.start),
                    slice(first - group.runs.start, end - group.runs.start),
                    self.gradient_scales[place],
                    self._head_factors[place],
                )
