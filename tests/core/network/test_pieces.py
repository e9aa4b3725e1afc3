"""A batch that is dealt out has the gradients of the whole one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
import torch
from torch import Tensor

from core.network.pieces import Pieces
from core.network.stack import Batch, Stack
from core.spec import Activation
from core.training import device

SIZES = (6, 33, 20, 4)


def stack_of(activation: Activation, dtype: torch.dtype = torch.float64) -> Stack:
    stack = Stack(1, SIZES, activation, dtype=dtype)
    stack.flat.normal_(0, 0.3, generator=torch.Generator().manual_seed(1))
    return stack


def examples(size: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Rows with a 1 at their ends, and a gradient for each one's logits."""
    generator = torch.Generator().manual_seed(2)
    rows = torch.randn(size, SIZES[0] + 1, generator=generator, dtype=dtype)
    rows[:, -1] = 1
    return rows, torch.randn(SIZES[-1], size, generator=generator, dtype=dtype)


def differentiated(
    stack: Stack, size: int, count: int, in_each: Callable[..., Iterable[None]] = map
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """The logits, the parameters' gradients and the hidden layers' activations."""
    rows, gradients = examples(size, stack.flat.dtype)
    pieces = Pieces(stack.layers, stack.activation, size, count, in_each)
    logits = torch.full_like(gradients, torch.nan)
    seen = torch.zeros(size)

    def of(place: slice) -> Tensor:
        assert logits[:, place].isfinite().all(), "the examples' logits are there by then"
        seen[place] += 1
        return gradients[:, place]

    pieces.differentiate(rows, rows.T, logits, of)
    assert (seen == 1).all(), "each example once"
    return logits, stack.flat_gradients.clone(), pieces.activations


@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize(("size", "count"), [(32, 2), (33, 2), (100, 3), (1000, 4)])
def test_gradients_are_those_of_the_whole_batch(
    activation: Activation, size: int, count: int
) -> None:
    stack = stack_of(activation)
    rows, gradients = examples(size)
    whole = Batch(stack.layers, activation, size)
    logits = torch.zeros_like(gradients)
    whole.forward(rows.T, logits)
    whole.backward(rows, gradients)
    expected = stack.flat_gradients.clone()
    stack.flat_gradients.fill_(torch.nan)
    for _again in range(2):
        of_pieces, found, activations = differentiated(stack, size, count)
        torch.testing.assert_close(of_pieces, logits, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
        for own, layers in zip(activations, whole.activations, strict=True):
            torch.testing.assert_close(own, layers, rtol=1e-12, atol=1e-14)


def test_threads_change_no_bit() -> None:
    stack = stack_of(Activation.GELU, torch.float32)
    in_turns = differentiated(stack, 200, 3)
    at_once = differentiated(stack, 200, 3, device.mapping(3))
    for one, other in zip(in_turns[:2], at_once[:2], strict=True):
        assert one.numpy().tobytes() == other.numpy().tobytes()
