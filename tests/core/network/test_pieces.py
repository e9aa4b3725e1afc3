"""A batch that is dealt out has the gradients of the whole one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest
import torch
from torch import Tensor

from core.network.pieces import Pieces
from core.network.stack import Batch, Stack, Workspace
from core.spec import Activation
from core.training import device

SIZES = (6, 33, 20, 4)


def stack_of(
    activation: Activation, dtype: torch.dtype = torch.float64, sizes: Sequence[int] = SIZES
) -> Stack:
    stack = Stack(1, sizes, activation, dtype=dtype)
    stack.flat.normal_(0, 0.3, generator=torch.Generator().manual_seed(1))
    return stack


def examples(size: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Rows with a 1 at their ends, and a gradient for each one's logits."""
    generator = torch.Generator().manual_seed(2)
    rows = torch.randn(size, SIZES[0] + 1, generator=generator, dtype=dtype)
    rows[:, -1] = 1
    return rows, torch.randn(SIZES[-1], size, generator=generator, dtype=dtype)


def differentiated(
    stack: Stack,
    size: int,
    count: int,
    in_each: Callable[..., Iterable[None]] = map,
    workspace: Workspace | None = None,
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """The logits, the parameters' gradients and the hidden layers' activations."""
    rows, gradients = examples(size, stack.flat.dtype)
    pieces = Pieces(stack.layers, stack.activation, size, count, in_each, workspace)
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


#: The second one's gradients are worked out in aligned rows and then copied.
@pytest.mark.parametrize("sizes", [SIZES, (6, 1100, 8, 4)])
@pytest.mark.parametrize("count", [1, 3])
def test_who_shares_a_workspace_gets_the_same_bits(count: int, sizes: Sequence[int]) -> None:
    """Each takes its turn, with batches of two sizes, and nothing of another's stays in it."""
    stacks = [stack_of(Activation.GELU, torch.float32, sizes) for _run in range(3)]
    for number, stack in enumerate(stacks):
        stack.flat.mul_(1 + number)
    alone = [differentiated(stack, size, count) for stack in stacks for size in (200, 90)]
    shared = Workspace()
    for _again in range(2):
        together = [
            differentiated(stack, size, count, workspace=shared)
            for stack in stacks
            for size in (200, 90)
        ]
        for (z, gradients, _a), (expected_z, expected, _b) in zip(together, alone, strict=True):
            assert torch.equal(z, expected_z)
            assert torch.equal(gradients, expected)


def test_a_workspace_has_one_tensor_for_all_who_ask_alike() -> None:
    workspace, like = Workspace(), torch.zeros(1, dtype=torch.float64)
    one = workspace.tensor("a", 0, like, 2, 3)
    assert one.dtype == torch.float64
    assert torch.equal(one, torch.ones(2, 3, dtype=torch.float64))
    assert workspace.tensor("a", 0, like, 2, 3) is one
    others = [
        workspace.tensor("b", 0, like, 2, 3),
        workspace.tensor("a", 1, like, 2, 3),
        workspace.tensor("a", 0, like, 3, 2),
        workspace.other(1).tensor("a", 0, like, 2, 3),
    ]
    assert len({each.data_ptr() for each in (one, *others)}) == 5
    assert workspace.other(0) is workspace
    assert workspace.other(1) is workspace.other(1)
