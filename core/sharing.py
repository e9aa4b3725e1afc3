"""Whether others are let in, and how much each of them may have at once."""

from __future__ import annotations

import os
from dataclasses import dataclass

from core.bounds import quoted
from core.errors import LabError
from core.store import Counts

#: Any value but 0 means that others are let in.
SHARED_VARIABLE = "LOSSLAB_SHARED"
_MOST_ALLOWED = 1_000_000


class LimitReached(LabError):
    """A visitor has as much as one may have; what was asked for was not done."""


@dataclass(frozen=True)
class Limits:
    """What one visitor may have at once: experiments running or paused, in the queue, and stored
    at all; and programs that run."""

    training: int = 3
    queued: int = 6
    stored: int = 100
    programs: int = 1

    def check(self, has: Counts) -> None:
        """Raise ``LimitReached`` where a visitor who ``has`` so many, what was just asked for
        among the queued and stored, has too many."""
        if has.training >= self.training:
            raise LimitReached(
                f"{has.training} of your experiments are running or paused; allowed are "
                f"{self.training} a visitor. Stop one, or wait until one has ended."
            )
        if has.queued > self.queued:
            raise LimitReached(
                f"That would make {has.queued} of your experiments in the queue; allowed are "
                f"{self.queued} a visitor. Wait until one has begun, or stop one."
            )
        if has.stored > self.stored:
            raise LimitReached(
                f"That would make {has.stored} stored experiments of yours; allowed are "
                f"{self.stored} a visitor. Delete one that has ended."
            )


#: The variable that sets each limit.
VARIABLES = {
    "training": "LOSSLAB_MOST_TRAINING",
    "queued": "LOSSLAB_MOST_QUEUED",
    "stored": "LOSSLAB_MOST_STORED",
    "programs": "LOSSLAB_MOST_PROGRAMS",
}


def is_shared() -> bool:
    return os.environ.get(SHARED_VARIABLE, "0").strip() not in ("", "0")


def limits() -> Limits | None:
    """Those of each visitor; None where the server is for this machine alone."""
    if not is_shared():
        return None
    return Limits(**{name: _read(name, variable) for name, variable in VARIABLES.items()})


def _read(name: str, variable: str) -> int:
    text = os.environ.get(variable, "").strip()
    if not text:
        return int(getattr(Limits, name))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:8]) <= _MOST_ALLOWED):
        raise LabError(
            f"{variable} was {quoted(text)}; allowed is a whole number from 1 to {_MOST_ALLOWED:,}."
        )
    return int(text)
