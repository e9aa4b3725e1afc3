"""Compare: race entrants from the same starts and judge them by the same yardsticks."""

from functools import partial

import streamlit as st

from core.records import Experiment
from core.spec import ExperimentSpec, as_one_function
from pages.parts.form import settings_file, whole, widgets
from pages.parts.form.draft import Form
from pages.parts.form.entrants import Entrants
from pages.parts.shell import controls, layout, session
from pages.parts.widgets import stage

_PAGE = "compare"


def main() -> None:
    opened = session.opened(_PAGE)
    whole.begin(_PAGE, opened)
    shown = opened or session.store().get(session.example())
    setup, view = layout.columns("Compare losses")
    described = controls.read_form(whole.read_race)
    # Before the form, which takes longer: it is painted, and the stage follows its stream.
    with view:
        controls.draw(_PAGE, shown, described.spec is not None, "Race", whole.read_race)
        _draw_what_is_shown(shown)
        stage.draw(shown, _PAGE, partial(_act, shown))
    with setup:
        form = Form(_PAGE)
        with st.container(horizontal=True):
            entrants = Entrants(form, whole.task())
            entrants.draw_preset()
            whole.draw_defaults(_PAGE)
            entrants.draw_aa_check()
        widgets.draw_race(form)
        described.draw_problems()
        _draw_estimate(described.spec)
        settings_file.draw(form, described.spec)


def _draw_estimate(spec: ExperimentSpec | None) -> None:
    """What the race will take, before it starts."""
    if spec is None:
        return
    st.caption(
        f"{len(spec.entrants)} entrants x {len(spec.seeds)} seeds = {spec.run_count} networks, "
        f"trained together: {spec.total_steps:,} steps, about "
        f"{max(1, round(spec.size.seconds)):,} s on one ordinary core, "
        f"{spec.size.memory_bytes / 2**20:,.0f} MB."
    )


def _act(shown: Experiment, name: str) -> None:
    """What a button within the stage does."""
    if name == "set_up_one_function":
        whole.fill(_PAGE, as_one_function(shown.spec))


def _draw_what_is_shown(shown: Experiment) -> None:
    # In a place that is always there: what stands below keeps its own, and its zoom.
    with st.container(key="what_is_shown"):
        if shown.id == session.example():
            st.caption(
                ":material/history: An example race, recorded earlier. Press **Race** to run "
                "your own."
            )


layout.show(main)
