"""Products of matrices, and on the CPU by the quicker one of PyTorch's two libraries.

PyTorch multiplies by MKL, which uses half of the width of an AMD processor with AVX-512. Its oneDNN
uses all of it, and takes longer to begin: by one thread of an EPYC of family 26, 512 x 512 by 512 x
1438 took 6.9 ms by MKL and 3.2 by oneDNN, 128 x 65 by 65 x 32 took 6 us and 13.
"""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

#: The arithmetic that oneDNN is begun for: two operations a weight and column.
_LEAST_FLOPS = 8_000_000
#: So many times the columns are to be as many as the rows that are copied for them, or more.
_COLUMNS_FOR_A_COPY = 4


@cache
def has_quicker_onednn() -> bool:
    """Whether oneDNN multiplies large matrices faster than MKL on this machine."""
    is_there = hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return is_there and torch.backends.cpu.get_cpu_capability() == "AVX512" and _is_amd()


def _is_amd() -> bool:
    try:
        described = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        described = platform.processor()
    return "AuthenticAMD" in described


def takes_onednn(weight: Tensor, columns: int) -> bool:
    """Whether products of a weight ``[out, in]`` with so many columns are to be oneDNN's."""
    return (
        2 * weight.numel() * columns >= _LEAST_FLOPS
        and weight.dtype == torch.float32
        and weight.device.type == "cpu"
        and has_quicker_onednn()
    )


def product(a: Tensor, b: Tensor) -> Tensor:
    """a b by oneDNN."""
    # It takes what b is transposed. Where neither lies in one piece it takes many times as long.
    dense = b if b.is_contiguous() or b.T.is_contiguous() else b.contiguous()
    values: Tensor = torch.ops.mkldnn._linear_pointwise(a, dense.T, None, "none", [], "")
    return values


def mm(a: Tensor, b: Tensor, *, out: Tensor) -> None:
    """``torch.mm`` by oneDNN.

    It copies an a that does not lie in one piece, which with few columns takes longer than it
    saves: 2048 x 2048 by 2048 x 32 took 3.5 ms by MKL and 10 by oneDNN.
    """
    if a.is_contiguous() or _COLUMNS_FOR_A_COPY * b.shape[1] >= a.shape[0]:
        out.copy_(product(a, b))
    else:
        torch.mm(a, b, out=out)


def addmm(_add: Tensor, a: Tensor, b: Tensor, *, beta: float, alpha: float, out: Tensor) -> None:
    """``torch.addmm`` by oneDNN, with nothing to be added: beta is 0."""
    assert beta == 0
    torch.mul(product(a, b), alpha, out=out)


def bmm_by_example(a: Tensor, b: Tensor, *, out: Tensor) -> None:
    """``torch.bmm`` where columns lie in one piece each, in b and in what is filled."""
    torch.bmm(b.transpose(1, 2), a.transpose(1, 2), out=out.transpose(1, 2))
