"""What a second core brings to a large training, and whether two trainings leave each other room.

Each side is a process as the engine starts its own. A fair half of the machine is what one
training gets alone with half of the cores as its threads: one thread on two cores.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache

from tests.benchmarks.process import ENGINE, Side, cores
from tests.benchmarks.rounds import THREADS_VARIABLE, in_turns, ratio
from tests.benchmarks.sides import RACE, Training, Window

TASK = replace(RACE, hidden=(512,), batch=256)
#: More than are timed.
EPOCHS = 10_000
TIMED, WARM_UP = Window(least=2.0, most=2.5), Window(least=0.3, most=0.5)


def measure() -> dict[str, float]:
    """Steps a second with our threads by those with one; of two trainings at once, the slower
    one's steps a second by those of a fair half. Medians of paired ratios."""
    if cores() < 2:
        print("There is one core: race_512_vs_one_thread and two_trainings are left out.")
        return {}
    half = cores() // 2
    with ExitStack() as stack:
        here, beside, one, fair = (
            stack.enter_context(Side(ENGINE | threads))
            for threads in ({}, {}, {THREADS_VARIABLE: "1"}, {THREADS_VARIABLE: str(half)})
        )
        for side in (here, beside, one, fair):
            side.call(_time, WARM_UP)
        alone = in_turns(
            {"ours": lambda: here.call(_time, TIMED), "one": lambda: one.call(_time, TIMED)}
        )
        shared = in_turns(
            {
                "slower": lambda: _slower(here, beside),
                "fair": lambda: fair.call(_time, TIMED),
            }
        )
    return {
        "race_512_vs_one_thread": ratio(alone, "one"),
        "two_trainings": ratio(shared, "fair", to="slower"),
    }


def _slower(*sides: Side) -> float:
    """Seconds for a step of the slowest of these that train at the same time."""
    for side in sides:
        side.begin(_time, TIMED)
    return max(float(side.result()) for side in sides)


# ------------------------------------------------------------------ in the sides' processes


def _time(window: Window) -> float:
    """Seconds for a step of the training, which goes on from where it was."""
    return _training().seconds_per_step(window)


@lru_cache(maxsize=1)
def _training() -> Training:
    return Training(TASK.spec(EPOCHS))


if __name__ == "__main__":
    print(measure())
