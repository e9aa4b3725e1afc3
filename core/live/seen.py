"""What the parts of a stage that show a snapshot have in common."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.judging.yardsticks import gives_probabilities
from core.live import blocks
from core.live.blocks import Block
from core.live.reading import State
from core.live.view import View
from core.records import Experiment, Snapshot
from core.spec import Entrant, ExperimentSpec


def nothing_yet() -> Block:
    return blocks.text("learned", "There is something to see once training has begun.", "info")


def side_by_side(
    experiment: Experiment, kind: str, block_of: Callable[[Entrant, str], Block | str]
) -> Block:
    """A small block for each entrant, made by its name, or the reason why it has none."""
    cells = []
    for entrant in experiment.spec.lineup:
        name = f"{kind}_{entrant.place}"
        head, block = blocks.heading(f"{name}_heading", entrant.title), block_of(entrant, name)
        if isinstance(block, str):
            block = blocks.text(f"{name}_why", block, "caption")
        cells.append([head, block])
    return blocks.grid(kind, cells)


@dataclass(frozen=True)
class Seen:
    """A snapshot and the seed of which it is looked at, counted from 0."""

    state: State
    snapshot: Snapshot
    seed_place: int

    @property
    def experiment(self) -> Experiment:
        return self.state.experiment

    @property
    def spec(self) -> ExperimentSpec:
        return self.experiment.spec

    @property
    def has_pictures(self) -> bool:
        return self.spec.dataset.picture is not None

    def run(self, entrant: Entrant) -> int:
        first: int = self.spec.runs_of(entrant.place).start
        return first + self.seed_place

    def has_probabilities(self, entrant: Entrant) -> bool:
        """Whether what the entrant's loss trains by then can be read as probabilities."""
        return gives_probabilities(entrant.loss_of(self.snapshot.step), self.spec.dataset.task)

    def has_diverged(self, run: int) -> bool:
        step = self.state.runs[run].diverged_step
        return step is not None and step <= self.snapshot.step

    def over_seeds(self, table: NDArray[Any], entrant: Entrant) -> NDArray[Any]:
        """The sum over those that did not diverge."""
        runs = self.spec.runs_of(entrant.place)
        alive = [run for run in range(runs.start, runs.stop) if not self.has_diverged(run)]
        total: NDArray[Any] = table[alive].sum(0)
        return total


def percent(share: float) -> str:
    """Never rounded up to a certainty."""
    return f"{int(1000 * share) / 10:g}%"


def in_base64(picture: NDArray[np.uint8]) -> str:
    """The bytes of a picture, as ``blocks.pictures`` takes them."""
    return base64.b64encode(picture.tobytes()).decode()


def seed_place(spec: ExperimentSpec, view: View) -> int:
    """The place of the seed that is looked at; the first one's where the race has none such."""
    return spec.seeds.index(view.seed) if view.seed in spec.seeds else 0


def seed_menu(spec: ExperimentSpec, place: int) -> list[Block]:
    """A control that says of which seed something is shown; none where there is but one."""
    if len(spec.seeds) == 1:
        return []
    titles = {str(seed): str(seed) for seed in spec.seeds}
    return [blocks.choice("seed", "Seed", titles, str(spec.seeds[place]), look="menu")]
