"""News of an exhibit that is shown, beside Streamlit and not through it."""

from __future__ import annotations

import streamlit as st

from core.records import Showing
from pages.parts.widgets import addresses

_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const call = parentElement.calls = (parentElement.calls ?? 0) + 1
  const script = import(`${location.origin}${data.script}`)
  script.then((showing) => {
    // Imports may be done in another order than they began: the newest call holds.
    if (call === parentElement.calls) showing.show(parentElement, data, setTriggerValue)
  })
  return () => script.then((showing) => showing.hide(parentElement))
}
"""

_showing = st.components.v2.component("showing", js=_JS, isolate_styles=False)


def follow(showing: Showing, link: str) -> None:
    """Say how many have bet; the script runs again when the showing begins, trains or ends.

    ``link`` is the address, without the server's, that is shown to be copied; empty for none.
    """
    _showing(
        key="showing",
        data={
            "base": addresses.base(),
            "showing": showing.id,
            "phase": showing.phase.value,
            "link": f"{addresses.base()}{link}" if link else "",
            "script": addresses.script("showing"),
        },
        on_phase_change=lambda: None,
    )
