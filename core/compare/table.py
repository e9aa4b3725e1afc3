"""The matrix of a race as plain text: every entrant by every yardstick."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from core.compare.intervals import interval
from core.compare.scores import Column
from core.judging.yardsticks import gives_probabilities
from core.spec import Entrant, ExperimentSpec

_NOT_PROBABILITIES = "–"
_BEST = "*"
_BETWEEN_COLUMNS = "  "


def table(columns: Sequence[Column], spec: ExperimentSpec) -> list[str]:
    """Lines of equal width: a head, then one for each entrant; the best have a mark."""
    parts = [["", *(entrant.title for entrant in spec.lineup)]]
    parts += [_column(column, spec) for column in columns]
    aligned = [_aligned(cells, to_the_right=place > 0) for place, cells in enumerate(parts)]
    return [_BETWEEN_COLUMNS.join(cells).rstrip() for cells in zip(*aligned, strict=True)]


def legend(lines: Sequence[str], seeds: int) -> list[str]:
    """A sentence for each sign that stands in the lines of a table."""
    text = "\n".join(lines)
    sentences = {
        "±": f"Mean ± half its 95 % interval over {seeds} seeds.",
        _BEST: f"{_BEST} Best, where paired intervals against every other entrant exclude 0.",
        _NOT_PROBABILITIES: f"{_NOT_PROBABILITIES} The outputs are not probabilities.",
    }
    return [sentence for sign, sentence in sentences.items() if sign in text]


def _column(column: Column, spec: ExperimentSpec) -> list[str]:
    yardstick = column.yardstick
    head = f"{yardstick.title} {'↑' if yardstick.higher_is_better else '↓'}"
    cells = [_cell(column, entrant, spec) for entrant in spec.lineup]
    if column.best is None:
        return [head, *cells]
    marks = [_BEST if place == column.best else " " for place in range(len(cells))]
    return [f"{head} ", *(cell + mark for cell, mark in zip(cells, marks, strict=True))]


def _cell(column: Column, entrant: Entrant, spec: ExperimentSpec) -> str:
    yardstick = column.yardstick
    if yardstick.needs_probabilities and not gives_probabilities(entrant.loss, spec.dataset.task):
        return _NOT_PROBABILITIES
    mean = interval(column.scores[entrant.place])
    if not mean.n:
        return "no score"
    text = f"{mean.mean:{yardstick.format}}"
    if mean.n > 1:
        text += f" ± {mean.high - mean.mean:{yardstick.format}}".rstrip("%")
    if mean.missing:
        text += f" ({mean.n} of {mean.n + mean.missing} seeds)"
    return text


def _aligned(cells: Sequence[str], to_the_right: bool) -> list[str]:
    width = max(map(_width, cells))
    gaps = [" " * (width - _width(cell)) for cell in cells]
    pairs = zip(cells, gaps, strict=True)
    return [gap + cell if to_the_right else cell + gap for cell, gap in pairs]


def _width(text: str) -> int:
    """How many places of a terminal the text takes."""
    return sum(
        0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF")
        for each in text
    )
