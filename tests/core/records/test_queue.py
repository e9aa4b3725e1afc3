"""The order of the queue: every owner has a turn before any has a second one."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from core.records import Queue, Waiting

OWNERS = st.sampled_from(["", "a", "b", "c"])


@given(st.lists(OWNERS, max_size=30))
def test_turns_go_round(owners: list[str]) -> None:
    waiting = tuple(Waiting(f"{number}", owner) for number, owner in enumerate(owners))
    order = list(Queue(waiting, {}, {}).in_turn())
    assert sorted(order) == sorted(each.id for each in waiting)
    left, turns = Counter(owners), Counter[str]()
    for key in order:
        owner = owners[int(key)]
        # Nobody who still waits is more than this turn behind.
        assert all(turns[owner] <= turns[other] for other in left if left[other])
        turns[owner] += 1
        left[owner] -= 1
    for owner in set(owners):
        own = [int(key) for key in order if owners[int(key)] == owner]
        assert own == sorted(own)


@given(st.lists(OWNERS, max_size=12), st.dictionaries(OWNERS, st.integers(0, 3)))
def test_who_has_the_fewest_running_is_first(owners: list[str], running: dict[str, int]) -> None:
    waiting = tuple(Waiting(f"{number}", owner) for number, owner in enumerate(owners))
    first = next(Queue(waiting, running, {}).in_turn(), None)
    if first is not None:
        fewest = min(running.get(owner, 0) for owner in owners)
        assert running.get(owners[int(first)], 0) == fewest


def test_whose_last_turn_is_longest_ago_is_first() -> None:
    waiting = (Waiting("1", "a"), Waiting("2", "b"), Waiting("3", "c"))
    queue = Queue(waiting, {}, {"a": 30.0, "b": 20.0, "c": 25.0})
    assert list(queue.in_turn()) == ["2", "3", "1"]
    assert list(queue.in_turn(without={"2"})) == ["3", "1"]
