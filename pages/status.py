"""Status: how the training service, the queue and the store fare."""

from __future__ import annotations

import streamlit as st

from core.lab import lab
from core.status import as_words, state_of
from pages.parts.shell import layout, session
from pages.parts.shell.text import escaped

_SECONDS = 2


def main() -> None:
    session.follow_click()
    layout.begin("Status")
    _draw()


@st.fragment(run_every=_SECONDS)
def _draw() -> None:
    with session.errors_as_sentences():
        for title, words in as_words(state_of(lab(), None)).items():
            st.markdown(f"**{escaped(title)}**: {escaped(words)}")
        st.caption("Programs read the same at /metrics.")


layout.show(main)
