"""Losses: what each one is, by the functions that train; and one of your own."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.anatomy.choice import Choice
from core.data import DATASETS
from core.losses import LOSSES
from pages.parts import (
    card_view,
    code_view,
    layout,
    loss_choice,
    session,
    shape_view,
    spec_form,
    step_view,
)

_RACE_SEEDS = 5
#: Session key of the page to go to.
_GO_TO = "go_to"


def main() -> None:
    if page := st.session_state.pop(_GO_TO, None):
        st.switch_page(page)
    session.engine()
    layout.begin("Losses")
    choice, dataset = loss_choice.draw()
    if choice is None:
        return
    _draw_actions(choice, dataset)
    tabs: dict[str, Callable[[Choice, str], None]] = {
        "How it works": step_view.draw,
        "Contract": card_view.draw,
        "Shape": shape_view.draw,
        "In PyTorch": code_view.draw_snippet,
        "Common mistakes": code_view.draw_mistakes,
    }
    for tab, draw_tab in zip(
        st.tabs(list(tabs), on_change="rerun", key="loss_tabs"), tabs.values(), strict=True
    ):
        if tab.open:
            with tab, session.told():
                draw_tab(choice, dataset)


def _draw_actions(choice: Choice, dataset: str) -> None:
    rivals = spec_form.rivals(choice.key, DATASETS[dataset].task)
    titles = " and ".join(LOSSES[each].title for each in rivals)
    with st.container(horizontal=True):
        st.button(
            "Train it",
            icon=":material/play_arrow:",
            on_click=_start,
            args=(choice, dataset, "train", 1),
        )
        st.button(
            "Race it",
            icon=":material/sports_score:",
            disabled=not rivals,
            help=f"Against {titles}, {_RACE_SEEDS} seeds."
            if rivals
            else "No rival fits this data.",
            on_click=_start,
            args=(choice, dataset, "compare", _RACE_SEEDS),
        )


def _start(choice: Choice, dataset: str, page: str, seeds: int) -> None:
    """Start a training with the loss and its rivals; the next pass goes where it is shown."""
    losses = [choice.key, *spec_form.rivals(choice.key, DATASETS[dataset].task)]
    with session.told():
        spec = choice.experiment(dataset, losses=losses, seeds=list(range(seeds)))
        session.start_on(page, spec)
        spec_form.fill(spec)
        st.session_state[_GO_TO] = f"pages/{page}.py"


layout.show(main)
