"""Train: pick a loss and sizes, press Train, watch the curve."""

import streamlit as st

from core.errors import SpecError
from core.spec import LESSON, ExperimentSpec
from pages.parts import controls, live_view, session, spec_form, welcome

#: Where the columns stack, Train and its charts come before the settings; and a slider's
#: value is text, so it has the colour of text and not that of a button.
_STYLE = """<style>
@media (max-width: 640px) { [data-testid="stColumn"]:has(.st-key-setup) { order: 1; } }
[data-testid="stSliderThumbValue"], [data-testid="stSliderThumbValue"] * {
  color: var(--st-text-color, inherit) !important; }
</style>"""


def main() -> None:
    session.engine()
    shown = session.opened()
    spec_form.fill_once(shown)
    st.html(_STYLE)
    st.title("Loss Lab", anchor=False)
    setup, view = st.columns([1, 2.2], gap="large")
    with setup, st.container(key="setup"):
        _draw_presets()
        spec_form.draw()
        spec = _read_form()
        controls.draw_settings_file(spec)
    with view:
        controls.draw(shown, can_start=spec is not None)
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


def _read_form() -> ExperimentSpec | None:
    try:
        return spec_form.read()
    except SpecError as error:
        for sentence in error.sentences:
            st.error(sentence, icon=":material/error:")
        return None


with session.told():
    main()
