"""A store that is locked, or shared by two servers whose clocks differ."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from core import place
from core.engine.host import MAX_PROCESSES
from core.records import Status, Wanted
from core.store import Store
from core.store.database import BUSY_SECONDS, ENVIRONMENT_VARIABLE
from tests.browser.app import ROOT
from tests.stress.lab import SHORT, Ground, Result
from tests.waiting import wait_until

#: Longer than a write waits by itself; the last one as long as a backup may take.
SECONDS = (*[BUSY_SECONDS + 1.0] * 3, 30.0)

_LATE_HOST = """
import time
now = time.time
time.time = lambda: now() + float({shift!r})
from core.engine.host import main
main()
"""


def training_waits_for_a_locked_store_and_loses_nothing(ground: Ground) -> Result:
    with ground.bench() as lab:
        held = 0
        for seconds in SECONDS:
            key = lab.start_training()
            with ground.locked(lab.store.url):
                threading.Event().wait(seconds)
            went_on = lab.goes_on(key)
            chunks = lab.store.chunks(key)
            numbers = [each.first_step + at for each in chunks for at in range(len(each.losses))]
            is_whole = numbers == list(range(1, len(numbers) + 1))
            held += went_on and is_whole and lab.store.get(key).status is Status.RUNNING
            lab.stop(key)
    return Result(len(SECONDS), held, f"locked for {SECONDS[0]:g} to {SECONDS[-1]:g} s")


def two_services_whose_clocks_differ_leave_each_other_alone(ground: Ground) -> Result:
    """One is 20 s ahead and one 20 s behind, each looking after the store for a while."""
    held = 0
    with ground.bench() as lab:
        running = lab.start_training()
        for shift in (20.0, -20.0):
            environment = os.environ | {
                place.ENVIRONMENT_VARIABLE: f"elsewhere{shift:+g}",
                ENVIRONMENT_VARIABLE: lab.store.url,
            }
            command = [sys.executable, "-c", _LATE_HOST.format(shift=shift)]
            with subprocess.Popen(command, cwd=ROOT, env=environment) as other:
                # Longer than what it takes to call an experiment abandoned.
                threading.Event().wait(17.0)
                other.terminate()
                other.wait(30)
            status = Store(lab.store.url).get(running).status
            held += status is Status.RUNNING and lab.goes_on(running)
        lab.stop(running)
    return Result(2, held, "17 s each")


def a_paused_training_gives_its_process_to_others(ground: Ground) -> Result:
    count = MAX_PROCESSES + 8
    with ground.bench() as lab:
        plain = lab.start(SHORT)
        assert lab.reaches(plain, Status.FINISHED)
        keys = [lab.store.create(SHORT, pause_after_epoch=1) for _ in range(count)]
        lab.engine.look()
        paused = sum(lab.reaches(key, Status.PAUSED) for key in keys)
        for key in keys:
            lab.store.want(key, Wanted.RUNNING)
        lab.engine.look()
        resumed = sum(
            lab.reaches(key, Status.FINISHED) and lab.losses(key) == lab.losses(plain)
            for key in keys
        )
        wait_until(lambda: not lab.who().jobs, 30, "no process to be left")
    return Result(count, min(paused, resumed))
