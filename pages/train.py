"""Train: pick a loss and sizes, press Train, watch the curve."""

import streamlit as st

from core.spec import LESSON
from pages.parts.form import settings_file, whole, widgets
from pages.parts.form.draft import Form
from pages.parts.shell import controls, layout, session
from pages.parts.train import welcome
from pages.parts.widgets import stage

_PAGE = "train"


def main() -> None:
    shown = session.opened(_PAGE)
    whole.begin(_PAGE, shown)
    setup, view = layout.columns("Loss Lab")
    described = controls.read_form(whole.read_training)
    # Before the form, which takes longer: it is painted, and the stage follows its stream.
    with view:
        controls.draw(_PAGE, shown, described.spec is not None, "Train", whole.read_training)
        if shown is None:
            welcome.draw()
        else:
            stage.draw(shown, _PAGE)
    with setup:
        _draw_presets()
        form = Form(_PAGE)
        widgets.draw_training(form)
        described.draw_problems()
        settings_file.draw(form, described.spec)


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
