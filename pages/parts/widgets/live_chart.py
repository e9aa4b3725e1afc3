"""A chart that stays while its data changes, for figures that a page makes.

``st.plotly_chart`` remounts at every update and loses zoom and legend; this component
keeps one ``<div>`` and redraws in it. plotly.js comes from the installed plotly package,
which the app serves itself, so nothing is fetched from outside.
"""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from pages.parts.widgets import addresses

_JS = """
export default function ({ data, parentElement }) {
  const call = parentElement.calls = (parentElement.calls ?? 0) + 1
  const script = import(`${location.origin}${data.script}`)
  script.then((charts) => {
    // Imports may be done in another order than they began: the newest call holds.
    if (call !== parentElement.calls) return
    // As text: what did not change is not drawn again.
    if (parentElement.figureText !== data.figure) {
      parentElement.figureText = data.figure
      parentElement.figure = JSON.parse(data.figure)
    }
    parentElement.chart ??= charts.mount(parentElement)
    charts.draw(parentElement.chart, { ...data, figure: parentElement.figure })
  })
  // Streamlit calls this also for a call whose data was replaced before it was made, while
  // the chart stays; only one that has left the page is to be taken down.
  return () => script.then((charts) => {
    if (!parentElement.isConnected && parentElement.chart) charts.unmount(parentElement.chart)
  })
}
"""

_chart = st.components.v2.component(
    "live_chart", css=addresses.style("chart"), js=_JS, isolate_styles=False
)


def live_chart(figure: dict[str, Any], *, key: str, label: str, height: int) -> None:
    """Draw ``figure`` in the chart called ``key``, ``height`` pixels high.

    ``label`` describes it for those who do not see it. Each drawing sends the event ``drawn``
    from the chart's element.
    """
    _chart(
        key=key,
        data={
            "figure": json.dumps(figure),
            "key": key,
            "label": label,
            "steps": 0,
            "status": "shown",
            "height": height,
            "source": addresses.plotly(),
            "script": addresses.script("chart"),
        },
    )
