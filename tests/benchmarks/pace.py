"""Whether a long training keeps its pace: its last steps beside the first ones of a new one.

A training of 200,000 steps goes through nine tenths. Then its last tenth and the first tenth of
another one like it are trained in turns, piece by piece, so that both meet the same machine:
minutes after, it may be another one.
"""

from __future__ import annotations

import math

from tests.benchmarks.rounds import in_turns, one_thread, ratio
from tests.benchmarks.sides import RACE, RIVALS, Task, Training, Window

STEPS = 200_000
#: A few more than that are trained, as pieces go on to the end of an epoch.
EPOCHS = 4500
PIECES = 10
TENTH = Window(least=0, most=math.inf, steps=STEPS // 10)
PIECE = Window(least=0, most=math.inf, steps=STEPS // 10 // PIECES)
TASKS = {"pace_kept_3": Task(RIVALS), "pace_kept_15": RACE}


def measure() -> dict[str, float]:
    """Steps a second of the last tenth by those of the first, medians; the lower one counts."""
    with one_thread():
        kept = {name: _kept(task) for name, task in TASKS.items()}
    return {"pace_kept": min(kept.values()), **kept}


def _kept(task: Task) -> float:
    long = Training(task.spec(EPOCHS))
    for tenth in range(1, 10):
        seconds = long.seconds_per_step(TENTH)
        steps = f"{tenth * STEPS // 10:,} of {STEPS:,} steps"
        print(f"Pace of {task.runs} runs: {steps}, {1 / seconds:,.0f} a second", flush=True)
    new = Training(task.spec(EPOCHS))
    rounds = in_turns(
        {
            "first": lambda: new.seconds_per_step(PIECE),
            "last": lambda: long.seconds_per_step(PIECE),
        },
        PIECES,
    )
    return ratio(rounds, "first", to="last")


if __name__ == "__main__":
    print(measure())
