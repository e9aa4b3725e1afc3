"""Experiments to look at, and what their stages show: blocks by their ids, words, figures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from core.live import compare_stage, exhibit_stage, train_stage
from core.live.blocks import Block
from core.live.reading import Reading
from core.live.view import Page, View
from core.records import Measure, Progress, Split, Status
from core.spec import EntrantSpec, ExperimentSpec, TrainingSpec
from core.store import Store
from core.training import train
from tests.core.tidy import Score, evaluations
from tests.facts import facts_of

TWO_LOSSES = ExperimentSpec(
    entrants=(EntrantSpec(loss="mse"), EntrantSpec(loss="bce")), training=TrainingSpec(epochs=7)
)
_STAGES = {
    Page.TRAIN: train_stage.parts_of,
    Page.COMPARE: compare_stage.parts_of,
    Page.EXHIBIT: exhibit_stage.parts_of,
}
REASON = "The reason, as a sentence."

# ------------------------------------------------------------------ experiments


def race_of(
    data: str = "moons",
    losses: Iterable[str] = ("cross_entropy", "mse", "hinge"),
    **parts: object,
) -> ExperimentSpec:
    """A small race from three seeds."""
    return ExperimentSpec.parse(
        {
            "data": {"name": data, "rows": 200},
            "network": {"hidden_sizes": [4]},
            "training": {"epochs": 3, "device": "cpu"},
            "entrants": [{"loss": loss} for loss in losses],
            "seeds": [0, 1, 2],
            **parts,
        }
    )


def reported(store: Store, spec: ExperimentSpec, status: Status | None = None) -> str:
    """The spec trained here and reported as a job does; left in ``status`` if one is given."""
    experiment_id = store.create(spec)
    torch.set_num_threads(1)
    for progress in train(spec):
        is_end = progress.outcome is not None
        if status is not None and is_end:
            store.set_status(experiment_id, status, REASON)
            break
        store.report(experiment_id, progress, progress.outcome or Status.RUNNING)
    return experiment_id


def recorded(store: Store, status: Status, reason: str | None = None) -> str:
    """A stored training with 90 steps and 2 epochs that nobody made, left in ``status``."""
    experiment_id = store.create(TWO_LOSSES)
    steps = np.linspace(1, 0.1, 180, dtype=np.float32).reshape(90, 2)
    rows = [
        Score(run, epoch, 45 * epoch, split, measure, 0.25 + epoch / 10)
        for run in (0, 1)
        for epoch in (0, 1, 2)
        for split in Split
        for measure in (Measure.LOSS, Measure.ACCURACY)
    ]
    rows += [
        Score(0, epoch, 45 * epoch, Split.TRAIN, Measure.EPOCH_LOSS, 1 / epoch) for epoch in (1, 2)
    ]
    facts = facts_of(2, baselines=[0.09, 0.325])
    progress = Progress(90, 2, 0.5, steps, evaluations(rows, 2), (None, None), facts)
    store.report(experiment_id, progress, Status.RUNNING)
    if status is not Status.RUNNING:
        store.set_status(experiment_id, status, reason)
    return experiment_id


# ------------------------------------------------------------------ what is shown of them


def stage(store: Store, experiment_id: str, **options: str) -> dict[str, Block]:
    """The blocks of the stage that these options describe, as the browser gets them."""
    view = View.parse(options)
    parts = _STAGES[view.page](Reading(store, experiment_id).state(), view)
    shown = [block for part in parts for block in part.build()]
    # The browser reads no numbers that JSON does not have.
    sent = json.loads(json.dumps(shown, allow_nan=False))
    found = {block["id"]: block for block in sent}
    assert len(found) == len(sent), "Two blocks have the same id."
    return found


def has_all(event: Mapping[str, Any]) -> bool:
    """Whether an event brings every block that it names, in their order."""
    named = [name for _, part in event["order"] for name in part]
    return named == [block["id"] for block in event["blocks"]]


def order_of(event: Mapping[str, Any]) -> list[str]:
    """The names of all blocks of a frame, part after part."""
    return [name for _part, names in event["order"] for name in names]


def whole(blocks: Mapping[str, Block]) -> Iterator[Block]:
    """All blocks with those that they hold, at any depth."""
    for block in blocks.values():
        yield block
        inner = [
            *block.get("blocks", ()),
            *(each for cell in block.get("cells", ()) for each in cell),
        ]
        yield from whole({each["id"]: each for each in inner})


def controls(blocks: Mapping[str, Block]) -> dict[str, Block]:
    """The controls by the option that each one sets, those in menus among them."""

    def within(them: Iterable[Block]) -> Iterator[Block]:
        for each in them:
            yield each
            yield from within(each.get("controls", ()))

    every = (each for block in whole(blocks) for each in within(block.get("controls", ())))
    return {each["option"]: each for each in every if "option" in each}


def charts(blocks: Mapping[str, Block]) -> dict[str, Any]:
    """The figures by the ids of their charts."""
    return {each["id"]: each["figure"] for each in whole(blocks) if each["kind"] == "chart"}


def table(blocks: Mapping[str, Block], name: str) -> dict[str, list[str]]:
    """The rows of a table by their titles."""
    return {title: cells for title, *cells in blocks[name]["rows"]}


def words(blocks: Mapping[str, Block]) -> str:
    """All that the blocks say, a line for each of its texts; figures are not among it."""
    return "\n".join(
        text
        for block in whole(blocks)
        for key, value in block.items()
        if key not in ("id", "kind", "figure", "blocks", "cells")
        for text in _texts(value)
    )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
