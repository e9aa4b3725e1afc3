"""Who pushes: the training rows that the gradient of the last layer comes from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.figures import push_figure
from core.live import blocks
from core.live.blocks import Block
from core.live.seen import Seen, in_base64, percent, seed_menu, side_by_side
from core.records.snapshot import PUSH_POINTS
from core.spec import Entrant

#: The share of the rows that the sentence is about.
_TOLD = 0.1


def draw(seen: Seen) -> Iterator[Block]:
    """The curve of all entrants and the rows at its start; nothing of what was recorded before
    there was one."""
    if seen.snapshot.push is None:
        return
    experiment, spec = seen.experiment, seen.spec
    yield blocks.heading("push_heading", "Who pushes?", *seed_menu(spec, seen.seed_place))
    curves = _curves(seen)
    if not curves:
        yield blocks.text("push_said", "No row pushes: every gradient is 0 or no number.", "info")
        return
    yield blocks.text("push_said", blocks.typed(_sentence(seen, curves)))
    yield blocks.chart(
        "push_chart",
        push_figure(curves, spec.lineup, experiment.id),
        label="Share of the gradient of the last layer by share of the rows, of each entrant",
        height=300,
    )
    yield blocks.text(
        "push_caption",
        "A row pushes as hard as the gradient of its own loss in the weights and biases of the "
        f"last layer is large. The curves are of {spec.judged_training_rows:,} training rows of "
        "each seed, those that push most first, mean over seeds; on the diagonal all push alike. "
        "Below are "
        f"the rows that push most (epoch {seen.snapshot.epoch:,}).",
        "caption",
    )
    yield side_by_side(
        experiment, "pushing", lambda entrant, name: _of_entrant(seen, entrant, name)
    )


def _curves(seen: Seen) -> dict[int, NDArray[np.float64]]:
    """By the entrant's place the mean over the seeds that have one."""
    assert seen.snapshot.push is not None
    found = {}
    for entrant in seen.spec.lineup:
        runs = seen.snapshot.push[seen.spec.runs_of(entrant.place)].astype(np.float64)
        known = runs[np.isfinite(runs).all(1)]
        if len(known):
            found[entrant.place] = known.mean(0)
    return found


def _sentence(seen: Seen, curves: dict[int, NDArray[np.float64]]) -> str:
    at = round(_TOLD * (PUSH_POINTS - 1))
    first, *others = [
        f"{curves[entrant.place][at]:.0%} of {entrant.title}'s"
        for entrant in seen.spec.lineup
        if entrant.place in curves
    ]
    return f"{_TOLD:.0%} of the rows make {', '.join([f'{first} gradient', *others])}."


def _of_entrant(seen: Seen, entrant: Entrant, name: str) -> Block | str:
    assert seen.snapshot.pushing is not None
    run = seen.run(entrant)
    told = [each for each in seen.snapshot.pushing[run].tolist() if np.isfinite(each[-1])]
    if not told:
        return "No row pushes: every gradient is 0 or no number."
    if seen.has_pictures:
        return _pictures(seen, run, name, told)
    is_classification = seen.spec.dataset.task.is_classification
    return (
        _table_of_classes(name, entrant, told) if is_classification else _table(name, entrant, told)
    )


def _pictures(seen: Seen, run: int, name: str, told: list[list[float]]) -> Block:
    pictures = seen.snapshot.pushing_pictures
    assert pictures is not None
    drawn = [
        (in_base64(picture), f"{true:.0f}, it says {said:.0f}{_sure(sure)}: {share:.1%}")
        for picture, (_row, true, said, sure, share) in zip(pictures[run], told, strict=True)
    ]
    height, width = pictures.shape[-2:]
    return blocks.pictures(name, drawn, (height, width))


def _sure(probability: float) -> str:
    return "" if np.isnan(probability) else f" at {percent(probability)}"


_TIPS = {
    "training row": "Its number among the training rows of the seed, counted from 0.",
    "share": "Of the sizes of all rows' gradients.",
}


def _table_of_classes(name: str, entrant: Entrant, told: list[list[float]]) -> Block:
    rows = {
        f"{row:,.0f}": [f"{true:.0f}", f"{said:.0f}{_sure(sure)}", f"{share:.1%}"]
        for row, true, said, sure, share in told
    }
    columns = ["training row", "true class", "it says", "share"]
    return blocks.table(name, columns, rows, _label(entrant), _TIPS)


def _table(name: str, entrant: Entrant, told: list[list[float]]) -> Block:
    rows = {
        f"{row:,.0f}": [f"{true:.2f}", f"{said:.2f}", f"{share:.1%}"]
        for row, true, said, _sure, share in told
    }
    columns = ["training row", "true value", "predicted", "share"]
    return blocks.table(name, columns, rows, _label(entrant), _TIPS)


def _label(entrant: Entrant) -> str:
    return f"Rows that push {entrant.title} most"
