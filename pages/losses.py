"""Losses: what each one is, by the functions that train; and one of your own."""

from collections.abc import Callable

import streamlit as st

from core.anatomy.choice import Choice
from core.datasets import DATASETS
from core.losses import LOSSES
from pages.parts import card_view, code_view, layout, session, shape_view, step_view

#: What the page opens with, and the data that a loss is shown on where it does not fit that.
_LOSS, _DATASETS = "cross_entropy", ("iris", "diabetes", "moons")


def main() -> None:
    session.engine()
    layout.begin("Losses")
    choice, dataset = _draw_choice()
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


def _draw_choice() -> tuple[Choice, str]:
    """The loss, and data that it fits."""
    with st.container(horizontal=True, key="choice"):
        key = st.selectbox(
            "Loss",
            list(LOSSES),
            index=list(LOSSES).index(_LOSS),
            key="anatomy_loss",
            format_func=lambda each: LOSSES[each].title,
            persist_state="session",
        )
        fitting = [name for name, data in DATASETS.items() if data.task in LOSSES[key].forms]
        if st.session_state.get("anatomy_dataset") not in fitting:
            st.session_state["anatomy_dataset"] = next(n for n in _DATASETS if n in fitting)
        dataset = st.selectbox(
            "Data set",
            fitting,
            key="anatomy_dataset",
            format_func=lambda name: DATASETS[name].title,
            help="The data sets that the loss fits.",
            persist_state="session",
        )
    return Choice(key), dataset


layout.show(main)
