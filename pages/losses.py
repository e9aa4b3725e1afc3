"""Losses: what each one is, by the functions that train; and one of your own."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.anatomy.choice import Choice
from core.datasets import DATASETS
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


def main() -> None:
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
    with st.container(horizontal=True):
        if st.button("Train it", icon=":material/play_arrow:"):
            _begin(choice, dataset, "train", (choice.key, *rivals), 1)
        if st.button(
            "Race it",
            icon=":material/sports_score:",
            disabled=not rivals,
            help=f"Against {' and '.join(LOSSES[each].title for each in rivals)}, "
            f"{_RACE_SEEDS} seeds."
            if rivals
            else "No rival fits this data.",
        ):
            _begin(choice, dataset, "compare", (choice.key, *rivals), _RACE_SEEDS)


def _begin(choice: Choice, dataset: str, page: str, losses: tuple[str, ...], seeds: int) -> None:
    """Start a training with the loss and go where it is shown."""
    with session.told():
        spec = choice.experiment(dataset, losses=losses, seeds=list(range(seeds)))
        spec_form.fill(spec)
        session.start_on(page, spec)
        st.switch_page(f"pages/{page}.py")


layout.show(main)
