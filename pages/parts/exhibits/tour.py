"""The guided tour: exhibits in a row, each of which trains when it is come to."""

from __future__ import annotations

import streamlit as st

from core.exhibits.tour import TOUR
from core.records import Phase, Showing
from pages.parts.exhibits import place, running
from pages.parts.shell import session

#: Session key: the showing of each step that was come to.
_SHOWN = "tour_shown"


def begin() -> None:
    """Go to the first step of a new tour."""
    st.session_state[_SHOWN] = {}
    _go(1)


def draw(step: int, showing: Showing) -> Showing:
    """The bar of the tour. The exhibit runs, if it has not begun; returns how it stands then."""
    st.session_state.setdefault(_SHOWN, {})[step] = showing.id
    with st.container(horizontal=True, vertical_alignment="center", key="tour_bar"):
        st.markdown(f"**Tour** · {step} of {len(TOUR)}", width="content")
        st.button(
            "Back",
            icon=":material/arrow_back:",
            shortcut="Left",
            disabled=step == 1,
            on_click=_go,
            args=(step - 1,),
        )
        is_last = step == len(TOUR)
        st.button(
            "To the gallery" if is_last else "Next",
            key="tour_next",
            icon=":material/arrow_forward:",
            shortcut="Right",
            type="primary",
            on_click=_leave if is_last else _go,
            args=() if is_last else (step + 1,),
        )
        st.button(
            "Leave the tour",
            key="tour_leave",
            type="tertiary",
            help="Stay at this exhibit; what it trains goes on.",
            on_click=place.go,
            args=(showing.exhibit, showing.id),
        )
    if showing.phase is Phase.WAITING:
        with session.errors_as_sentences():
            running.run(showing)
    return running.get(showing.id)


def _go(step: int) -> None:
    """To another step. What still trains is stopped and kept; a step that was shown before
    stands as it was left."""
    with session.errors_as_sentences():
        running.stop_last()
        shown: dict[int, str] = st.session_state.get(_SHOWN, {})
        place.go(TOUR[step - 1], shown.get(step), step)


def _leave() -> None:
    with session.errors_as_sentences():
        running.stop_last()
        place.go()
