"""Frames: the blocks of a stage, sent whole at first and then as far as they change."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from core.live import compare_stage, exhibit_stage, train_stage
from core.live.blocks import Block, Part
from core.live.reading import State
from core.live.view import Page, View

#: What becomes a list in JSON.
_LISTS = (list, tuple)
_text = json.JSONEncoder(separators=(",", ":")).encode
_STAGES: dict[Page, Callable[[State, View], Iterator[Part]]] = {
    Page.TRAIN: train_stage.parts_of,
    Page.COMPARE: compare_stage.parts_of,
    Page.EXHIBIT: exhibit_stage.parts_of,
}


@dataclass(frozen=True)
class Stamped:
    """A block, the number of the frame in which it became what it is, and that in which it became
    what it was ``before``, if it was another one."""

    block: Block
    since: int
    before: Block | None = field(default=None, repr=False)
    before_since: int = 0

    @cached_property
    def text(self) -> str:
        """The whole block, as JSON."""
        return _text(self.block)

    @cached_property
    def changes(self) -> str:
        """What makes it of the one before, as JSON."""
        changes = difference(self.before, self.block)
        return _text({"id": self.block["id"], "changes": changes})

    def sent(self, after: int) -> str:
        """What a viewer who has frame ``after`` needs to have it."""
        has_before = self.before is not None and self.before_since <= after
        return self.changes if has_before else self.text


@dataclass(frozen=True)
class Built:
    """The blocks of a part by their names, and what they show."""

    shown: Hashable
    blocks: dict[str, Stamped]


@dataclass(frozen=True)
class Frame:
    """What a view shows at one moment; ``number`` counts the frames of its hub from 1."""

    number: int
    steps: int
    status: str
    is_last: bool
    built_at: float
    parts: dict[str, Built] = field(repr=False)

    @property
    def blocks(self) -> dict[str, Stamped]:
        return {name: each for part in self.parts.values() for name, each in part.blocks.items()}

    def event(self, after: int) -> bytes:
        """A server-sent event for a viewer who has frame ``after``, 0 for one who has none.

        ``blocks`` has those that changed since, whole or as ``changes`` of what the viewer has, and
        ``order`` the names of all, by their parts.
        """
        blocks = self.blocks.values()
        changed = ",".join(each.sent(after) for each in blocks if each.since > after)
        head = {
            "steps": self.steps,
            "status": self.status,
            "last": self.is_last,
            "sent": self.built_at,
            "order": [[name, list(part.blocks)] for name, part in self.parts.items()],
        }
        return f'data: {_text(head)[:-1]},"blocks":[{changed}]}}\n\n'.encode()


def next_frame(state: State, view: View, before: Frame | None) -> Frame:
    """The frame after ``before``, whose blocks keep their number where they are the same.

    Of its parts only those are built that show something else than before; where none does, it
    is ``before``.
    """
    number = before.number + 1 if before else 1
    parts: dict[str, Built] = {}
    for part in _STAGES[view.page](state, view):
        old = before.parts.get(part.name) if before else None
        if old is not None and old.shown == part.shown:
            parts[part.name] = old
        else:
            known = old.blocks if old else {}
            parts[part.name] = Built(part.shown, _stamped(part.build(), known, number))
    experiment = state.experiment
    if before is not None and _same(parts, before.parts):
        return before
    return Frame(
        number=number,
        steps=state.curves.step,
        status=experiment.status.value,
        is_last=experiment.status.is_finished,
        built_at=time.time(),
        parts=parts,
    )


def _same(parts: dict[str, Built], before: dict[str, Built]) -> bool:
    """Whether all parts are those of before."""
    return list(parts) == list(before) and all(parts[name] is before[name] for name in parts)


def _stamped(built: Iterable[Block], known: dict[str, Stamped], number: int) -> dict[str, Stamped]:
    stamped = {}
    for block in built:
        old = known.get(block["id"])
        if old is None or old.block["kind"] != block["kind"]:
            stamped[block["id"]] = Stamped(block, number)
        elif old.block == block:
            stamped[block["id"]] = old
        else:
            stamped[block["id"]] = Stamped(block, number, old.block, old.since)
    return stamped


def difference(before: Any, now: Any) -> Any:
    """What makes ``now`` of another value ``before``, as the browser's ``changed`` reads it.

    Of objects with the same keys, and lists of the same length, an object of what differs in them,
    by key or place; of all else a list that holds ``now``.
    """
    if isinstance(before, dict) and isinstance(now, dict) and before.keys() == now.keys():
        pairs = [(key, before[key], now[key]) for key in now]
    elif isinstance(before, _LISTS) and isinstance(now, _LISTS) and len(before) == len(now):
        pairs = [(place, *both) for place, both in enumerate(zip(before, now, strict=True))]
    else:
        return [now]
    return {key: difference(old, new) for key, old, new in pairs if old != new}
