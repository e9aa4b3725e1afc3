"""``python -m tests.stress``: every promise of what holds under faults and load, put to the test.

Prints a table of promises, how often each was tried and how often it held. Where some are named,
as in ``python -m tests.stress kills locks``, only these parts are tried. All of it happens on this
machine, in temporary folders. Where PostgreSQL is installed, kills and locks are tried on it too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable

from tests.core.store import postgres
from tests.stress import crowds, kills, locks
from tests.stress.lab import FILES, Ground, Result, on_postgresql

Promise = Callable[[Ground], Result]

PARTS: dict[str, tuple[Promise, ...]] = {
    "kills": (
        kills.a_killed_service_is_replaced_within_2_s,
        kills.a_killed_fork_server_ends_no_training,
        kills.a_killed_training_says_so_within_1_s_and_is_resumed_to_the_same_bits,
        kills.no_step_older_than_200_ms_is_lost,
        kills.a_training_outlives_a_killed_server_and_leaves_no_orphan,
        kills.a_new_server_finds_what_trains,
        kills.a_training_that_hangs_can_be_stopped,
    ),
    "locks": (
        locks.training_waits_for_a_locked_store_and_loses_nothing,
        locks.two_services_whose_clocks_differ_leave_each_other_alone,
        locks.a_paused_training_gives_its_process_to_others,
    ),
    "crowds": (
        crowds.no_visitor_waits_for_all_of_another,
        crowds.nothing_grows_over_2000_runs,
        crowds.five_million_steps_need_no_more_memory_and_frames_stay_cheap,
    ),
}


#: Of what PostgreSQL could change.
_ON_POSTGRESQL = ("kills", "locks")


def main() -> int:
    names = (*PARTS, "postgresql")
    parser = argparse.ArgumentParser(prog="python -m tests.stress")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(names)}; all")
    parts = parser.parse_args().parts or names
    if unknown := sorted(set(parts) - set(names)):
        parser.error(f"There is no part {', '.join(unknown)}; there are {', '.join(names)}.")
    _log_to_a_file()
    print(f"{'promise':<76}{'tried':>7}{'held':>7}", flush=True)
    held = [_put_to_the_test(each, FILES) for part in parts for each in PARTS.get(part, ())]
    if "postgresql" in parts:
        held += _on_postgresql()
    return 0 if all(held) else 1


def _on_postgresql() -> list[bool]:
    programs = postgres.binaries()
    if programs is None or not shutil.which("setpriv"):
        print("PostgreSQL isn't installed here; as root `make test` installs Debian's.")
        return []
    print("On PostgreSQL:", flush=True)
    with postgres.server(programs) as url:
        ground = on_postgresql(url)
        return [_put_to_the_test(each, ground) for part in _ON_POSTGRESQL for each in PARTS[part]]


def _log_to_a_file() -> None:
    """What services and jobs log goes there, as it would stand between the lines of the table."""
    with tempfile.NamedTemporaryFile("w", suffix=".log", delete=False) as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    print(f"What is logged goes to {log.name}.", flush=True)


def _put_to_the_test(promise: Promise, ground: Ground) -> bool:
    words, begin = promise.__name__.replace("_", " "), time.monotonic()
    try:
        result = promise(ground)
    except Exception:
        print(traceback.format_exc(), flush=True)
        result = Result(1, 0, "it could not be tried")
    seconds = time.monotonic() - begin
    is_held = result.held == result.tried
    print(
        f"{words:<76}{result.tried:>7}{result.held:>7}  {'' if is_held else 'BROKEN'} "
        f"{result.told} ({seconds:.0f} s)",
        flush=True,
    )
    return is_held


if __name__ == "__main__":
    sys.exit(main())
