"""The matrix of a race as plain text: every entrant by every yardstick."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from core.compare.scores import Column, can_score, score_text
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


def legend(columns: Sequence[Column], spec: ExperimentSpec) -> list[str]:
    """A sentence for each sign that stands in the cells of a table."""
    has_best = any(column.best is not None for column in columns)
    lacks_probabilities = any(
        not can_score(entrant.loss, spec, column.yardstick)
        for entrant in spec.lineup
        for column in columns
    )
    sentences = {
        f"Mean ± half its 95% interval over {len(spec.seeds)} seeds.": len(spec.seeds) > 1,
        f"{_BEST} Best: paired t tests, adjusted by Holm, show it against every other.": has_best,
        f"{_NOT_PROBABILITIES} The outputs are not probabilities.": lacks_probabilities,
    }
    return [sentence for sentence, applies in sentences.items() if applies]


def _column(column: Column, spec: ExperimentSpec) -> list[str]:
    yardstick = column.yardstick
    head = f"{yardstick.title} {'↑' if yardstick.higher_is_better else '↓'}"
    cells = [_cell(column, entrant, spec) for entrant in spec.lineup]
    if column.best is None:
        return [head, *cells]
    marks = [_BEST if place == column.best else " " for place in range(len(cells))]
    return [f"{head} ", *(cell + mark for cell, mark in zip(cells, marks, strict=True))]


def _cell(column: Column, entrant: Entrant, spec: ExperimentSpec) -> str:
    if not can_score(entrant.loss, spec, column.yardstick):
        return _NOT_PROBABILITIES
    return score_text(column, entrant.place) or "no score"


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
