"""A batch of a single run, dealt out to several threads.

Threads that share each operation wait for each other some ten times a step, and to wake one takes
about as long as such an operation: by two threads a step of 64-128-128-128-10 with 1,438 examples
took no less than by one. Here each thread goes forward and backward with examples of its own, and
they meet once a step, which then takes 0.6 of the time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from core.network.stack import Batch, Layer, Workspace
from core.spec import Activation

#: Pieces begin at multiples of this many examples, as cache lines do.
_ALIGNED = 16


class Pieces:
    """The batches that a batch of ``size`` examples is dealt out in, for the run of ``layers``.

    ``in_each`` is ``map``, or one that goes through the pieces side by side: it changes no bit.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        activation: Activation,
        size: int,
        count: int,
        in_each: Callable[..., Iterable[None]] = map,
        workspace: Workspace | None = None,
    ) -> None:
        workspace = workspace or Workspace()
        per_piece = -(-size // count // _ALIGNED) * _ALIGNED
        edges = [*range(0, size, per_piece), size]
        self._places = [slice(start, stop) for start, stop in itertools.pairwise(edges)]
        self._sizes = [place.stop - place.start for place in self._places]
        self._in_each = in_each
        workspaces = [workspace.other(number) for number in range(len(self._sizes))]
        # The same parameters, with gradients of each piece alone.
        of_others = [
            [
                Layer(
                    each.parameters,
                    own.tensor("gradients", place, each.gradients, *each.gradients.shape),
                )
                for place, each in enumerate(layers)
            ]
            for own in workspaces[1:]
        ]
        self._batches = [
            Batch(each, activation, piece, own, mean_over=size)
            for each, piece, own in zip([layers, *of_others], self._sizes, workspaces, strict=True)
        ]
        self._to_add = [
            (whole.gradients, own.gradients)
            for other in of_others
            for whole, own in zip(layers, other, strict=True)
        ]

    def flat(self, values: Tensor) -> Tensor:
        """As ``Batch`` has it."""
        return self._batches[0].flat(values)

    @property
    def activations(self) -> list[Tensor]:
        """As ``Batch`` has it."""
        of_layers = zip(*(batch.activations for batch in self._batches), strict=True)
        return [torch.cat(pieces, -1) for pieces in of_layers]

    def differentiate(
        self,
        rows: Tensor,
        columns: Tensor,
        logits: Tensor,
        logit_gradients: Callable[[slice], Tensor],
    ) -> None:
        """``Batch.forward``, then ``Batch.backward`` with the gradients that are given for the
        examples of a slice, once their logits are there."""

        @torch.inference_mode()
        def differentiate(
            batch: Batch, place: slice, rows: Tensor, columns: Tensor, logits: Tensor
        ) -> None:
            batch.forward(columns, logits)
            batch.backward(rows, logit_gradients(place))

        pieces = (
            rows.split(self._sizes),
            columns.split(self._sizes, 1),
            logits.split(self._sizes, 1),
        )
        list(self._in_each(differentiate, self._batches, self._places, *pieces))
        for whole, own in self._to_add:
            whole.add_(own)
