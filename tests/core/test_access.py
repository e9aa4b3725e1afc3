"""Who may do what: each change is asked for by its owner, by strangers and by who has a key."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from core.access import Access, NotAllowed, Visitor, new_key, owner_of_account, owner_of_browser
from core.errors import LabError
from core.example import ensure
from core.program import written
from core.program.running import Programs, Running, RunStatus
from core.records import Status, Wanted
from core.sharing import LimitReached, Limits
from core.spec import LESSON
from core.store import Store
from core.store.tables import metadata

OWN, OTHER = Visitor(owner_of_browser(new_key())), Visitor(owner_of_browser(new_key()))
NOBODY = Visitor("")
LIMITS = Limits()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'lab.db'}")


class FakePrograms(Programs):
    """One program that runs; it is of ``OWN``."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped: list[str] = []
        self.started: list[tuple[str, int]] = []

    def start(self, program: object, owner: str = "", most_of_owner: int = 2) -> str:
        self.started.append((owner, most_of_owner))
        return "one"

    def get(self, key: str) -> Running:
        return Running(written(LESSON), RunStatus.RUNNING, owner=OWN.owner)

    def stop(self, key: str) -> None:
        self.stopped.append(key)


@dataclass
class Stage:
    """What ``OWN`` has: an experiment that trains, one that has ended, one that failed, a showing
    that waits."""

    store: Store
    trains: str
    ended: str
    failed: str
    showing: str
    programs: FakePrograms

    def of(self, visitor: Visitor, limits: Limits | None = LIMITS, login: bool = False) -> Access:
        return Access(self.store, self.programs, visitor, limits, login)

    def content(self) -> dict[str, list[Any]]:
        """All that is stored, and all that was asked of programs."""
        with self.store._database.read() as connection:
            rows = {
                table.name: [tuple(row) for row in connection.execute(select(table))]
                for table in metadata.sorted_tables
            }
        return rows | {"programs": [*self.programs.stopped, *self.programs.started]}


@pytest.fixture
def stage(store: Store) -> Stage:
    return staged(store)


def staged(store: Store) -> Stage:
    own = Access(store, FakePrograms(), OWN, LIMITS)
    trains, ended, failed = own.create(LESSON), own.create(LESSON), own.create(LESSON)
    store.set_status(failed, Status.FAILED)
    store.set_status(trains, Status.PAUSED)
    own.want(ended, Wanted.STOPPED)
    return Stage(store, trains, ended, failed, own.show("focal"), FakePrograms())


#: Every change of what is another's, by the method of ``Access`` that makes it.
OF_OTHERS: dict[str, Callable[[Stage, Access], object]] = {
    "want": lambda stage, access: access.want(stage.trains, Wanted.STOPPED),
    "resume": lambda stage, access: access.resume(stage.failed),
    "fail": lambda stage, access: access.fail(stage.trains, "Because."),
    "delete": lambda stage, access: access.delete(stage.ended),
    "hand_over": lambda stage, access: access.hand_over(stage.trains),
    "begin": lambda stage, access: access.begin(stage.store.showings.get(stage.showing), [LESSON]),
    "stop_program": lambda stage, access: access.stop_program("one"),
}
#: Every change that makes something of one's own.
OF_ONES_OWN: dict[str, Callable[[Stage, Access], object]] = {
    "create": lambda stage, access: access.create(LESSON),
    "run_program": lambda stage, access: access.run_program(written(LESSON)),
}
#: Anybody may look at an exhibit, which makes a showing that nobody else may run.
OF_ANYBODY = {"show"}


def methods() -> set[str]:
    return {
        name
        for name, _ in inspect.getmembers(Access, inspect.isfunction)
        if not name.startswith(("_", "may_"))
    }


def test_every_change_is_among_those_that_are_tried() -> None:
    assert methods() == OF_OTHERS.keys() | OF_ONES_OWN.keys() | OF_ANYBODY


