"""What every page with settings looks like: they stand on one side, the experiment on the other."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

#: Where the columns stack, Train and its charts come before the settings; and a slider's
#: value is text, so it has the colour of text and not that of a button.
_STYLE = """<style>
@media (max-width: 640px) { [data-testid="stColumn"]:has(.st-key-setup) { order: 1; } }
[data-testid="stSliderThumbValue"], [data-testid="stSliderThumbValue"] * {
  color: var(--st-text-color, inherit) !important; }
</style>"""


def columns(title: str) -> tuple[DeltaGenerator, DeltaGenerator]:
    """The page's title, and its two sides: for settings and for the experiment."""
    st.html(_STYLE)
    st.title(title, anchor=False)
    left, right = st.columns([1, 2.2], gap="large")
    return left.container(key="setup"), right
