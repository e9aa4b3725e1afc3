"""How every page begins, and what one with settings looks like."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.shell import session
from pages.parts.shell.text import escaped

#: Where the columns stack, Train and its charts come before the settings, and a table fits
#: without scrolling, which a keyboard could not do there. A slider's
#: value is text, so it has the colour of text and not that of a button. So has what is picked
#: in a row of choices; and a shortcut on a button has the colour of the button's text. Code
#: has two colours that can be read on both backgrounds, and formulas do not scroll.
_STYLE = """<style>
@media (max-width: 640px) {
  [data-testid="stColumn"]:has(.st-key-setup) { order: 1; }
  [data-testid="stTable"] :is(th, td) { padding: 0.2rem !important; }
  [data-testid="stTable"] :is(th, td) * { font-size: 0.68rem !important; line-height: 1.3; }
  .katex-display > .katex { font-size: 0.95em !important; white-space: normal !important; }
  [data-testid="stTable"] code { word-break: break-all; white-space: normal; }
}
[data-testid="stSliderThumbValue"], [data-testid="stSliderThumbValue"] * {
  color: var(--st-text-color, inherit) !important; }
[data-testid="stButtonGroup"] :is([aria-checked="true"], [aria-pressed="true"]),
[data-testid="stButtonGroup"] :is([aria-checked="true"], [aria-pressed="true"]) * {
  color: var(--st-text-color, inherit) !important; }
.katex-display { overflow: visible !important; }
[data-testid="stCode"] .token { color: var(--st-text-color, inherit) !important; }
[data-testid="stCode"] :is(.keyword, .builtin) { color: var(--st-link-color, inherit) !important; }
[data-testid^="stBaseButton"] kbd { color: inherit !important; opacity: 1 !important; }
</style>"""


def begin(title: str) -> None:
    """The page's title, and how all pages look."""
    st.html(_STYLE)
    st.title(title, anchor=False)
    if note := session.store().note:
        st.caption(f":material/inventory_2: {escaped(note)}")


def columns(title: str) -> tuple[DeltaGenerator, DeltaGenerator]:
    """The page's title, and its two sides: for settings and for the experiment."""
    begin(title)
    left, right = st.columns([1, 2.2], gap="large")
    return left.container(key="setup"), right


def fold(
    label: str, draw: Callable[[], None], *, matters: bool = False, icon: str | None = None
) -> None:
    """What is drawn only while it is unfolded, as it is when what it holds begins to matter.

    The browser goes through everything on the page at each live frame, in sight or not.
    """
    key, mattered = f"fold_{label}", f"mattered_{label}"
    state = st.session_state
    if matters and not (state.get(mattered) and key in state):
        state[key] = True
    state[mattered] = matters
    inside = st.expander(label, key=key, icon=icon, on_change="rerun")
    if inside.open:
        with inside:
            draw()


def show(page: Callable[[], None]) -> None:
    """Draw a page; what goes wrong stands on it as a sentence."""
    with session.errors_as_sentences():
        page()
