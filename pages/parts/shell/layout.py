"""How every page begins, and what one with settings looks like."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts.shell import account, session
from pages.parts.shell.text import escaped

#: Session key: whether this session has seen a page.
_BEGUN = "begun"
#: What comes within so short a time is painted together, and a whole form takes longer to paint.
_PAINTED_TOGETHER_SECONDS = 0.03


#: The pages in their order, as they are called where there is no room for Streamlit's own row.
_PAGES = {
    "train.py": "Train",
    "compare.py": "Compare",
    "exhibits.py": "Exhibits",
    "losses.py": "Losses",
}


def begin(title: str) -> None:
    """The page's title, and on a small screen the way to the others."""
    with st.container(horizontal=True, key="pages"):
        for script, name in _PAGES.items():
            st.page_link(script, label=name, width="content")
    st.title(title, anchor=False)
    account.draw()
    if _BEGUN not in st.session_state:
        # Who comes for the first time sees the title before the browser draws the form.
        st.session_state[_BEGUN] = True
        time.sleep(_PAINTED_TOGETHER_SECONDS)
    if note := session.store().note:
        st.caption(f":material/inventory_2: {escaped(note)}")


def columns(title: str) -> tuple[DeltaGenerator, DeltaGenerator]:
    """The page's title, and its two sides: for settings and for the experiment."""
    begin(title)
    # What is shown comes first, for the keyboard and where the columns stack; style puts the
    # settings at its left.
    shown, settings = st.columns([3, 1], gap="medium")
    setup = settings.container(key="setup")
    setup.html('<a id="settings"></a>')
    return setup, shown


def way_back(name: str) -> None:
    """At the end of the settings, where they stand below the buttons, what leads up to those."""
    st.html(f'<a class="to-buttons" href="#buttons">↑ {name}</a>')


def fold(
    label: str,
    draw: Callable[[], None],
    *,
    matters: bool = False,
    icon: str | None = None,
    which: str = "",
) -> None:
    """What is drawn only while it is unfolded, as it is when what it holds begins to matter.

    The browser goes through everything on the page at each live frame, in sight or not. ``which``
    tells folds of one label apart.
    """
    key, mattered = f"fold_{label}{which}", f"mattered_{label}{which}"
    state = st.session_state
    if matters and not (state.get(mattered) and key in state):
        state[key] = True
    state[mattered] = matters
    inside = st.expander(label, key=key, icon=icon, on_change="rerun")
    if inside.open:
        with inside:
            draw()


def unfold(label: str) -> None:
    """Have a fold of the next page open."""
    st.session_state[f"fold_{label}"] = True


def show(page: Callable[[], None]) -> None:
    """Draw a page; what goes wrong stands on it as a sentence."""
    with session.errors_as_sentences():
        page()