@pytest.mark.parametrize("action", OF_OTHERS)
@pytest.mark.parametrize("login", [False, True])
@pytest.mark.parametrize("who", [OTHER, NOBODY, Visitor(OTHER.owner, {"0123456789": new_key()})])
def test_a_stranger_changes_nothing(stage: Stage, action: str, login: bool, who: Visitor) -> None:
    before = stage.content()
    with pytest.raises(NotAllowed) as refusal:
        OF_OTHERS[action](stage, stage.of(who, login=login))
    assert str(refusal.value).startswith(("Somebody else", "Log in"))
    assert stage.content() == before


@pytest.mark.parametrize("action", OF_OTHERS | OF_ONES_OWN)
def test_the_owner_may(stage: Stage, action: str) -> None:
    before = stage.content()
    (OF_OTHERS | OF_ONES_OWN)[action](stage, stage.of(OWN))
    assert stage.content() != before


@pytest.mark.parametrize("action", OF_ONES_OWN)
def test_who_has_yet_to_log_in_starts_nothing(stage: Stage, action: str) -> None:
    before = stage.content()
    with pytest.raises(NotAllowed, match="Log in to train here"):
        OF_ONES_OWN[action](stage, stage.of(NOBODY, login=True))
    assert stage.content() == before


@pytest.mark.parametrize("action", sorted((OF_OTHERS | OF_ONES_OWN).keys() - {"hand_over"}))
@pytest.mark.parametrize("who", [OWN, OTHER, NOBODY])
def test_on_this_machine_alone_everybody_may(stage: Stage, action: str, who: Visitor) -> None:
    before = stage.content()
    (OF_OTHERS | OF_ONES_OWN)[action](stage, stage.of(who, None))
    assert stage.content() != before


@pytest.mark.parametrize("limits", [None, LIMITS])
def test_examples_are_never_deleted(store: Store, limits: Limits | None) -> None:
    example = ensure(store, "train")
    for who in (OWN, NOBODY):
        access = Access(store, Programs(), who, limits)
        assert not access.may_delete(store.get(example))
        with pytest.raises(NotAllowed):
            access.delete(example)
    assert store.get(example)


# ------------------------------------------------------------------ keys


def test_who_was_handed_the_key_may_stop_that_one_and_no_more(stage: Stage) -> None:
    second = stage.of(OWN).create(LESSON)
    key = stage.of(OWN).hand_over(stage.trains)
    friend = stage.of(Visitor(OTHER.owner, {stage.trains: key, second: key}))
    assert friend.may_change(stage.store.get(stage.trains))
    for refused in (
        lambda: friend.want(second, Wanted.STOPPED),
        lambda: friend.hand_over(stage.trains),
        lambda: friend.delete(stage.trains),
    ):
        with pytest.raises(NotAllowed):
            refused()
    assert friend.want(stage.trains, Wanted.STOPPED)


def test_a_new_key_ends_the_one_before(stage: Stage) -> None:
    first, second = (stage.of(OWN).hand_over(stage.trains) for _ in range(2))
    experiment = stage.store.get(stage.trains)
    assert not stage.of(Visitor(OTHER.owner, {stage.trains: first})).may_change(experiment)
    assert stage.of(Visitor(OTHER.owner, {stage.trains: second})).may_change(experiment)


def test_what_is_stored_is_no_key(stage: Stage) -> None:
    """Who reads the store finds nothing with which to act."""
    own_key, handed = new_key(), stage.of(OWN).hand_over(stage.trains)
    mine = stage.of(Visitor(owner_of_browser(own_key))).create(LESSON)
    content = repr(stage.content())
    assert own_key not in content
    assert handed not in content
    stored = {each for rows in stage.content().values() for row in rows for each in row}
    for text in [each for each in stored if isinstance(each, str)]:
        for who in (Visitor(owner_of_browser(text)), Visitor("", {mine: text, stage.trains: text})):
            assert not stage.of(who).may_change(stage.store.get(mine))
            assert not stage.of(who).may_change(stage.store.get(stage.trains))


