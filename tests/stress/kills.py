"""Processes that are killed: what trained goes on, what waited is trained, nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from core.records import Status, Wanted
from tests.browser.app import ROOT
from tests.stress.lab import (
    ENDLESS,
    LOADING,
    LONG,
    SHORT,
    SOON,
    Bench,
    Ground,
    Result,
    family,
    fork_server,
    is_gone,
    kill,
)
from tests.waiting import wait_until

#: So many labs at once, where each waits more than it computes.
AT_ONCE = 4

_SERVER = """
import sys, time
from core.engine import Engine
engine = Engine(sys.argv[1])
engine.look()
time.sleep(600)
"""


def a_killed_service_is_replaced_within_2_s(ground: Ground) -> Result:
    """Also the queue is trained, in order, and what trained goes on by itself."""
    with ground.bench() as lab:
        held, slowest = 0, 0.0
        for _try in range(ground.tries):
            running = lab.start_training()
            queued = [lab.start(SHORT) for _ in range(4)]
            host = lab.who().pid
            begin = time.monotonic()
            kill(host)
            is_back = lab.comes(lambda: not lab.engine.is_connected, SOON) and lab.comes(
                lambda: lab.engine.is_connected, SOON
            )
            slowest = max(slowest, took := time.monotonic() - begin)
            trained = all(lab.reaches(key, Status.FINISHED) for key in queued)
            order = [lab.started(key) for key in queued]
            is_in_order = trained and order == sorted(order)
            held += is_back and took <= 2 and is_in_order and lab.goes_on(running)
            lab.stop(running)
    return Result(ground.tries, held, f"slowest {slowest:.2f} s")


def a_killed_fork_server_ends_no_training(ground: Ground) -> Result:
    with ground.bench() as lab:
        held = 0
        running = lab.start_training()
        for _try in range(ground.tries):
            kill(fork_server(lab.who().pid))
            next_one = lab.start(SHORT)
            held += lab.goes_on(running) and lab.reaches(next_one, Status.FINISHED)
            # The fork server comes back with the process that is kept warm.
            wait_until(lambda: _has_fork_server(lab), LOADING, "the fork server")
        lab.stop(running)
    return Result(ground.tries, held)


def _has_fork_server(lab: Bench) -> bool:
    try:
        return bool(fork_server(lab.who().pid))
    except ValueError:
        return False


def a_killed_training_says_so_within_1_s_and_is_resumed_to_the_same_bits(ground: Ground) -> Result:
    with ground.bench() as lab:
        plain = lab.start(LONG)
        assert lab.reaches(plain, Status.FINISHED)
        held, slowest = 0, 0.0
        for number in range(ground.tries):
            key = lab.start_training(LONG)
            share = (number + 1) / (ground.tries + 2)
            lab.wait_for_steps(key, share * LONG.total_steps)
            job = lab.who().jobs.get(key)
            if job is None:
                # It was over before it could be killed.
                held += lab.losses(key) == lab.losses(plain)
                continue
            begin = time.monotonic()
            kill(job)
            is_marked = lab.reaches(key, Status.FAILED, SOON)
            slowest = max(slowest, took := time.monotonic() - begin)
            is_true = "SIGKILL" in str(lab.store.get(key).reason)
            lab.store.resume(key)
            lab.engine.look()
            is_same = lab.reaches(key, Status.FINISHED) and lab.losses(key) == lab.losses(plain)
            held += is_marked and took <= 1 and is_true and is_same
    return Result(ground.tries, held, f"slowest {slowest:.2f} s")


def no_step_older_than_200_ms_is_lost(ground: Ground) -> Result:
    """Each write has all steps until then: what is lost came after the newest one."""
    with ground.bench() as lab:
        held, oldest = 0, 0.0
        for number in range(ground.tries):
            key = lab.start_training()
            job, last, seen_at = lab.who().jobs[key], -1, time.monotonic()
            # Not always at the same moment between two writes.
            end = seen_at + 1 + number * 0.017
            while (now := time.monotonic()) < end:
                if (newest := lab.store.chunks(key, after=last)) and newest[-1].index > last:
                    last, seen_at = newest[-1].index, now
            kill(job)
            oldest = max(oldest, age := now - seen_at)
            lab.reaches(key, Status.FAILED, SOON)
            held += age <= 0.2 and lab.store.chunks(key)[-1].index >= last
    return Result(ground.tries, held, f"the newest was at most {oldest * 1000:.0f} ms old")


def a_training_outlives_a_killed_server_and_leaves_no_orphan(ground: Ground) -> Result:
    def is_kept(_try: int) -> bool:
        with ground.bench() as lab:
            lab.engine.leave()
            key = lab.store.create(LONG)
            command = [sys.executable, "-c", _SERVER, lab.store.url]
            with subprocess.Popen(command, cwd=ROOT) as server:
                lab.wait_for_steps(key, 1)
                host = lab.who().pid
                server.kill()
            return lab.reaches(key, Status.FINISHED) and is_gone(host)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Result(ground.tries, sum(pool.map(is_kept, range(ground.tries))))


def a_new_server_finds_what_trains(ground: Ground) -> Result:
    with ground.bench() as lab:
        key = lab.start_training(ENDLESS)
        host, held = lab.who().pid, 0
        for _try in range(ground.tries):
            command = [sys.executable, "-c", _SERVER, lab.store.url]
            with subprocess.Popen(command, cwd=ROOT) as server:
                wait_until(lambda: len(lab.who().servers) > 1, LOADING, "the server")
                server.kill()
            held += lab.goes_on(key) and lab.who().pid == host
        lab.stop(key)
    return Result(ground.tries, held)


def a_training_that_hangs_can_be_stopped(ground: Ground) -> Result:
    with ground.bench() as lab:
        held, slowest = 0, 0.0
        for _try in range(ground.tries):
            key = lab.start_training()
            job = lab.who().jobs[key]
            os.kill(job, signal.SIGSTOP)
            begin = time.monotonic()
            lab.store.want(key, Wanted.STOPPED)
            lab.engine.look()
            held += lab.reaches(key, Status.STOPPED, SOON) and job not in family(lab.who().pid)
            slowest = max(slowest, time.monotonic() - begin)
    return Result(ground.tries, held, f"slowest {slowest:.2f} s")
