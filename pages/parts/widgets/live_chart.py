"""The only place that mounts Plotly: a chart that stays while its data changes.

``st.plotly_chart`` remounts at every update and loses zoom and legend; this component
keeps one ``<div>`` and redraws in it. plotly.js comes from the installed plotly package
by way of the app's own static route, so nothing is fetched from outside.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import streamlit as st

STATIC = Path(__file__).parents[3] / "static"
#: Looked up, not imported: the server never draws with it.
_PLOTLY = distribution("plotly")

_chart = st.components.v2.component(
    "live_chart",
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def live_chart(
    figure: dict[str, Any],
    *,
    key: str,
    label: str,
    steps: int,
    status: str,
    height: int,
) -> None:
    """Draw ``figure`` in the chart called ``key``, ``height`` pixels high.

    ``label`` describes it for those who do not see it; ``steps`` and ``status`` are told
    to tests as ``data-steps`` and ``data-status`` once they are drawn. Each drawing sends the
    event ``drawn`` from the chart's element.
    """
    _chart(
        key=key,
        data={
            # As text: the browser sees at once whether anything changed, and Streamlit,
            # which serialises what it sends twice, has nothing to walk through.
            "figure": json.dumps(figure),
            "key": key,
            "label": label,
            "steps": steps,
            "status": status,
            "height": height,
            "source": _source(),
        },
    )


def preload() -> None:
    """Have the browser fetch and parse plotly.js before there is anything to draw."""
    _chart(key="live_chart_preload", data={"source": _source()})


def install_plotly() -> None:
    """Put the installed package's plotly.min.js where the app serves it."""
    original = Path(str(_PLOTLY.locate_file("plotly/package_data/plotly.min.js")))
    served = STATIC / original.name
    if served.exists() and served.stat().st_size == original.stat().st_size:
        return
    STATIC.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=STATIC, delete=False) as copy:
        shutil.copyfile(original, copy.name)
    os.chmod(copy.name, 0o644)
    os.replace(copy.name, served)


def _source() -> str:
    base = st.get_option("server.baseUrlPath").strip("/")
    path = f"app/static/plotly.min.js?v={_PLOTLY.version}"
    return f"/{base}/{path}" if base else f"/{path}"


install_plotly()
