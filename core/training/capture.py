"""Forward and backward of a step as one CUDA graph: all of its kernels by a single launch.

A step of a small network has some thirty kernels that are over in a few microseconds each, about
what it takes to launch one. Only CUDA has such graphs; elsewhere steps are taken call by call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

_log = logging.getLogger(__name__)

#: Differentiates the batch in these tensors: the examples, and each share's targets.
Differentiate = Callable[[Sequence[Tensor]], None]


class Captured:
    """``differentiate`` on tensors of its own, into which those of each batch are copied."""

    def __init__(self, differentiate: Differentiate, like: Sequence[Tensor]) -> None:
        self._own = [each.clone() for each in like]
        # What is set up at the first use of an operation can't be captured, so it is used before.
        stream, current = torch.cuda.Stream(), torch.cuda.current_stream()
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            differentiate(self._own)
        current.wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            differentiate(self._own)

    def __call__(self, tensors: Sequence[Tensor]) -> None:
        for own, given in zip(self._own, tensors, strict=True):
            own.copy_(given)
        self._graph.replay()


def captured(differentiate: Differentiate, like: Sequence[Tensor]) -> Differentiate:
    """The same as a graph; as it is where a loss does what can't be captured, such as to decide
    something by a number that it has worked out."""
    try:
        return Captured(differentiate, like)
    except RuntimeError as error:
        _log.info("A step is taken call by call, as it can't be captured: %s", error)
        return differentiate
