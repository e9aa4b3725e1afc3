"""Sliders for the prediction and the target that the charts follow at once, with the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.anatomy.shapes import Shape, ShapeAxis
from core.figures import QUANTITIES
from core.losses import LossSpec
from pages.parts.widgets import html_table

#: Where the prediction stands at first.
_START = 0.3
#: The browser shows four decimals.
_DECIMALS = 6

_slider = st.components.v2.component(
    "shape_slider",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    isolate_styles=False,
)

_STYLE = """<style>
.shape-slider { display: flex; flex-direction: column; max-height: 13rem;
  background: var(--st-background-color); }
.shape-slider label { display: block; font-size: 0.875rem; }
.shape-slider label[hidden] { display: none; }
.shape-slider output { font-weight: 600; font-variant-numeric: tabular-nums; }
.shape-slider input { display: block; width: 100%; margin: 0.2rem 0 0.5rem;
  accent-color: var(--st-primary-color); }
.shape-slider .numbers { overflow-y: auto; }
.shape-slider table { width: 100%; }
.shape-slider :is(th, td) { padding: 0.25rem 0.4rem; }
.shape-slider tbody th { text-align: left; white-space: normal; }
.shape-slider svg { width: 1.8rem; height: 0.5rem; margin-right: 0.4rem; vertical-align: middle; }
.shape-slider thead th { position: sticky; top: 0; background: var(--st-background-color); }
</style>"""


def draw(
    shapes_by_loss: Sequence[tuple[LossSpec, Sequence[Shape | None]]],
    axis: ShapeAxis,
    targets: Sequence[float],
    first_target: int,
) -> None:
    """The sliders over the places and targets for which the shapes were computed."""
    is_value = axis is ShapeAxis.PREDICTION
    x = np.array(axis.places)
    st.html(html_table.STYLE + _STYLE)
    _slider(
        key="shape_slider",
        data={
            "of": f"{axis} {len(targets)}",
            "axis": axis.value,
            "label": "Prediction" if is_value else f"Prediction ({axis.value})",
            "x": x.tolist(),
            "start": int(np.abs(x - _START).argmin()),
            "targets": list(targets),
            "start_target": first_target,
            "columns": ["loss L", "dL/d(prediction)" if is_value else "dL/dp", "dL/dz"],
            "none": "–" if is_value else "not a probability",
            "tables": [
                [_row(spec, shapes[place]) for spec, shapes in shapes_by_loss]
                for place in range(len(targets))
            ],
        },
    )


def _row(spec: LossSpec, shape: Shape | None) -> dict[str, Any]:
    values = [getattr(shape, quantity, None) for quantity in QUANTITIES]
    look = {"color": spec.color, "dash": spec.dash}
    return {"name": spec.title, **look, "columns": [_numbers(each) for each in values]}


def _numbers(values: NDArray[np.float64] | None) -> list[float | None] | None:
    """As JSON has them: None for what is not finite."""
    if values is None:
        return None
    return [round(value, _DECIMALS) if np.isfinite(value) else None for value in values.tolist()]
