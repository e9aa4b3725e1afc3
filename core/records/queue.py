"""Who is next: the order in which experiments get a process, fair to all who wait."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Waiting:
    """An experiment that is to train as soon as there is room."""

    id: str
    owner: str


@dataclass(frozen=True)
class Queue:
    """What waits at one place, the oldest first; how many experiments of each owner train there,
    and when each owner's last one was started, in seconds since 1970."""

    waiting: tuple[Waiting, ...]
    running: Mapping[str, int]
    last_started: Mapping[str, float]

    def in_turn(self, without: Collection[str] = ()) -> Iterator[str]:
        """The ids in the order in which they get a process.

        Next is the owner of whom the fewest train; of several the one whose turn was longest ago;
        of several still the one whose oldest experiment has waited longest. So nobody waits for
        all that another has queued.
        """
        of_owners: dict[str, deque[tuple[int, str]]] = defaultdict(deque)
        for age, each in enumerate(self.waiting):
            if each.id not in without:
                of_owners[each.owner].append((age, each.id))
        running, turns = Counter(self.running), dict(self.last_started)
        latest = max(turns.values(), default=0.0)
        while of_owners:
            owner = min(
                of_owners,
                key=lambda one: (running[one], turns.get(one, 0.0), of_owners[one][0]),
            )
            _age, experiment_id = of_owners[owner].popleft()
            yield experiment_id
            running[owner] += 1
            latest += 1
            turns[owner] = latest
            if not of_owners[owner]:
                del of_owners[owner]
