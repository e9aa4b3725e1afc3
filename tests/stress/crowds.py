"""Many experiments: of many visitors at once, one after another for a day, and one that is long."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from pathlib import Path

from core.data import DataSpec
from core.live.frames import next_frame
from core.live.reading import Reading
from core.live.view import View
from core.records import Status
from core.spec import EntrantSpec, ExperimentSpec, NetworkSpec, TrainingSpec
from tests.stress.lab import SHORT, Bench, Ground, Result, family

VISITORS, EACH = 20, 10
RUNS = 2_000
#: So many of them are queued at once.
AT_ONCE = 50
#: More than 5,000,000 steps, each as fast as one can be.
ENDURING = ExperimentSpec(
    data=DataSpec(name="moons", rows=2_000),
    network=NetworkSpec(hidden_sizes=(2,)),
    entrants=(EntrantSpec(loss="mse"),),
    training=TrainingSpec(epochs=10_000, batch_size=3),
)
STEPS = 5_000_000
#: What memory may grow by, as a share: of noise, not of a leak.
_GROWTH = 1.1


def no_visitor_waits_for_all_of_another(ground: Ground) -> Result:
    """Of 200 experiments that 20 visitors queue at once, each visitor's n-th starts before
    anybody's n + 2nd."""
    with ground.bench() as lab:
        keys = {
            lab.store.create(SHORT, owner=f"visitor {visitor}"): visitor
            for visitor in range(VISITORS)
            for _each in range(EACH)
        }
        lab.engine.look()
        trained = sum(lab.reaches(key, Status.FINISHED) for key in keys)
        turns, held = Counter[int](), 0
        for key in sorted(keys, key=lambda key: lab.started(key)):
            fewest = min(turns[visitor] for visitor in range(VISITORS))
            held += turns[keys[key]] - fewest <= 1
            turns[keys[key]] += 1
    return Result(len(keys), min(held, trained))


def _memory(pid: int) -> int:
    """Bytes that a process alone has in memory."""
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    own = ("Private_Clean", "Private_Dirty", "Rss:")
    return 1024 * sum(int(row.split()[1]) for row in rows if row.startswith(own[:2]))


def _grown(lab: Bench) -> dict[str, int]:
    """What could grow: of the service, of this process, and in the temporary folder."""
    host = lab.who().pid
    return {
        "service": _memory(host),
        "server": _memory(os.getpid()),
        "files open": len(os.listdir(f"/proc/{host}/fd")) + len(os.listdir("/proc/self/fd")),
        "processes": len(family(host)),
        "temporary files": sum(
            1 for each in Path(tempfile.gettempdir()).iterdir() if "los" in each.name
        ),
    }


def nothing_grows_over_2000_runs(ground: Ground) -> Result:
    with ground.bench() as lab:
        keys: list[str] = []

        def run(count: int) -> int:
            keys[:] = [lab.store.create(SHORT) for _ in range(count)]
            lab.engine.look()
            return sum(lab.reaches(key, Status.FINISHED) for key in keys)

        held = run(AT_ONCE) + run(AT_ONCE)
        before = _grown(lab)
        for _batch in range(RUNS // AT_ONCE - 2):
            held += run(AT_ONCE)
        after = _grown(lab)
        grew = [name for name in before if after[name] > _GROWTH * before[name] + 1]
    told = ", ".join(f"{name} {before[name]:,} to {after[name]:,}" for name in grew)
    return Result(RUNS, 0 if grew else held, told or "memory, files and processes as before")


def five_million_steps_need_no_more_memory_and_frames_stay_cheap(ground: Ground) -> Result:
    """What they take after a tenth is held against what they take at the end."""
    with ground.bench() as lab:
        begin = time.monotonic()
        key = lab.start_training(ENDURING)
        job = lab.who().jobs[key]
        marks = []
        for steps in (0.1 * STEPS, STEPS):
            lab.wait_for_steps(key, steps, 1_200)
            marks.append((_memory(job), _frame_seconds(lab, key)))
        seconds = time.monotonic() - begin
        lab.stop(key)
    (memory, frame), (late_memory, late_frame) = marks
    is_held = late_memory <= _GROWTH * memory and late_frame <= 2 * frame
    told = (
        f"{STEPS:,} steps in {seconds:.0f} s: {memory / 2**20:.0f} to {late_memory / 2**20:.0f} "
        f"MB, frame {1000 * frame:.1f} to {1000 * late_frame:.1f} ms"
    )
    return Result(1, int(is_held), told)


def _frame_seconds(lab: Bench, key: str) -> float:
    """What a frame takes for one who follows: the least of some, as others use the machine too."""
    reading, view = Reading(lab.store, key), View.parse({"page": "train"})
    frame, least = next_frame(reading.state(), view, None), float("inf")
    for _time in range(15):
        lab.goes_on(key)
        begin = time.perf_counter()
        frame = next_frame(reading.state(), view, frame)
        least = min(least, time.perf_counter() - begin)
    return least
