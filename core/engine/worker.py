"""A process that has torch loaded, and waits for what it is to do."""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from core import logs
from core.engine.messages import Answer, Line, Train
from core.errors import StoreError
from core.spec import ExperimentSpec
from core.store import Store


def work(store_url: str, line: Line) -> None:
    """Its whole life: one experiment, or the questions of one server, or nothing."""
    # Where processes are forked it is there already; elsewhere it takes seconds, which have passed
    # when somebody presses Train.
    import core.engine.preload  # noqa: F401
    from core.engine.calculator import answer
    from core.engine.job import run

    logs.begin("job")
    store = _opened(store_url)
    if not line.poll(0):
        _rehearse()
    try:
        task = line.recv()
    except (EOFError, OSError):
        # Nobody needs it any more.
        return
    if isinstance(task, Train):
        run(store or Store(store_url), task.experiment_id, line)
    elif isinstance(task, Answer):
        line.close()
        answer(task)


def _rehearse() -> None:
    """Train a little while nothing else is to be done: whatever is done for the first time takes
    longer, 42 ms instead of 18 until the first step."""
    from core.training import train

    # On the CPU: who only waits is to have nothing of a GPU. What fails here fails in a training
    # too, which can say why.
    with suppress(Exception):
        deque(train(ExperimentSpec.parse({"training": {"epochs": 1, "device": "cpu"}})), maxlen=0)


def _opened(store_url: str) -> Store | None:
    """The store, if it can be opened already."""
    try:
        return Store(store_url)
    except StoreError:
        return None
