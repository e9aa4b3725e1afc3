"""How far a training is, as a line of text for a person who waits."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator
from typing import TextIO

from core.records import Progress
from core.spec import ExperimentSpec

#: Seconds between lines where a line can't be drawn over.
_BETWEEN_LINES = 5.0
_BAR_WIDTH = 30
_ERASE = "\r\x1b[K"


def watched(
    reports: Iterable[Progress], spec: ExperimentSpec, stream: TextIO
) -> Iterator[Progress]:
    """The same reports, each shown on the stream once the caller has it.

    On a terminal in one line that is drawn over and gone at the end; elsewhere, as in a log,
    in a new line now and then.
    """
    show = _drawn_over if stream.isatty() else _logged
    return show(reports, spec, stream)


def _drawn_over(
    reports: Iterable[Progress], spec: ExperimentSpec, stream: TextIO
) -> Iterator[Progress]:
    try:
        for progress in reports:
            yield progress
            full = _BAR_WIDTH * progress.step // spec.total_steps
            bar = f"[{'#' * full}{'.' * (_BAR_WIDTH - full)}]"
            room = shutil.get_terminal_size().columns - 1
            stream.write(_ERASE + f"{bar} {_words(progress, spec)}"[:room])
            stream.flush()
    finally:
        stream.write(_ERASE)
        stream.flush()


def _logged(
    reports: Iterable[Progress], spec: ExperimentSpec, stream: TextIO
) -> Iterator[Progress]:
    next_line = 0.0
    for progress in reports:
        yield progress
        if progress.epoch and time.monotonic() >= next_line:
            next_line = time.monotonic() + _BETWEEN_LINES
            stream.write(f"{_words(progress, spec)}\n")
            stream.flush()


def _words(progress: Progress, spec: ExperimentSpec) -> str:
    if not progress.step:
        return "getting ready"
    left = progress.seconds * (spec.total_steps / progress.step - 1)
    return f"epoch {progress.epoch:,} of {spec.training.epochs:,}, about {left:,.0f} s left"
