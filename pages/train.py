"""Train: pick a loss and sizes, press Train, watch the curve."""

from functools import partial

import streamlit as st

from core.records import Experiment
from core.spec import LESSON
from pages.parts.form import branching, remedies, settings_file, whole, widgets
from pages.parts.form.draft import Form
from pages.parts.losses import steps
from pages.parts.shell import controls, layout, session
from pages.parts.train import loop, program
from pages.parts.widgets import stage

_PAGE = "train"


def main() -> None:
    session.follow_click()
    opened = session.opened(_PAGE)
    whole.begin(_PAGE, opened)
    shown = opened or session.example(_PAGE)
    setup, view = layout.columns("Loss Lab")
    described = controls.read_form(whole.read_training)
    # Before the form, which takes longer: it is painted, and the stage follows its stream.
    with view:
        way_on = partial(branching.draw_way_on, _PAGE, shown)
        controls.draw(_PAGE, shown, described, "Train", whole.read_training, whole.fill, way_on)
        branching.draw_origin(_PAGE, shown)
        _draw_way_to_compare(shown)
        act = partial(remedies.act, _PAGE, shown)
        stage.draw(shown, _PAGE, act, ghost=session.before(_PAGE, shown))
        loop.draw(shown.spec)
        layout.fold(
            steps.PROGRAM, lambda: program.draw(described, shown), icon=":material/terminal:"
        )
    with setup:
        _draw_presets()
        form = Form(_PAGE, described.problems)
        widgets.draw_training(form)
        described.draw_problems()
        settings_file.draw(form, described.spec)
        layout.way_back("Train")


def _draw_way_to_compare(shown: Experiment) -> None:
    """A race shows here what one training shows; its verdict is on Compare."""
    if len(shown.spec.seeds) > 1:
        st.page_link(
            "compare.py",
            label=f"A race of {len(shown.spec.seeds)} seeds: Compare has its verdict",
            icon=":material/sports_score:",
            query_params={session.EXPERIMENT: shown.id},
        )


def _draw_presets() -> None:
    with st.container(horizontal=True):
        st.button(
            "The lesson",
            icon=":material/school:",
            on_click=whole.fill,
            args=(_PAGE, LESSON),
            help="64-128-10, 32 random rows, CrossEntropy, Adam at 0.01, 10 epochs.",
        )
        whole.draw_defaults(_PAGE)


layout.show(main)
