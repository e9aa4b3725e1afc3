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
from core.live.frames import Frame, next_frame
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


class Viewer:
    """Keeps the blocks as a browser does."""

    def __init__(self) -> None:
        self.has = 0
        self._blocks: dict[str, Any] = {}

    def see(self, frame: Frame) -> None:
        event = sent(frame, self.has)
        self._blocks |= {block["id"]: block for block in event["blocks"]}
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
