"""Compare: race several losses from the same starts and judge them by the same yardsticks."""

import streamlit as st

from core.records import Experiment
from core.spec import ExperimentSpec
from pages.parts import controls, layout, race_view, session, spec_form


def main() -> None:
    session.engine()
    shown = session.opened("compare") or session.store().get(session.example())
    spec_form.fill_once(shown if shown.id != session.example() else None)
    setup, view = layout.columns("Compare losses")
    with setup:
        spec_form.draw_race()
        spec = controls.read_form(spec_form.read_race)
        _draw_estimate(spec)
        controls.draw_settings_file(spec)
    with view:
        controls.draw(shown, spec is not None, "Race", spec_form.read_race)
        _draw_what_is_shown(shown)
        race_view.draw(shown)


def _draw_estimate(spec: ExperimentSpec | None) -> None:
    """What the race will take, before it starts."""
    if spec is None:
        return
    st.caption(
        f"{len(spec.losses)} losses x {len(spec.seeds)} seeds = {spec.run_count} networks, "
        f"trained together: {spec.total_steps:,} steps, about "
        f"{max(1, round(spec.estimated_seconds)):,} s on one ordinary core, "
        f"{spec.memory_bytes / 2**20:,.0f} MB."
    )


def _draw_what_is_shown(shown: Experiment) -> None:
    # In a place that is always there: what stands below keeps its own, and its zoom.
    with st.container(key="what_is_shown"):
        if shown.id == session.example():
            st.caption(
                ":material/history: An example race, recorded earlier. Press **Race** to run "
                "your own."
            )


layout.show(main)
