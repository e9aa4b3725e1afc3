"""Networks of every size: is there one that the engine trains more slowly than a plain loop?

Hidden size, depth, batch and the number of runs make a grid. In each cell the engine is held
against the plain PyTorch loop, and a stack of fifteen runs against single runs of the engine one
after another. The lowest cell counts. What the lab refuses as too large is left out.

The plain loop has a process in which torch picks its threads by itself; the engine has processes
as its jobs have them. Each cell is opened once on every side, which then goes on in turns for a
fraction of a second. The judging of epochs is in our time where an epoch takes a second
at most; what is kept of the first moments for a replay, which is paid once, is not. Of plain
loops and of single runs, one for each loss is timed: seeds take equally long.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from statistics import fmean

from core.errors import SpecError
from tests.benchmarks.process import ENGINE, Side
from tests.benchmarks.rounds import Rounds, in_turns, ratio
from tests.benchmarks.sides import RACE, SINGLE, Task, Training, Window, plain_steps

HIDDEN, DEPTHS = (8, 32, 128, 512, 2048), (1, 2, 3, 4)
TRAINING_ROWS = SINGLE.spec(1).data.train_rows
BATCHES = (8, 32, 256, TRAINING_ROWS)
#: More than are timed of any cell, and few enough that the lab doesn't refuse their length.
EPOCHS, EPOCHS_OF_LARGE, LARGE = 10_000, 1000, 512

TIMED = Window(least=0.25, most=1.0)
WARM_UP = Window(least=0.05, most=0.05, steps=1)
ROUNDS, MORE_ROUNDS = 3, 5
#: A cell with less than this is looked at again.
IN_DOUBT = 1.1
SHOWN = 5

Timer = Callable[[Task, Window], float]


@dataclass(frozen=True)
class Cell:
    """By how much the engine is faster with networks of one size."""

    task: Task
    ratio: float

    def __str__(self) -> str:
        layers = "-".join(str(width) for width in self.task.hidden)
        batch = "full" if self.task.batch == TRAINING_ROWS else self.task.batch
        return f"{self.ratio:.2f} with hidden {layers}, batch {batch}, runs {self.task.runs}"


def measure() -> dict[str, float]:
    """The lowest of the cells' medians: their time for a step of a run divided by ours."""
    against: dict[str, list[Cell]] = {"plain": [], "singles": []}
    with ExitStack() as stack:
        plain, ours, single = (stack.enter_context(Side(each)) for each in ({}, ENGINE, ENGINE))
        for task in tasks():
            timers: dict[str, tuple[Side, Timer]] = {"plain": (plain, plain_time)}
            if task.runs == 1:
                timers["ours"] = single, singles_time
            else:
                timers["ours"] = ours, stack_time
                timers["singles"] = single, singles_time
            rounds = _rounds(task, timers)
            for rival in timers.keys() & against.keys():
                against[rival].append(Cell(task, ratio(rounds, rival)))
    return {
        "worst_vs_plain": _lowest("plain loops", against["plain"]),
        "worst_stack_vs_singles": _lowest("single runs one after another", against["singles"]),
    }


def tasks() -> Iterator[Task]:
    """The cells that the lab allows, and a line for each hidden size."""
    for width in HIDDEN:
        print(f"The grid's networks of hidden size {width:,}", flush=True)
        for depth, batch, entry in itertools.product(DEPTHS, BATCHES, (SINGLE, RACE)):
            task = Task(entry.losses, entry.seeds, hidden=(width,) * depth, batch=batch)
            try:
                task.spec(_epochs(task))
            except SpecError:
                continue
            yield task


def _epochs(task: Task) -> int:
    return EPOCHS if task.hidden[0] < LARGE else EPOCHS_OF_LARGE


def _rounds(task: Task, timers: Mapping[str, tuple[Side, Timer]]) -> Rounds:
    """Of one cell: more where it is in doubt whether the engine is the faster side."""
    for side, timer in timers.values():
        side.call(timer, task, WARM_UP)
    timed = {name: partial(side.call, timer, task, TIMED) for name, (side, timer) in timers.items()}
    rounds = in_turns(timed, ROUNDS)
    if min(ratio(rounds, name) for name in timers if name != "ours") < IN_DOUBT:
        rounds += in_turns(timed, MORE_ROUNDS)
    return rounds


def _lowest(rival: str, cells: Sequence[Cell]) -> float:
    lowest = sorted(cells, key=lambda cell: cell.ratio)[:SHOWN]
    print(f"Of {len(cells)} cells, these are the lowest against {rival}:")
    print("".join(f"  {cell}\n" for cell in lowest), end="", flush=True)
    return lowest[0].ratio


# ------------------------------------------------------------------ in the sides' processes


def plain_time(task: Task, window: Window) -> float:
    """Seconds for a step of a run, where each loss has as many steps."""
    part = window.part(len(task.losses))
    return fmean(_plain_time(steps, part) for steps in _loops(task))


def _plain_time(steps: Iterator[float], window: Window) -> float:
    count, seconds, begin = 0, 0.0, time.perf_counter()
    while count < window.steps or seconds < window.least:
        next(steps)
        count += 1
        seconds = time.perf_counter() - begin
    return seconds / count


def stack_time(task: Task, window: Window) -> float:
    """Seconds for a step of a run of the stack of all of them."""
    return _stack(task).seconds_per_step(window) / task.runs


def singles_time(task: Task, window: Window) -> float:
    """Seconds for a step of a run that trains alone, where each loss has as many steps."""
    part = window.part(len(task.losses))
    return fmean(each.seconds_per_step(part) for each in _singles(task))


@lru_cache(maxsize=1)
def _loops(task: Task) -> list[Iterator[float]]:
    return [plain_steps(task, loss, task.seeds[0]) for loss in task.losses]


@lru_cache(maxsize=1)
def _stack(task: Task) -> Training:
    return Training(task.spec(_epochs(task)), kept_seconds=0)


@lru_cache(maxsize=1)
def _singles(task: Task) -> list[Training]:
    alone = [Task((loss,), task.seeds[:1], task.hidden, task.batch) for loss in task.losses]
    return [Training(each.spec(_epochs(each)), kept_seconds=0) for each in alone]


if __name__ == "__main__":
    print(measure())
