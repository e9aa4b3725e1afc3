"""Frames: the blocks of a stage as text, sent whole at first and then as far as they change."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from core.live import compare_stage, train_stage
from core.live.blocks import Block
from core.live.reading import State
from core.live.view import Page, View

_STAGES: dict[Page, Callable[[State, View], Iterator[Block]]] = {
    Page.TRAIN: train_stage.blocks_of,
    Page.COMPARE: compare_stage.blocks_of,
}


@dataclass(frozen=True)
class Stamped:
    """A block as JSON text, and the number of the frame in which it became what it is."""

    text: str
    since: int


@dataclass(frozen=True)
class Frame:
    """What a view shows at one moment; ``number`` counts the frames of its hub from 1."""

    number: int
    steps: int
    status: str
    is_last: bool
    built_at: float
    blocks: dict[str, Stamped] = field(repr=False)

    def event(self, after: int) -> bytes:
        """A server-sent event for a viewer who has frame ``after``, 0 for one who has none.

        ``blocks`` has those that changed since, and ``order`` the names of all.
        """
        changed = ",".join(each.text for each in self.blocks.values() if each.since > after)
        head = {
            "steps": self.steps,
            "status": self.status,
            "last": self.is_last,
            "sent": self.built_at,
            "order": list(self.blocks),
        }
        return f'data: {json.dumps(head)[:-1]}, "blocks": [{changed}]}}\n\n'.encode()


def next_frame(state: State, view: View, before: Frame | None) -> Frame:
    """The frame after ``before``, whose blocks keep their number where they are the same."""
    number = before.number + 1 if before else 1
    known = before.blocks if before else {}
    stamped = {}
    for block in _STAGES[view.page](state, view):
        name, text = block["id"], json.dumps(block)
        old = known.get(name)
        stamped[name] = old if old and old.text == text else Stamped(text, number)
    experiment = state.experiment
    return Frame(
        number=number,
        steps=state.curves.step,
        status=experiment.status.value,
        is_last=experiment.status.is_finished,
        built_at=time.time(),
        blocks=stamped,
    )
