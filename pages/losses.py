"""Losses: what each one is, by the functions that train; and one of your own."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.data import DATASETS
from core.losses import LOSSES
from core.spec import EntrantSpec
from pages.parts.form import whole
from pages.parts.form.entrants import rivals
from pages.parts.losses import card, choice, code, shape, steps
from pages.parts.shell import layout, session
from pages.parts.shell.text import in_a_row

_RACE_SEEDS = 5


def main() -> None:
    session.follow_click()
    whole.begin("losses", None)
    layout.begin("Losses")
    with st.container(horizontal=True, vertical_alignment="bottom", key="choice"):
        dataset = choice.draw()
        buttons = st.container(horizontal=True, width="content", gap="xxsmall")
    with buttons:
        choice.draw_own_button()
    entrant = choice.entrant(dataset)
    if entrant is None:
        return
    with buttons:
        _draw_actions(entrant, dataset)
    tabs: dict[str, Callable[[EntrantSpec, str], None]] = {
        steps.TAB: steps.draw,
        "Contract": card.draw,
        "Shape": shape.draw,
        "In PyTorch": code.draw_snippet,
        "Common mistakes": code.draw_mistakes,
    }
    for tab, draw_tab in zip(
        st.tabs(list(tabs), on_change="rerun", key=steps.TABS), tabs.values(), strict=True
    ):
        if tab.open:
            with tab, session.errors_as_sentences():
                draw_tab(entrant, dataset)


def _draw_actions(entrant: EntrantSpec, dataset: str) -> None:
    others = rivals(entrant.loss, DATASETS[dataset].task)
    titles = in_a_row([LOSSES[each].title for each in others]) if others else ""
    st.button(
        "Train it",
        icon=":material/play_arrow:",
        on_click=_start,
        args=("train", 1),
    )
    st.button(
        "Race it",
        icon=":material/sports_score:",
        disabled=not others,
        help=f"Against {titles}, {_RACE_SEEDS} seeds." if others else "No rival fits this data.",
        on_click=_start,
        args=("compare", _RACE_SEEDS),
    )


def _start(page: str, seeds: int) -> None:
    """Start a training with the loss and its rivals; the next pass goes where it is shown.

    The loss is read now: a field may have changed since the button was drawn. The second half
    of a double click may come when the page has been left; it follows the first.
    """
    if st.session_state[session.DRAWN] != "losses":
        session.go_to(page)
        return
    with session.errors_as_sentences():
        entrant, dataset = choice.read()
        others = rivals(entrant.loss, DATASETS[dataset].task)
        entrants = [entrant, *(EntrantSpec(loss=each) for each in others)]
        spec = choice.experiment(entrants, dataset, range(seeds))
        session.start_on(page, spec)
        whole.fill(page, spec)
        session.go_to(page)


layout.show(main)
