"""What the processes log: one line an event, as words and values that programs can read too.

For example ``time=2026-01-31T12:00:00 level=warning part=service experiment=0123456789
message="Will try again."``; the format is known as logfmt.
"""

from __future__ import annotations

import json
import logging
import sys

#: Under this name a log call gives the id of the experiment that it is about, in ``extra``.
EXPERIMENT = "experiment"


def about(experiment_id: str) -> dict[str, str]:
    """``extra`` for a log call about an experiment."""
    return {EXPERIMENT: experiment_id}


class Lines(logging.Formatter):
    """Lines of one part of the lab: server, service or job."""

    def __init__(self, part: str) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S")
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        words = {
            "time": self.formatTime(record, self.datefmt),
            "level": record.levelname.lower(),
            "part": self._part,
            "process": str(record.process),
        }
        if experiment_id := getattr(record, EXPERIMENT, None):
            words[EXPERIMENT] = experiment_id
        # As JSON writes a text: on one line, whatever is in it.
        words["message"] = json.dumps(record.getMessage(), ensure_ascii=False)
        if record.exc_info:
            words["error"] = json.dumps(self.formatException(record.exc_info), ensure_ascii=False)
        return " ".join(f"{name}={value}" for name, value in words.items())


def begin(part: str) -> None:
    """Have this process log what is its own, to its standard error output."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(part))
    own = logging.getLogger("core")
    own.handlers, own.propagate = [handler], False
    own.setLevel(logging.INFO)
