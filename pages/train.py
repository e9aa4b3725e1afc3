"""Train: pick a loss and sizes, press Train, watch the curve."""

import streamlit as st

from core.spec import LESSON
from pages.parts import controls, layout, live_view, session, spec_form, welcome


def main() -> None:
    session.engine()
    shown = session.opened("train")
    spec_form.fill_once(shown)
    setup, view = layout.columns("Loss Lab")
    with setup:
        _draw_presets()
        spec_form.draw()
        spec = controls.read_form(spec_form.read)
        controls.draw_settings_file(spec)
    with view:
        controls.draw(shown, spec is not None, "Train", spec_form.read)
        if shown is None:
            welcome.draw()
        else:
            live_view.draw(shown)


def _draw_presets() -> None:
    with st.container(horizontal=True):
        st.button(
            "The lesson",
            icon=":material/school:",
            on_click=spec_form.fill,
            args=(LESSON,),
            help="64-128-10, 32 random rows, CrossEntropy, Adam at 0.01, 10 epochs.",
        )
        st.button(
            "Defaults",
            icon=":material/restart_alt:",
            type="tertiary",
            on_click=spec_form.fill,
            args=(spec_form.DEFAULT,),
            help="Put every setting back.",
        )


layout.show(main)
