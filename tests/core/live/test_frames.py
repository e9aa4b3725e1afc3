"""Frames: whole at first, then what changes; whoever skips some loses nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.live import frames
from core.live.blocks import Block, Part, text
from core.live.frames import Frame, difference, next_frame
from core.live.reading import Reading
from core.live.view import View
from core.records import Status
from core.store import Store
from tests.core.live.staging import recorded, stage


def sent(frame: Frame, after: int) -> dict[str, Any]:
    """What the browser reads in the event."""
    event = frame.event(after).decode()
    assert event.startswith("data: ")
    assert event.endswith("\n\n")
    assert "\n" not in event[:-2]
    read: dict[str, Any] = json.loads(event[6:])
    return read


def names(event: dict[str, Any]) -> list[str]:
    """The names of all blocks of an event, in order."""
    return [name for _, part in event["order"] for name in part]


def changed(value: Any, changes: Any) -> Any:
    """What the browser makes of a value: ``changed`` in stage.js."""
    if isinstance(changes, list):
        return changes[0]
    made = dict(enumerate(value)) if isinstance(value, list) else dict(value)
    for key, each in changes.items():
        place = int(key) if isinstance(value, list) else key
        made[place] = changed(made[place], each)
    return list(made.values()) if isinstance(value, list) else made


class Viewer:
    """Keeps the blocks as a browser does."""

    def __init__(self) -> None:
        self.has = 0
        self._blocks: dict[str, Any] = {}

    def see(self, frame: Frame) -> None:
        event = sent(frame, self.has)
        for block in event["blocks"]:
            known, changes = self._blocks.get(block["id"]), block.get("changes")
            self._blocks[block["id"]] = block if changes is None else changed(known, changes)
        self._blocks = {name: self._blocks[name] for name in names(event)}
        self.has = frame.number

    @property
    def shown(self) -> list[Any]:
        return list(self._blocks.values())


def part_of(name: str, words: str) -> Part:
    return Part(name, words, lambda: [text(name, words)])


def made_of(store: Store, contents: Sequence[dict[str, str]]) -> list[Frame]:
    """A frame for each of the contents, which are texts by the names of their blocks."""
    state = Reading(store, recorded(store, Status.RUNNING)).state()
    made: list[Frame] = []
    for content in contents:
        parts = [part_of(name, words) for name, words in content.items()]
        view = View()
        with patch.dict(frames._STAGES, {view.page: lambda state, view, it=parts: iter(it)}):
            made.append(next_frame(state, view, made[-1] if made else None))
    return made


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(f"sqlite:///{tmp_path_factory.mktemp('frames') / 'lab.db'}")


def test_the_first_event_has_all_and_later_ones_what_changed(kept: Store) -> None:
    one, two, three = made_of(
        kept,
        [{"a": "1", "b": "1"}, {"a": "1", "b": "2", "c": "1"}, {"c": "1", "a": "1"}],
    )
    assert [each.number for each in (one, two, three)] == [1, 2, 3]
    assert [block["id"] for block in sent(one, 0)["blocks"]] == ["a", "b"]
    assert [block["id"] for block in sent(two, 1)["blocks"]] == ["b", "c"]
    assert [block["id"] for block in sent(three, 2)["blocks"]] == []
    assert [block["id"] for block in sent(three, 1)["blocks"]] == ["c"]
    assert [block["id"] for block in sent(three, 0)["blocks"]] == ["c", "a"]
    assert [names(sent(each, 0)) for each in (one, two, three)] == [
        ["a", "b"],
        ["a", "b", "c"],
        ["c", "a"],
    ]


def test_of_a_block_that_is_known_only_what_changed_is_sent(kept: Store) -> None:
    one, two, three, four = made_of(
        kept, [{"a": "1"}, {"a": "2"}, {"a": "2", "b": "1"}, {"a": "3"}]
    )
    assert sent(two, 1)["blocks"] == [{"id": "a", "changes": {"text": ["2"]}}]
    assert sent(two, 0)["blocks"] == sent(three, 0)["blocks"][:1] == [text("a", "2")]
    # Who skipped a frame in which it stayed as it was has the one before all the same.
    for after in (two.number, three.number):
        assert sent(four, after)["blocks"] == [{"id": "a", "changes": {"text": ["3"]}}]
    assert sent(four, one.number)["blocks"] == [text("a", "3")]


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xy", max_size=1), inner),
    max_leaves=12,
)


@given(_VALUES, _VALUES)
def test_changes_make_the_one_value_of_the_other(before: Any, now: Any) -> None:
    changes = json.loads(json.dumps(difference(before, now)))
    assert changed(before, changes) == now


def test_changes_are_of_what_differs_alone() -> None:
    before = {"a": [{"x": 1, "y": (1, 2)}, {"x": 1}], "b": "same"}
    now = {"a": [{"x": 1, "y": (1, 3)}, {"x": 1}], "b": "same"}
    assert difference(before, now) == {"a": {0: {"y": {1: [3]}}}}
    assert difference(before, before) == {}
    assert difference([1], [1, 2]) == [[1, 2]]
    assert difference({"a": None}, {"a": {"b": 1}}) == {"a": [{"b": 1}]}


def test_a_block_that_comes_back_is_sent_again(kept: Store) -> None:
    one, two, three = made_of(kept, [{"a": "1"}, {}, {"a": "1"}])
    viewer = Viewer()
    for frame in (one, two, three):
        viewer.see(frame)
    assert viewer.shown == sent(three, 0)["blocks"]


_CONTENTS = st.lists(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1", "2", '"\n\n**']), max_size=4),
    min_size=1,
    max_size=8,
)


@given(_CONTENTS, st.data())
def test_whoever_skips_frames_has_what_the_newest_shows(
    kept: Store, contents: list[dict[str, str]], data: st.DataObject
) -> None:
    made = made_of(kept, contents)
    skipped = data.draw(st.sets(st.integers(0, len(made) - 2)) if len(made) > 1 else st.just(set()))
    viewer = Viewer()
    for place, frame in enumerate(made):
        if place not in skipped:
            viewer.see(frame)
            assert viewer.shown == sent(frame, 0)["blocks"]


def test_a_part_is_built_only_when_it_shows_something_else(kept: Store) -> None:
    state = Reading(kept, recorded(kept, Status.RUNNING)).state()
    built = []

    def parts(words: str) -> list[Part]:
        def build() -> list[Block]:
            built.append(words)
            return [text("a", words)]

        return [Part("a", words, build)]

    frame = None
    for words in ("1", "1", "2", "2", "1"):
        with patch.dict(frames._STAGES, {View().page: lambda *_, it=words: iter(parts(it))}):
            frame = next_frame(state, View(), frame)
    assert built == ["1", "2", "1"]


def test_a_frame_says_how_the_experiment_stands(store: Store) -> None:
    for status in (Status.RUNNING, Status.FINISHED):
        experiment_id = recorded(store, status)
        frame = next_frame(Reading(store, experiment_id).state(), View(), None)
        head = sent(frame, 0)
        assert (head["steps"], head["status"], head["last"]) == (
            90,
            status.value,
            status.is_finished,
        )
        assert head["sent"] == frame.built_at
        assert {block["id"]: block for block in head["blocks"]} == stage(store, experiment_id)


def test_only_the_status_is_sent_when_only_that_changes(store: Store) -> None:
    experiment_id = recorded(store, Status.RUNNING)
    reading = Reading(store, experiment_id)
    running = next_frame(reading.state(), View(), None)
    store.set_status(experiment_id, Status.PAUSED)
    paused = next_frame(reading.state(), View(), running)
    assert [block["id"] for block in sent(paused, 1)["blocks"]] == ["readout", "numbers"]
    assert sent(paused, 2)["blocks"] == []
