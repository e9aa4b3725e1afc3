"""What was equal in a race, and the fingerprints that show it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.compare.conditions import protocol_line
from core.figures import range_figure
from core.records import Experiment, Snapshot
from pages.parts.shell.text import escaped
from pages.parts.widgets.live_chart import live_chart


def draw(experiment: Experiment, snapshot: Snapshot | None) -> None:
    """Fingerprints of every seed, and how learning rates were found."""
    facts = experiment.facts
    if facts is None or snapshot is None:
        st.info(
            "The conditions are known once training has begun.", icon=":material/hourglass_empty:"
        )
        return
    spec = experiment.spec
    seeds = len(spec.seeds)
    rows = [
        {
            "seed": str(seed),
            "trunk weights, SHA-256": f"`{facts.trunk_sha256[place][:16]}`",
            "the same for": f"{_same_trunk(facts.trunk_sha256, place, seeds)} of "
            f"{len(spec.entrants)} entrants",
            f"batch order to epoch {snapshot.epoch:,}": f"`{snapshot.order_sha256[place][:16]}`",
        }
        for place, seed in enumerate(spec.seeds)
    ]
    st.table(pd.DataFrame(rows).set_index("seed"))
    st.caption(
        "Computed from the tensors that were trained and from the orders that were used. The "
        "batches of a seed are gathered once and handed to every entrant. Heads differ where "
        "losses need other outputs; where they need the same, they start the same too."
    )
    st.markdown(f"**Protocol:** {escaped(protocol_line(spec, facts))}.")
    if facts.range_test:
        live_chart(
            range_figure(facts.range_test, facts.learning_rates, spec.lineup, experiment.id),
            key="range_chart",
            label="Skill of each entrant after a short training at each learning rate",
            steps=experiment.step,
            status=experiment.status.value,
            height=300,
        )
        st.caption(
            f"Every entrant was trained for {facts.range_test['steps']} steps at each rate, from "
            "the start and on the batches that the race then had. Skill is by what share the "
            "loss is less than the best constant's, on training rows. What is best for a few "
            "steps may be too fast for many."
        )


def _same_trunk(trunks: Sequence[str], place: int, seeds: int) -> int:
    return sum(trunk == trunks[place] for trunk in trunks[place::seeds])
