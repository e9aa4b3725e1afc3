"""Programs that run, each in a process of its own, and what they have printed so far."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Lock, Thread, Timer

from core.errors import LabError
from core.program.parts import Program

#: Programs that run at once, and how long each may.
MOST_AT_ONCE = 2
MOST_SECONDS = 300.0
#: Programs that have ended are kept to be looked at, so many of them.
_MOST_KEPT = 32
_LINE = re.compile(r"Epoch \[\d+/\d+\], Loss: (\S+)")
#: Of what a program says when it fails, the end is kept.
_MOST_TROUBLE = 20_000
#: The file of what it says when it fails.
_TROUBLE = "trouble"
#: What the process hears of this one's environment, beside that it has one thread.
_KEPT_VARIABLES = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class RunStatus(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will be printed."""
        return self is not RunStatus.RUNNING


@dataclass(frozen=True)
class Running:
    """A program as it stands: the losses that it printed, one an epoch, and how it ended.

    ``reason`` is a sentence for a status that needs one. ``owner`` runs it; empty where that is
    nobody in particular.
    """

    program: Program
    status: RunStatus
    printed: tuple[float, ...] = ()
    reason: str | None = None
    owner: str = ""


class UnknownRun(LabError):
    """No program of that id runs, or has run lately."""


class Programs:
    """Runs programs; threads may share it. Closing it ends all of them."""

    def __init__(self, seconds: float = MOST_SECONDS) -> None:
        self._seconds = seconds
        self._lock = Lock()
        self._processes: dict[str, _Process] = {}
        self._is_closed = False

    def start(self, program: Program, owner: str = "", most_of_owner: int = MOST_AT_ONCE) -> str:
        """Run the program; returns an id. ``LabError`` while as many run as may."""
        with self._lock:
            if self._is_closed:
                raise LabError("The server is about to end.")
            every = self._processes.values()
            owners = [each.owner for each in every if not each.status.is_finished]
            if len(owners) >= MOST_AT_ONCE:
                raise LabError(
                    f"{len(owners)} programs are running on this server; allowed are "
                    f"{MOST_AT_ONCE} at once. Run it again when one of them has ended."
                )
            if (own := owners.count(owner)) >= most_of_owner:
                raise LabError(
                    f"Programs of yours that are running: {own}; allowed are {most_of_owner} a "
                    "visitor. Run it again when it has ended."
                )
            self._forget_the_oldest()
            key = secrets.token_hex(8)
            self._processes[key] = _Process(program, self._seconds, owner)
            return key

    def get(self, key: str) -> Running:
        """The program as it stands; ``UnknownRun`` for one that is not known."""
        with self._lock:
            found = self._processes.get(key)
        if found is None:
            raise UnknownRun("This program is not known any more; run it again.")
        return found.now

    def stop(self, key: str) -> None:
        """End a program; one that has ended stays as it is."""
        with self._lock:
            found = self._processes.get(key)
        if found is not None:
            found.end(RunStatus.STOPPED, None)

    def close(self) -> None:
        """End every program, and begin no more."""
        with self._lock:
            self._is_closed = True
            every = list(self._processes.values())
        for each in every:
            each.end(RunStatus.STOPPED, "The server ended.")
            each.join()

    def _forget_the_oldest(self) -> None:
        ended = [key for key, each in self._processes.items() if each.status.is_finished]
        for key in ended[: max(0, len(ended) - _MOST_KEPT + 1)]:
            del self._processes[key]


class _Process:
    """One program in its process, and the thread that reads what it prints."""

    def __init__(self, program: Program, seconds: float, owner: str) -> None:
        self.status = RunStatus.RUNNING
        self.owner = owner
        self._program = program
        self._seconds = seconds
        self._lock = Lock()
        self._printed: list[float] = []
        self._reason: str | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="loss-lab-program-")
        try:
            self._process = self._spawn(Path(self._folder.name))
        except OSError as error:
            self._folder.cleanup()
            raise LabError(f"The program can't be started ({error.strerror}).") from error
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def now(self) -> Running:
        with self._lock:
            printed = tuple(self._printed)
            return Running(self._program, self.status, printed, self._reason, self.owner)

    def end(self, status: RunStatus, reason: str | None) -> None:
        """Kill the process, unless it has ended: the first end counts."""
        if self._settle(status, reason):
            self._process.kill()

    def join(self) -> None:
        self._reader.join()

    def _settle(self, status: RunStatus, reason: str | None) -> bool:
        """Note how it ended; ``False`` if that is known already."""
        with self._lock:
            if self.status.is_finished:
                return False
            self.status, self._reason = status, reason
            return True

    def _spawn(self, folder: Path) -> subprocess.Popen[str]:
        file = folder / "program.py"
        file.write_text(self._program.code, encoding="utf-8")
        with (folder / _TROUBLE).open("wb") as trouble:
            process = subprocess.Popen(
                # Isolated: no variable, folder or package of this server reaches it.
                [sys.executable, "-I", "-u", "-X", "utf8", str(file)],
                cwd=folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=trouble,
                text=True,
                # Ctrl-C in the terminal is for the server alone, which then ends the program.
                start_new_session=True,
            )
        # Should this server be killed, the program ends by itself.
        with contextlib.suppress(AttributeError, OSError):
            most = int(self._seconds) + 1
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (most, most))
        return process

    def _read(self) -> None:
        late = Timer(self._seconds, self.end, (RunStatus.STOPPED, _too_long(self._seconds)))
        late.daemon = True
        late.start()
        with self._process, self._folder as folder:
            assert self._process.stdout is not None
            for line in self._process.stdout:
                if match := _LINE.fullmatch(line.rstrip("\n")):
                    with self._lock:
                        self._printed.append(float(match[1]))
            exit_code = self._process.wait()
            late.cancel()
            if exit_code == 0:
                self._settle(RunStatus.FINISHED, None)
            else:
                how = _last_line(Path(folder) / _TROUBLE)
                how = how or f"exit code {exit_code}, without a word"
                self._settle(RunStatus.FAILED, f"The program ended with an error: {how}")


def _environment() -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return kept | _ONE_THREAD


def _too_long(seconds: float) -> str:
    return (
        f"It ran for {seconds:g} seconds, the longest that a program may run here. Download it to "
        "run it to the end."
    )


def _last_line(trouble: Path) -> str:
    """The last line of what a program said as it failed."""
    text = trouble.read_bytes()[-_MOST_TROUBLE:].decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
