"""A small picture of what an exhibit came to, as an SVG: the first chart of each part.

Lines are means over seeds by epoch, dots are seeds at the end. There are no words in it, and the
axes are grey, so that it reads on light and dark pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.compare.courses import shared_courses
from core.compare.intervals import Sample
from core.exhibits.evidence import Evidence
from core.exhibits.exhibit import Chart, Drawing, Exhibit
from core.exhibits.judged import shared_of, yardstick_of
from core.figures.drawing import NEUTRAL
from core.judging.yardsticks import Reading
from core.spec import Entrant

WIDTH, HEIGHT = 320, 120
_TOP, _BOTTOM, _GAP = 4, 4, 10
_MOST_POINTS = 60
_DASHES = {
    "dash": "5 3", "dot": "1.5 2.5", "dashdot": "5 3 1.5 3", "longdash": "8 3",
    "longdashdot": "8 3 1.5 3",
}  # fmt: skip

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """One part: of each entrant its places from 0 to 1 along the panel, and its values."""

    chart: Chart
    lines: Sequence[tuple[Entrant, Values, Values]]

    @property
    def values(self) -> Values:
        found = np.concatenate([values for _entrant, _x, values in self.lines])
        finite: Values = found[np.isfinite(found)]
        return finite


def picture(exhibit: Exhibit, found: Sequence[Evidence]) -> str:
    """``found`` is what the parts came to, in their order."""
    panels = [
        _panel(part.charts[0], evidence)
        for part, evidence in zip(exhibit.parts, found, strict=True)
    ]
    width = (WIDTH - _GAP * (len(panels) - 1)) / len(panels)
    is_alike = len({panel.chart.judged_by for panel in panels}) == 1
    ends = _ends(panels) if is_alike else None
    drawn = [
        element
        for place, panel in enumerate(panels)
        for element in _drawn(panel, place * (width + _GAP), width, ends or _ends([panel]))
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
            *drawn,
            "</svg>\n",
        ]
    )


def _panel(chart: Chart, evidence: Evidence) -> Panel:
    lines = _ends_of_seeds if chart.drawing is Drawing.END else _means
    return Panel(chart, list(lines(chart, evidence)))


def _means(chart: Chart, evidence: Evidence) -> Iterator[tuple[Entrant, Values, Values]]:
    judged_by = shared_of(evidence.spec, chart)
    for course in shared_courses(evidence.runs, evidence.spec, evidence.facts, judged_by):
        trained = course.thinned(_MOST_POINTS)
        mean = np.asarray(Sample.of(trained.values).mean, np.float64)[1:]
        values = np.log10(mean) if judged_by.reading is Reading.ERROR else mean
        since_first = trained.epochs[1:] - 1
        yield course.entrant, since_first / max(1, since_first[-1]), values


def _ends_of_seeds(chart: Chart, evidence: Evidence) -> Iterator[tuple[Entrant, Values, Values]]:
    measure = yardstick_of(evidence.spec, chart).measure
    count = len(evidence.spec.entrants)
    for entrant in evidence.spec.lineup:
        values = evidence.end(entrant.place, measure)
        yield entrant, np.full(len(values), (entrant.place + 0.5) / count), values


def _ends(panels: Sequence[Panel]) -> tuple[float, float]:
    """The lowest and the highest of what is drawn, but for the first few epochs' extremes."""
    values = np.concatenate([panel.values for panel in panels])
    if not len(values):
        return 0.0, 1.0
    low, high = float(np.quantile(values, 0.03)), float(np.quantile(values, 0.97))
    margin = 0.15 * (high - low) or 0.5
    return low - margin, high + margin


def _drawn(panel: Panel, left: float, width: float, ends: tuple[float, float]) -> Iterator[str]:
    bottom = HEIGHT - _BOTTOM
    yield (
        f'<path d="M{left:.1f} {_TOP}V{bottom}H{left + width:.1f}" fill="none" '
        f'stroke="{NEUTRAL}" stroke-opacity="0.6"/>'
    )
    low, high = ends
    for entrant, x, values in panel.lines:
        shares = np.clip((values - low) / (high - low), 0, 1)
        at_x, at_y = left + x * width, bottom - shares * (bottom - _TOP)
        if panel.chart.drawing is Drawing.END:
            yield from _dots(entrant, at_x, at_y)
        else:
            yield from _line(entrant, at_x, at_y)


def _dots(entrant: Entrant, x: Values, y: Values) -> Iterator[str]:
    for place, (at_x, at_y) in enumerate(zip(x, y, strict=True)):
        if np.isfinite(at_y):
            aside = 3 * (place - (len(x) - 1) / 2)
            yield (
                f'<circle cx="{at_x + aside:.1f}" cy="{at_y:.1f}" r="3.2" fill="{entrant.color}" '
                'fill-opacity="0.8"/>'
            )


def _line(entrant: Entrant, x: Values, y: Values) -> Iterator[str]:
    """The finite points; what is not finite breaks the line off."""
    finite = np.flatnonzero(np.isfinite(y))
    breaks = [0, *(np.flatnonzero(np.diff(finite) > 1) + 1).tolist(), len(finite)]
    for begin, end in pairwise(breaks):
        points = " ".join(f"{x[at]:.1f},{y[at]:.1f}" for at in finite[begin:end])
        if points:
            yield (
                f'<polyline points="{points}" fill="none" stroke="{entrant.color}" '
                f'stroke-width="2"{_dashed(entrant)}/>'
            )


def _dashed(entrant: Entrant) -> str:
    dash = _DASHES.get(entrant.dash)
    return f' stroke-dasharray="{dash}"' if dash else ""
