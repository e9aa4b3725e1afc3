"""Exhibits: famous claims about losses, each trained live and put to the test."""

import streamlit as st

from pages.parts.exhibits import gallery, place, shown
from pages.parts.shell import layout, session


def main() -> None:
    st.session_state[session.DRAWN] = "exhibits"
    opened = place.opened()
    if opened is None:
        gallery.draw()
    else:
        shown.draw(*opened)


layout.show(main)
