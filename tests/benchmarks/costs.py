"""What it costs a training that the engine's job obeys and records it in a store.

The whole life of a job, here in this process and with SQLite in a temporary file, is held
against the same training with nobody who listens, in turns.
"""

from __future__ import annotations

import tempfile
import time
from multiprocessing import Pipe

from core.engine import job
from core.records import Status
from core.spec import ExperimentSpec
from core.store import Store
from core.training import train
from tests.benchmarks.rounds import in_turns, one_thread, ratio
from tests.benchmarks.sides import RACE, SINGLE

ROUNDS = 7
#: Five seconds of training or more for each, as to begin and to end costs a job some 30 ms.
TASKS = {"engine_share_1": (SINGLE, 3000), "engine_share_15": (RACE, 300)}


def measure() -> dict[str, float]:
    """The part of its steps a second that a training loses, medians; the higher one counts."""
    with tempfile.TemporaryDirectory() as folder, one_thread():
        store = Store(f"sqlite:///{folder}/lab.db")
        shares = {name: _share(store, task.spec(count)) for name, (task, count) in TASKS.items()}
    return {"engine_share": max(shares.values()), **shares}


def _share(store: Store, spec: ExperimentSpec) -> float:
    sides = {"alone": lambda: _alone(spec), "job": lambda: _in_a_job(store, spec)}
    return 1 - ratio(in_turns(sides, ROUNDS), "alone", to="job")


def _alone(spec: ExperimentSpec) -> float:
    begin = time.perf_counter()
    steps = sum(len(report.losses) for report in train(spec))
    seconds = time.perf_counter() - begin
    assert steps == spec.total_steps
    return seconds


def _in_a_job(store: Store, spec: ExperimentSpec) -> float:
    key = store.create(spec)
    host, line = Pipe()
    with host, line:
        begin = time.perf_counter()
        job.run(store, key, line)
        seconds = time.perf_counter() - begin
    experiment = store.get(key)
    assert experiment.status is Status.FINISHED, experiment.reason
    assert experiment.step == spec.total_steps
    return seconds


if __name__ == "__main__":
    print(measure())
