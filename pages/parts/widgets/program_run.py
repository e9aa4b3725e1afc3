"""What a program that runs prints, live, beside Streamlit and not through it."""

from __future__ import annotations

import streamlit as st

from core.program.running import RunStatus
from pages.parts.widgets import addresses

_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const call = parentElement.calls = (parentElement.calls ?? 0) + 1
  const script = import(`${location.origin}${data.script}`)
  script.then((program) => {
    // Imports may be done in another order than they began: the newest call holds.
    if (call === parentElement.calls) program.show(parentElement, data, setTriggerValue)
  })
  return () => script.then((program) => program.hide(parentElement))
}
"""

_run = st.components.v2.component(
    "program_run",
    css=addresses.style("program_run"),
    js=_JS,
    isolate_styles=False,
)


def draw(run: str, status: RunStatus, experiment_id: str | None) -> None:
    """Show the run of that id beside the experiment; the script runs again when it ends."""
    _run(
        key="program_run",
        data={
            "base": addresses.base(),
            "run": run,
            "experiment": experiment_id,
            "status": status.value,
            "script": addresses.script("program"),
        },
        on_status_change=lambda: None,
    )
