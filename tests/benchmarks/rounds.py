"""Sides that are measured in turns, so that all of them meet the same machine."""

from __future__ import annotations

import itertools
import os
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

import torch
from threadpoolctl import threadpool_limits

ROUNDS = 5
#: How many threads a training of ours has, whatever its size; see the README.
THREADS_VARIABLE = "LOSSLAB_THREADS"

Rounds = list[dict[str, float]]


def in_turns(sides: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> Rounds:
    """The seconds of each side in each round; every other round goes backwards."""
    orders = itertools.cycle([list(sides), list(sides)[::-1]])
    return [{side: sides[side]() for side in next(orders)} for _ in range(rounds)]


def ratio(rounds: Rounds, side: str, to: str = "ours") -> float:
    """The seconds of a side by those of another one of the same round: the median."""
    return statistics.median(seconds[side] / seconds[to] for seconds in rounds)


@contextmanager
def one_thread() -> Iterator[None]:
    """All that computes in this process does so with one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with patch.dict(os.environ, {THREADS_VARIABLE: "1"}), threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)
