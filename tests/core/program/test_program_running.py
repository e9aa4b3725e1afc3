"""Programs in processes of their own: what they print, how they end, and how many there are."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from core.errors import LabError
from core.program import Part, Program
from core.program.running import MOST_AT_ONCE, Programs, Running, RunStatus, UnknownRun
from tests.waiting import wait_until

PRINTS_ONE = 'print("Epoch [1/2], Loss: 0.5")\n'
FOREVER = PRINTS_ONE + "while True:\n    pass\n"


def program(code: str) -> Program:
    """One that needs no torch, so that it is there at once."""
    return Program("A test.", (Part("All", "It is a test.", code),), 2, 1)


@pytest.fixture
def programs() -> Iterator[Programs]:
    made = Programs()
    yield made
    made.close()


def ended(programs: Programs, key: str) -> Running:
    wait_until(lambda: programs.get(key).status.is_finished, 60, "the end of the program")
    return programs.get(key)


def until_it_prints(programs: Programs, key: str) -> None:
    wait_until(lambda: programs.get(key).printed, 60, "a printed line")


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def process_of(programs: Programs, key: str) -> int:
    return programs._processes[key]._process.pid


def test_it_has_what_was_printed(programs: Programs) -> None:
    key = programs.start(program(PRINTS_ONE + 'print("Epoch [2/2], Loss: 2.5e-07")'))
    found = ended(programs, key)
    assert (found.status, found.printed, found.reason) == (
        RunStatus.FINISHED,
        (0.5, 2.5e-07),
        None,
    )


def test_losses_that_are_not_finite_are_kept(programs: Programs) -> None:
    found = ended(programs, programs.start(program('print("Epoch [1/2], Loss: inf")')))
    assert found.printed == (float("inf"),)


def test_it_hears_nothing_of_the_server(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOSSLAB_STORE", "postgresql://user:password@host/lab")
    code = (
        "import os, sys\n"
        "found = [name for name in os.environ if 'LAB' in name or 'PYTHON' in name]\n"
        "project = [place for place in sys.path if os.path.exists(place + '/core/lab.py')]\n"
        'print(f"Epoch [1/2], Loss: {len(found) + len(project)}")'
    )
    assert ended(programs, programs.start(program(code))).printed == (0.0,)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "raise ValueError('all elements of input should be between 0 and 1')",
            "The program ended with an error: ValueError: all elements of input should be "
            "between 0 and 1",
        ),
        (
            "import os\nos._exit(3)",
            "The program ended with an error: exit code 3, without a word",
        ),
    ],
)
def test_an_error_is_a_sentence_and_what_was_printed_stays(
    programs: Programs, code: str, reason: str
) -> None:
    found = ended(programs, programs.start(program(PRINTS_ONE + code)))
    assert (found.status, found.printed, found.reason) == (RunStatus.FAILED, (0.5,), reason)


def test_stopping_ends_the_process(programs: Programs) -> None:
    key = programs.start(program(FOREVER))
    until_it_prints(programs, key)
    process = process_of(programs, key)
    programs.stop(key)
    assert programs.get(key).status is RunStatus.STOPPED
    assert programs.get(key).printed == (0.5,)
    wait_until(lambda: not is_alive(process), 15, "the end of the process")


def test_stopping_what_has_ended_changes_nothing(programs: Programs) -> None:
    key = programs.start(program(PRINTS_ONE))
    before = ended(programs, key)
    programs.stop(key)
    assert programs.get(key) == before


def test_only_so_many_run_at_once(programs: Programs) -> None:
    keys = [programs.start(program(FOREVER)) for _ in range(MOST_AT_ONCE)]
    with pytest.raises(LabError, match="2 programs are running on this server; allowed are 2"):
        programs.start(program(PRINTS_ONE))
    programs.stop(keys[0])
    assert ended(programs, programs.start(program(PRINTS_ONE))).status is RunStatus.FINISHED


def test_one_that_takes_too_long_is_ended_with_a_sentence() -> None:
    programs = Programs(seconds=0.2)
    found = ended(programs, programs.start(program(FOREVER)))
    assert found.status is RunStatus.STOPPED
    assert found.reason is not None
    assert found.reason.startswith("It ran for 0.2 seconds, the longest")
    programs.close()


def test_closing_ends_all_and_begins_none() -> None:
    programs = Programs()
    keys = [programs.start(program(FOREVER)) for _ in range(MOST_AT_ONCE)]
    processes = [process_of(programs, key) for key in keys]
    programs.close()
    assert [each for each in processes if is_alive(each)] == []
    with pytest.raises(LabError, match="about to end"):
        programs.start(program(PRINTS_ONE))


def test_what_is_not_known_is_a_sentence(programs: Programs) -> None:
    with pytest.raises(UnknownRun, match="run it again"):
        programs.get("0123456789abcdef")
