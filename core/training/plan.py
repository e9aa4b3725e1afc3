"""How an experiment is stepped: how many runs together, how many steps at once, on which threads.

All of it follows from the settings and the machine alone, never from the clock, so that the same
settings take the same way.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from core.cores import usable_cores
from core.spec import ExperimentSpec

#: What the runs that are stepped together may take of the cache: parameters, gradients, the
#: optimizer's two averages, activations and their gradients. With more, 60 runs of 64-128-10 took
#: 8 % longer for a step.
_CACHE_BYTES = 6 * 2**20
#: A part's step with this much arithmetic hides what its calls cost. To step more runs together
#: would bring no more, and would leave fewer parts to several threads.
_FLOPS_AT_ONCE = 40_000_000
#: A block of steps, between two looks at the clock, is at most so many steps and this much
#: arithmetic, some 40 ms of one core. Of 64-512-512-512-512-10 the caches hold one run a core: 15
#: runs with batches of 32 got 1.24 times the speed when each took two steps in turn and not one.
_MOST_STEPS = 64
_BLOCK_FLOPS = 4_000_000_000
#: A step's calls take as long as this much arithmetic.
_FLOPS_OF_CALLS = 2_000_000
#: Below this much arithmetic a step a second thread costs more than it brings. Alone, on two cores:
#: 15 runs of 64-512-512-10 got 1.7 times the speed, 15 of 64-128-10 with batches of 32 half of it.
_FLOPS_PER_THREAD = 200_000_000
#: A piece of a single run's batch has at least so many rows and this much arithmetic: below that
#: threads lose by waiting for each other what they gain.
ROWS_OF_A_PIECE = 64
_FLOPS_PER_PIECE = 40_000_000
#: By pieces so many threads are as fast as this share of them. Whole runs side by side can leave
#: threads idle: by two threads 3 runs of 64-128-128-128-128-10 on all rows took 1.24 times as long
#: as by pieces, 15 runs as long.
_BY_PIECES = 0.93
#: Of a network with more parameters no batch is dealt out: each of its operations is long enough to
#: be shared, and to add up the gradients of pieces takes longer than to wake threads.
_PARAMETERS_FOR_PIECES = 2**20
#: Runs with more than this are not stepped side by side: the threads share a cache that does not
#: hold two of them, and 15 runs of 64-512-512-512-512-10 on all rows took longer than in turns.
_BYTES_SIDE_BY_SIDE = 32 * 2**20
#: Of a layer with this many activations of a run, or more, oneDNN's operators are the quicker ones.
#: There and back, GELU took 29 us by oneDNN and 11 by torch for 128 x 32 numbers, 194 and 239 for
#: 512 x 256.
_ACTIVATIONS_FOR_ONEDNN = 2**15
#: To read and write a parameter, its gradient and the optimizer's averages takes as long.
_FLOPS_OF_MEMORY = 200


@dataclass(frozen=True)
class Plan:
    """``parts`` are the slices of the runs that are stepped together, ``steps_at_once`` the steps
    that a block has. ``threads`` step parts side by side, or, one part after another, the
    ``pieces`` that a run's batch is dealt out in; ``threads_within`` share one operation.
    """

    parts: tuple[slice, ...]
    steps_at_once: int
    threads: int
    threads_within: int
    pieces: int = 1

    @classmethod
    def of(cls, spec: ExperimentSpec, device: torch.device) -> Plan:
        if device.type != "cpu":
            return cls((slice(0, spec.run_count),), _steps_at_once(spec), 1, 1)
        parts = tuple(_parts(spec, runs_at_once(spec)))
        threads = thread_count(spec)
        if (pieces := _pieces(spec)) > 1:
            return cls(parts, _steps_at_once(spec), pieces, 1, pieces)
        if len(parts) > 1:
            return cls(parts, _steps_at_once(spec), min(threads, len(parts)), 1)
        return cls(parts, _steps_at_once(spec), 1, threads)


def runs_at_once(spec: ExperimentSpec) -> int:
    """How many runs are stepped together: as many as the cache holds and calls ask for."""
    held = _CACHE_BYTES // _run_bytes(spec)
    asked = -(-_FLOPS_AT_ONCE * spec.run_count // step_flops(spec))
    return max(1, min(held, asked))


def _run_bytes(spec: ExperimentSpec) -> int:
    """What a run's step touches: parameters, gradients, averages, activations, their gradients."""
    activations = 2 * sum(spec.layer_sizes) * spec.training.batch_size
    return 4 * (4 * spec.parameters + activations)


def takes_onednn(spec: ExperimentSpec) -> bool:
    """Whether the CPU's operators are oneDNN's where it has some, which costs small ones much.

    The number of runs has no say: alone and together they get the same bits.
    """
    widest = max(spec.layer_sizes[1:])
    return widest * spec.training.batch_size >= _ACTIVATIONS_FOR_ONEDNN


def _parts(spec: ExperimentSpec, at_once: int) -> Iterator[slice]:
    """Slices of at most so many runs: of whole entrants, or of equal shares of one."""
    seeds = len(spec.seeds)
    if at_once >= seeds:
        length = at_once // seeds * seeds
        for start in range(0, spec.run_count, length):
            yield slice(start, min(start + length, spec.run_count))
        return
    count = -(-seeds // at_once)
    edges = [seeds * at // count for at in range(count + 1)]
    for first in range(0, spec.run_count, seeds):
        for start, stop in itertools.pairwise(edges):
            yield slice(first + start, first + stop)


def _pieces(spec: ExperimentSpec) -> int:
    """How many threads the batch of each run is dealt out to, one run after another."""
    runs = spec.run_count
    if runs > 1 and runs_at_once(spec) > 1:
        return 1
    if spec.parameters > _PARAMETERS_FOR_PIECES or not _is_by_example(spec):
        return 1
    flops = step_flops(spec) // runs
    threads = _configured() or min(usable_cores(), flops // _FLOPS_PER_PIECE)
    pieces = max(1, min(threads, spec.training.batch_size // ROWS_OF_A_PIECE))
    whole_at_once = runs / math.ceil(runs / thread_count(spec))
    is_large = _run_bytes(spec) > _BYTES_SIDE_BY_SIDE
    return pieces if is_large or pieces * _BY_PIECES > whole_at_once else 1


def _is_by_example(spec: ExperimentSpec) -> bool:
    """Whether each example's gradient can be had without the others of its batch."""
    task = spec.dataset.task
    losses = [loss for entrant in spec.lineup for loss in entrant.losses]
    return all(loss.formulas[task].is_by_example for loss in losses)


def _steps_at_once(spec: ExperimentSpec) -> int:
    flops = step_flops(spec) + _FLOPS_OF_CALLS
    return max(1, min(_MOST_STEPS, thread_count(spec) * _BLOCK_FLOPS // flops))


def step_flops(spec: ExperimentSpec) -> int:
    """A step of all runs: two operations a weight forward, four backward."""
    return 6 * spec.parameters * spec.training.batch_size * spec.run_count


def thread_count(spec: ExperimentSpec) -> int:
    """Threads for one experiment: ``LOSSLAB_THREADS``, or what its steps can keep busy."""
    if configured := _configured():
        return configured
    work = step_flops(spec) + _FLOPS_OF_MEMORY * spec.parameters * spec.run_count
    return max(1, min(usable_cores(), work // _FLOPS_PER_THREAD))


def _configured() -> int:
    """``LOSSLAB_THREADS``; 0 where it says nothing that is a number of threads."""
    configured = os.environ.get("LOSSLAB_THREADS", "")
    return int(configured) if configured.isdigit() else 0
