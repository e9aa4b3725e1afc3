"""Products by oneDNN are those of ``torch.mm``, whatever memory their matrices lie in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from core.network import products
from core.network.stack import Batch, Stack
from core.spec import Activation

needs_onednn = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"),
    reason="this PyTorch is built without oneDNN's products",
)


def layouts(rows: int, columns: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Matrices of these sizes: in one piece, transposed, and parts of larger ones of both kinds."""
    yield torch.randn(rows, columns, generator=generator)
    yield torch.randn(columns, rows, generator=generator).T
    yield torch.randn(rows, columns + 3, generator=generator)[:, :columns]
    yield torch.randn(columns, rows + 3, generator=generator)[:, :rows].T


@needs_onednn
@pytest.mark.parametrize(("rows", "inner", "columns"), [(5, 7, 3), (128, 65, 100), (1, 64, 1)])
def test_products_are_those_of_torch(rows: int, inner: int, columns: int) -> None:
    generator = torch.Generator().manual_seed(0)
    for a in layouts(rows, inner, generator):
        for b in layouts(inner, columns, generator):
            expected = a.double() @ b.double()
            for out in layouts(rows, columns, generator):
                products.mm(a, b, out=out)
                torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-4)
                products.addmm(out, a, b, beta=0, alpha=0.25, out=out)
                torch.testing.assert_close(out.double(), expected / 4, rtol=1e-5, atol=1e-4)


@needs_onednn
@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("sizes", [(20, 90, 70, 3), (20, 1100, 10)])
def test_large_layers_have_the_gradients_of_float64(
    monkeypatch: pytest.MonkeyPatch, activation: Activation, sizes: tuple[int, ...]
) -> None:
    """Which is never oneDNN's. Forward, backward, and what judging makes of the same rows."""
    monkeypatch.setattr(products, "has_quicker_onednn", lambda: True)
    monkeypatch.setattr(products, "_LEAST_FLOPS", 0)
    used = []
    product = products.product
    monkeypatch.setattr(products, "product", lambda a, b: used.append(a) or product(a, b))
    examples = 300
    found: dict[torch.dtype, list[Tensor]] = {}
    for dtype in (torch.float64, torch.float32):
        generator = torch.Generator().manual_seed(1)
        stack = Stack(1, sizes, activation, dtype=dtype)
        values = torch.randn(len(stack.flat), generator=generator, dtype=torch.float64)
        stack.flat.copy_(values * 0.1)
        rows = torch.randn(examples, sizes[0] + 1, generator=generator, dtype=torch.float64)
        rows[:, -1] = 1
        outer = torch.randn(sizes[-1], examples, generator=generator, dtype=torch.float64)
        batch = Batch(stack.layers, activation, examples)
        logits = torch.empty(sizes[-1], examples, dtype=dtype)
        batch.forward(rows.to(dtype).T, logits)
        batch.backward(rows.to(dtype), outer.to(dtype))
        judged = stack.logits(rows[None, :, :-1].to(dtype), slice(0, 1))[0]
        found[dtype] = [logits, stack.flat_gradients, judged]
        assert bool(used) is (dtype == torch.float32)
    for exact, own in zip(found[torch.float64], found[torch.float32], strict=True):
        torch.testing.assert_close(own.double(), exact, rtol=1e-4, atol=1e-5)


def test_small_layers_are_left_to_mkl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "has_quicker_onednn", lambda: True)
    assert not products.takes_onednn(torch.zeros(128, 65), 32)
    assert products.takes_onednn(torch.zeros(512, 513), 256)
    assert not products.takes_onednn(torch.zeros(512, 513, dtype=torch.float64), 256)
    assert not products.takes_onednn(torch.zeros(512, 513, device="meta"), 256)
    monkeypatch.setattr(products, "has_quicker_onednn", lambda: False)
    assert not products.takes_onednn(torch.zeros(512, 513), 256)
