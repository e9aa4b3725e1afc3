"""Frames: the blocks of a stage as text, sent whole at first and then as far as they change."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field

from core.live import compare_stage, exhibit_stage, train_stage
from core.live.blocks import Block, Part
from core.live.reading import State
from core.live.view import Page, View

_text = json.JSONEncoder(separators=(",", ":")).encode
_STAGES: dict[Page, Callable[[State, View], Iterator[Part]]] = {
    Page.TRAIN: train_stage.parts_of,
    Page.COMPARE: compare_stage.parts_of,
    Page.EXHIBIT: exhibit_stage.parts_of,
}


@dataclass(frozen=True)
class Stamped:
    """A block as JSON text, and the number of the frame in which it became what it is."""

    text: str
    since: int


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

        ``blocks`` has those that changed since, and ``order`` the names of all, by their parts.
        """
        blocks = self.blocks
        changed = ",".join(each.text for each in blocks.values() if each.since > after)
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
        name, text = block["id"], _text(block)
        old = known.get(name)
        stamped[name] = old if old and old.text == text else Stamped(text, number)
    return stamped
