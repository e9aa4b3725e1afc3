"""Compare: race entrants from the same starts and judge them by the same yardsticks."""

from functools import partial

import streamlit as st

from core.records import Experiment
from core.spec import ExperimentSpec, as_one_function, at_best_rates
from pages.parts.form import branching, remedies, settings_file, whole, widgets
from pages.parts.form.draft import Form
from pages.parts.form.entrants import Entrants
from pages.parts.shell import controls, layout, session
from pages.parts.widgets import stage

_PAGE = "compare"


def main() -> None:
    opened = session.opened(_PAGE)
    whole.begin(_PAGE, opened)
    shown = opened or session.example(_PAGE)
    setup, view = layout.columns("Compare losses")
    described = controls.read_form(whole.read_race)
    # Before the form, which takes longer: it is painted, and the stage follows its stream.
    with view:
        way_on = partial(branching.draw_way_on, _PAGE, shown)
        controls.draw(_PAGE, shown, described, "Race", whole.read_race, whole.fill, way_on)
        branching.draw_origin(_PAGE, shown)
        stage.draw(shown, _PAGE, partial(_act, shown))
    with setup:
        form = Form(_PAGE, described.problems)
        with st.container(horizontal=True):
            entrants = Entrants(form, whole.task())
            entrants.draw_preset()
            whole.draw_defaults(_PAGE)
            entrants.draw_aa_check()
        widgets.draw_race(form)
        described.draw_problems()
        _draw_estimate(described.spec)
        settings_file.draw(form, described.spec)
        layout.way_back("Race")


def _draw_estimate(spec: ExperimentSpec | None) -> None:
    """What the race will take, before it starts."""
    if spec is None:
        return
    count = len(spec.seeds)
    seeds = "1 seed" if count == 1 else f"{count} seeds"
    st.caption(
        f"{len(spec.entrants)} entrants x {seeds} = {spec.run_count:d} networks, "
        f"trained together: {spec.total_steps:,} steps, about "
        f"{max(1, round(spec.size.seconds)):,} s on one ordinary core, "
        f"{spec.size.memory_bytes / 2**20:,.0f} MB."
    )


def _act(shown: Experiment, name: str) -> None:
    """What a button within the stage does."""
    if name == "set_up_one_function":
        whole.fill(_PAGE, as_one_function(shown.spec))
    elif name == "race_at_best_rates":
        with session.errors_as_sentences():
            spec = at_best_rates(shown.spec)
            whole.fill(_PAGE, spec)
            session.start(_PAGE, spec)
    else:
        remedies.act(_PAGE, shown, name)


layout.show(main)
