"""Sides that need a process of their own.

OpenMP and XLA read their settings once, when they are loaded: sides with different ones can't
share a process. Each works when it is asked, and waits without using the processor between.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar
from unittest.mock import patch

from core.engine import _SLEEP_WHILE_WAITING
from tests.benchmarks.rounds import THREADS_VARIABLE

P = ParamSpec("P")
T = TypeVar("T")

#: Beginnings of the names of what sets threads and how they wait.
_OF_THREADS = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", THREADS_VARIABLE, "XLA_FLAGS")
#: What the engine starts its processes with.
ENGINE = dict(_SLEEP_WHILE_WAITING)


class Side:
    """A process in which no more is set of threads than ``environment`` has.

    Where a ``core`` is named, it runs on that one alone.
    """

    def __init__(self, environment: Mapping[str, str], core: int | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        clean = {key: text for key, text in os.environ.items() if not key.startswith(_OF_THREADS)}
        with patch.dict(os.environ, clean | dict(environment), clear=True):
            self._process = context.Process(target=_serve, args=(theirs, core), daemon=True)
            self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._pipe.close()
        self._process.join(5)
        self._process.kill()

    def begin(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Have it call a function of a module; ``result`` waits for what comes of it."""
        self._pipe.send((function, args, kwargs))

    def result(self) -> Any:
        """What the function returned, or raise what it raised."""
        try:
            found, error = self._pipe.recv()
        except EOFError:
            self._process.join()
            how = f"The process of a side ended with exit code {self._process.exitcode}."
            raise RuntimeError(how) from None
        if error is not None:
            raise error
        return found

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.begin(function, *args, **kwargs)
        found: T = self.result()
        return found


def _serve(pipe: Connection[Any, Any], core: int | None) -> None:
    # Before any library counts the cores that it has.
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    while True:
        try:
            function, args, kwargs = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((function(*args, **kwargs), None))
        except Exception as error:
            pipe.send((None, error))


def a_core() -> int | None:
    """One of the cores that this process may use, for sides that are to have only one."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
