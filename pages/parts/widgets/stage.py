"""The place where an experiment is shown live, beside Streamlit and not through it.

The page's script only says which experiment it is; the browser then follows its stream of
frames by itself. The script runs again when the status changes, as the page's buttons speak
of it, and when a button within the stage is clicked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import streamlit as st

from core.records import Experiment
from pages.parts.widgets import addresses

_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const call = parentElement.calls = (parentElement.calls ?? 0) + 1
  const script = import(`${location.origin}${data.script}`)
  script.then((stage) => {
    // Imports may be done in another order than they began: the newest call holds.
    if (call === parentElement.calls) stage.show(parentElement, data, setTriggerValue)
  })
  return () => script.then((stage) => stage.hide(parentElement))
}
"""

_NONE: Mapping[str, str | int] = MappingProxyType({})

_stage = st.components.v2.component(
    "stage",
    css=addresses.style("stage", "chart"),
    js=_JS,
    isolate_styles=False,
)


def draw(
    shown: Experiment,
    page: str,
    act: Callable[[str], None] | None = None,
    ghost: str = "",
    place: str = "",
    options: Mapping[str, str | int] = _NONE,
) -> None:
    """Show the experiment as the stage of ``page`` has it; ``act`` hears a button's name.

    ``ghost`` is the id of an experiment that is drawn faintly behind it. ``place`` tells several
    stages of a page apart, and ``options`` are those of the view that the page itself sets.
    """
    key = f"stage_{page}{place}"

    def clicked() -> None:
        name = st.session_state[key].action
        if act is not None and name:
            act(name)

    _stage(
        key=key,
        data={
            "base": addresses.base(),
            "experiment": shown.id,
            "page": page,
            "ghost": ghost,
            "options": dict(options),
            "status": shown.status.value,
            "plotly": addresses.plotly(),
            "script": addresses.script("stage"),
        },
        on_status_change=lambda: None,
        on_action_change=clicked,
    )
