"""The matrix of a race as plain text: every entrant by every yardstick."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from core.compare.scores import Column, score_text
from core.spec import Entrant, ExperimentSpec

_NOT_PROBABILITIES = "–"
_BEST = "*"
_BETWEEN_COLUMNS = "  "
#: As many characters as a line may have.
_WIDTH = 100


def table(columns: Sequence[Column], spec: ExperimentSpec) -> list[str]:
    """Lines of a head and one for each entrant; the best have a mark.

    Columns for which a line has no room stand in another such table below an empty line.
    """
    titles = _aligned(["", *(entrant.title for entrant in spec.lineup)], to_the_right=False)
    aligned = [_aligned(_column(column, spec), to_the_right=True) for column in columns]
    tables = [_lines([titles, *part]) for part in _fitting(aligned, _WIDTH - _width(titles[0]))]
    return [line for lines in tables for line in ("", *lines)][1:]


def _fitting(columns: Sequence[list[str]], room: int) -> list[list[list[str]]]:
    """The columns in as few parts as fit; one that is too wide for any has its own."""
    parts: list[list[list[str]]] = [[]]
    left = room
    for column in columns:
        needed = len(_BETWEEN_COLUMNS) + _width(column[0])
        if parts[-1] and needed > left:
            parts.append([])
            left = room
        parts[-1].append(column)
        left -= needed
    return parts


def _lines(parts: Sequence[Sequence[str]]) -> list[str]:
    return [_BETWEEN_COLUMNS.join(cells).rstrip() for cells in zip(*parts, strict=True)]


def legend(columns: Sequence[Column], spec: ExperimentSpec) -> list[str]:
    """A sentence for each sign that stands in the cells of a table."""
    has_best = any(column.best is not None for column in columns)
    lacks_probabilities = any(column.lacking for column in columns)
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
    if entrant.place in column.lacking:
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
