"""A slider along the axis of shapes that the charts follow at once, and its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.anatomy.choice import Axis, Shape
from core.losses import LossSpec
from pages.parts import html_table

#: Where the slider stands at first.
_START = 0.3

_slider = st.components.v2.component(
    "shape_slider",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    isolate_styles=False,
)

_STYLE = """<style>
.shape-slider label { display: block; font-size: 0.875rem; }
.shape-slider output { font-weight: 600; font-variant-numeric: tabular-nums; }
.shape-slider input { display: block; width: min(100%, 28rem); margin: 0.5rem 0 1rem;
  accent-color: var(--st-primary-color); }
</style>"""


def draw(found: Sequence[tuple[LossSpec, Shape]], axis: Axis, target: float) -> None:
    """The slider over the places at which the shapes were computed."""
    x = found[0][1].x
    in_output = "dL/d(prediction)" if axis is Axis.PREDICTION else "dL/dp"
    st.html(html_table.STYLE + _STYLE)
    _slider(
        key="shape_slider",
        data={
            "axis": axis.value,
            "label": f"Prediction ({axis.value})",
            "x": x.tolist(),
            "start": int(np.abs(x - _START).argmin()),
            "columns": ["loss L", in_output, "dL/dz"],
            "caption": f"At {axis.value} {{at}}, target {target:g}",
            "rows": [
                {
                    "name": spec.title,
                    "columns": [
                        _numbers(values)
                        for values in (shape.loss, shape.by_prediction, shape.by_logit)
                    ],
                }
                for spec, shape in found
            ],
        },
    )


def _numbers(values: NDArray[np.float64] | None) -> list[float | None] | None:
    """As JSON has them: None for what is not finite."""
    if values is None:
        return None
    return [value if np.isfinite(value) else None for value in values.tolist()]
