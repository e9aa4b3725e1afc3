"""Where a loss comes from that rises while the accuracy does not fall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from core.live import blocks
from core.live.blocks import Block
from core.live.seen import Seen, in_base64
from core.records import Snapshot
from core.spec import Entrant, ExperimentSpec


def draw(seen: Seen, menu: Sequence[Block]) -> Iterator[Block]:
    """The entrants whose loss rose so, from the seed that is looked at; ``menu`` picks it.

    Nothing where none did from any seed, and nothing of what was recorded before this was.
    """
    carrying, spec = seen.snapshot.carrying, seen.spec
    if carrying is None or not carrying.any():
        return
    yield blocks.heading("rises_heading", "Where the rising loss comes from", *menu)
    cells = [
        list(_of_entrant(seen, entrant)) for entrant in spec.lineup if carrying[seen.run(entrant)]
    ]
    if cells:
        yield blocks.grid("rises", cells)
    else:
        at_seeds = carrying.reshape(-1, len(spec.seeds)).any(0)
        there = ", ".join(str(spec.seeds[place]) for place in np.flatnonzero(at_seeds))
        words = (
            f"None rises from seed {spec.seeds[seen.seed_place]}; from others ({there}) it does."
        )
        yield blocks.text("rises_elsewhere", words, "caption")


def sentence(spec: ExperimentSpec, snapshot: Snapshot, entrant: Entrant, run: int) -> str:
    """What rose by how much, how few rows carry it, and how the logits grew meanwhile."""
    assert snapshot.risen is not None
    assert snapshot.carrying is not None
    then, now = snapshot.risen[run].astype(np.float64)
    epoch, loss_then, right_then, size_then = then
    _, loss, right, size = now
    of_seed = f" from seed {spec.seeds[run % len(spec.seeds)]}" if len(spec.seeds) > 1 else ""
    count, rows = int(snapshot.carrying[run]), spec.data.validation_rows
    return (
        f"{entrant.title}'s loss on held-out rows{of_seed} rose from {loss_then:.3g} "
        f"(epoch {epoch:,.0f}) to {loss:.3g} while its accuracy {_accuracy(right_then, right)}: "
        f"{count:,} of {rows:,} rows {'carries' if count == 1 else 'carry'} 80% of the rise. "
        f"The logits {_sizes(size_then, size)} in size."
    )


def _accuracy(then: float, now: float) -> str:
    """By one decimal of a percentage, as it is read."""
    before, after = f"{then:.1%}", f"{now:.1%}"
    return f"stayed at {after}" if before == after else f"rose from {before} to {after}"


def _sizes(then: float, now: float) -> str:
    before, after = f"{then:.3g}", f"{now:.3g}"
    if before == after:
        return f"stayed at {after}"
    return f"{'grew' if now > then else 'shrank'} from {before} to {after}"


def _of_entrant(seen: Seen, entrant: Entrant) -> Iterator[Block]:
    run, snapshot = seen.run(entrant), seen.snapshot
    assert snapshot.carriers is not None
    assert snapshot.carrying is not None
    name = f"rises_{entrant.place}"
    words = sentence(seen.spec, snapshot, entrant, run)
    yield blocks.text(f"{name}_said", blocks.typed(words))
    told = [each for each in snapshot.carriers[run].tolist() if not np.isnan(each[0])]
    drawn = _pictures(seen, run, name, told) if seen.has_pictures else _table(name, entrant, told)
    is_all = snapshot.carrying[run] <= len(told)
    title = "These rows" if is_all else f"The {len(told)} rows that rose most"
    yield blocks.fold(f"{name}_rows", title, [drawn])


def _pictures(seen: Seen, run: int, name: str, told: list[list[float]]) -> Block:
    pictures = seen.snapshot.carrier_pictures
    assert pictures is not None
    drawn = [
        (in_base64(picture), f"{true:.0f}, taken for {said:.0f}: loss {then:.2g} → {now:.2g}")
        if true != said
        else (in_base64(picture), f"{true:.0f}: loss {then:.2g} → {now:.2g}")
        for picture, (_row, true, said, then, now) in zip(pictures[run], told, strict=False)
    ]
    height, width = pictures.shape[-2:]
    return blocks.pictures(name, drawn, (height, width))


def _table(name: str, entrant: Entrant, told: list[list[float]]) -> Block:
    rows = {
        f"{row:,.0f}": [f"{true:.0f}", f"{said:.0f}", f"{then:.3g}", f"{now:.3g}"]
        for row, true, said, then, now in told
    }
    columns = ["held-out row", "true class", "predicted", "its loss then", "now"]
    tips = {"held-out row": "Its number among the held-out rows of the seed, counted from 0."}
    label = f"Rows with which the loss of {entrant.title} rises"
    return blocks.table(name, columns, rows, label, tips)
