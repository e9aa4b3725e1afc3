"""A showing: an exhibit that somebody presents, with the bets of those who look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

#: The pick of who bets that no entrant wins.
NO_DIFFERENCE = -1


class Phase(StrEnum):
    """Where a showing stands. Bets are open until the first step of a part has been trained."""

    WAITING = "waiting"
    STARTING = "starting"
    TRAINING = "training"
    ENDED = "ended"

    @property
    def is_open(self) -> bool:
        """Whether bets are taken."""
        return self in (Phase.WAITING, Phase.STARTING)


@dataclass(frozen=True)
class Showing:
    """A stored showing as it stood when it was read; times are UTC.

    ``experiments`` are the ids of the exhibit's parts in their order, none before it runs.
    ``bets`` is how many have bet. ``owner`` may run it; empty where that is nobody in particular.
    """

    id: str
    exhibit: str
    created_at: datetime
    experiments: tuple[str, ...]
    phase: Phase
    bets: int
    owner: str = ""


@dataclass(frozen=True)
class Bet:
    """What one person expects: the place of the entrant that wins, or ``NO_DIFFERENCE``; and
    where a curve ends, in the units of its axis. None is what was left open."""

    pick: int | None = None
    sketched: float | None = None