def test_with_accounts_there_are_no_keys(stage: Stage) -> None:
    key = stage.of(OWN).hand_over(stage.trains)
    holder = stage.of(Visitor(OTHER.owner, {stage.trains: key}), login=True)
    assert not holder.may_change(stage.store.get(stage.trains))
    assert not stage.of(OWN, login=True).may_hand_over(stage.store.get(stage.trains))


@pytest.fixture(scope="module")
def shared_stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return staged(Store(f"sqlite:///{tmp_path_factory.mktemp('access') / 'lab.db'}"))


@given(issuer=st.text(), subject=st.text(), key=st.text(max_size=40), handed=st.text(max_size=70))
def test_whatever_a_visitor_says_of_themselves_they_are_strangers(
    shared_stage: Stage, issuer: str, subject: str, key: str, handed: str
) -> None:
    experiment = shared_stage.store.get(shared_stage.trains)
    for owner in (owner_of_account(issuer, subject), owner_of_browser(key), handed):
        visitor = Visitor(owner, {experiment.id: handed})
        for login in (False, True):
            access = shared_stage.of(visitor, login=login)
            assert not access.may_change(experiment)
            assert not access.may_delete(experiment)


# ------------------------------------------------------------------ limits


def test_the_limits_hold_and_nothing_is_stored_beyond_them(store: Store) -> None:
    limits = Limits(training=2, queued=3, stored=5)
    own = Access(store, Programs(), OWN, limits)
    made = [own.create(LESSON) for _ in range(3)]
    with pytest.raises(LimitReached, match=r"would make 4 of your.* in the queue; allowed are 3"):
        own.create(LESSON)
    for each in made[:2]:
        store.set_status(each, Status.RUNNING)
    with pytest.raises(LimitReached, match=r"2 of your.* running or paused; allowed are 2 a"):
        own.create(LESSON)
    # One that is asked to stop has as good as ended.
    own.want(made[0], Wanted.STOPPED)
    made.append(own.create(LESSON))
    for each in made:
        store.set_status(each, Status.STOPPED)
    made.append(own.create(LESSON))
    with pytest.raises(LimitReached, match=r"would make 6 stored .*; allowed are 5 a visitor"):
        own.create(LESSON)
    assert [each.id for each in store.owned(OWN.owner)] == made[::-1]
    own.delete(made[0])
    assert own.create(LESSON)
    # Others have limits of their own.
    assert Access(store, Programs(), OTHER, limits).create(LESSON)


def test_the_limits_hold_for_what_is_resumed_whoever_resumes_it(store: Store) -> None:
    limits = Limits(training=1, queued=2)
    own = Access(store, Programs(), OWN, limits)
    lost, other = own.create(LESSON), own.create(LESSON)
    store.set_status(lost, Status.INTERRUPTED, "The app was closed.")
    store.set_status(other, Status.RUNNING)
    key = own.hand_over(lost)
    holder = Access(store, Programs(), Visitor(OTHER.owner, {lost: key}), limits)
    for who in (own, holder):
        with pytest.raises(LimitReached, match=r"1 of your.* running or paused; allowed are 1 a"):
            who.resume(lost)
    assert store.get(lost).status is Status.INTERRUPTED
    store.set_status(other, Status.FINISHED)
    assert holder.resume(lost)
    assert store.get(lost).status is Status.QUEUED


def test_an_exhibit_is_run_whole_or_not_at_all(store: Store) -> None:
    own = Access(store, Programs(), OWN, Limits(queued=1))
    showing = store.showings.get(own.show("class_weights"))
    with pytest.raises(LimitReached):
        own.begin(showing, [LESSON, LESSON])
    assert store.showings.get(showing.id) == showing
    assert store.owned(OWN.owner) == []
    assert own.begin(showing, [LESSON])


def test_a_visitor_has_one_program_at_once() -> None:
    programs = Programs(seconds=30)
    try:
        programs.start(written(LESSON.model_copy(update={"seeds": (7,)})), "me", 1)
        with pytest.raises(LabError, match="Programs of yours that are running: 1; allowed are 1"):
            programs.start(written(LESSON), "me", 1)
        assert programs.get(programs.start(written(LESSON), "another", 1)).owner == "another"
    finally:
        programs.close()
