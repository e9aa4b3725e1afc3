"""Who won, if anybody did: sentences, the cross-evaluation matrix, and the conditions."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core import race
from core.compare.curves import Curves, RunCurves
from core.figures import range_figure
from core.compare.intervals import interval
from core.losses import LOSSES
from core.compare.scores import Column
from core.records import Experiment
from core.records import Snapshot
from core.spec import ExperimentSpec, OptimizerName, OptimizerSpec, Protocol
from core.compare.verdict import summary
from core.judging.yardsticks import gives_probabilities, yardsticks
from pages.parts import spec_form
from pages.parts.live_chart import live_chart

_NOTHING_YET = "There is something to compare once the first epoch is complete."


def draw(
    experiment: Experiment,
    runs: tuple[RunCurves, ...],
    curves: Curves,
    snapshot: Snapshot | None,
) -> None:
    """The verdict for the picked yardstick, above the matrix of all of them."""
    if snapshot is None or snapshot.epoch == 0:
        st.info(_NOTHING_YET, icon=":material/hourglass_empty:")
        return
    spec = experiment.spec
    offered = {each.title: each for each in yardsticks(spec.dataset.task)}
    picked = offered[
        st.selectbox("By the yardstick", list(offered), key="verdict_by", persist_state="session")
    ]
    found = race.compare(runs, spec, snapshot, picked)
    is_over = experiment.status.is_finished
    lines = summary(found, picked, finished=is_over)
    st.markdown("\n".join(f"- {line}" for line in lines) or "- One loss alone: nothing to compare.")
    _draw_why_ce_and_bce_differ(experiment, curves)
    _draw_matrix(experiment, snapshot)


def _draw_matrix(experiment: Experiment, snapshot: Snapshot) -> None:
    columns = race.matrix(snapshot, experiment.spec)
    st.markdown(f"**Trained with, measured with** (epoch {snapshot.epoch:,})")
    rows = {
        LOSSES[loss].title: [_cell(experiment, loss, row, column) for column in columns]
        for row, loss in enumerate(experiment.spec.losses)
    }
    titles = [
        f"{column.yardstick.title} {'↑' if column.yardstick.higher_is_better else '↓'}"
        for column in columns
    ]
    st.table(pd.DataFrame.from_dict(rows, orient="index", columns=titles))
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.caption(
            "Mean ± half the 95 % interval over seeds, on the same held-out rows. **Bold**: best, "
            "where paired intervals against every other loss exclude 0. "
            + " ".join(
                f"{column.yardstick.title}: {column.yardstick.explained}." for column in columns
            )
        )
        st.download_button(
            "CSV",
            data=_csv(experiment, columns),
            file_name=f"loss-lab-{experiment.id}-matrix.csv",
            mime="text/csv",
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
        )


def _cell(experiment: Experiment, loss: str, row: int, column: Column) -> str:
    yardstick = column.yardstick
    spec = experiment.spec
    if yardstick.needs_probabilities and not gives_probabilities(
        spec.loss(loss), spec.dataset.task
    ):
        return "not a probability"
    found = interval(column.scores[row])
    if not found.n:
        return "diverged"
    text = f"{found.mean:{yardstick.format}}"
    if found.n > 1:
        half = f"{found.high - found.mean:{yardstick.format}}".rstrip("%")
        text += f" ± {half}"
    if found.missing:
        text += f" ({found.n} of {found.n + found.missing} seeds)"
    return f"**{text}**" if column.best == row else text


def _csv(experiment: Experiment, columns: list[Column]) -> str:
    """Every score of every seed, in full precision."""
    spec = experiment.spec
    rows = [
        {"loss": LOSSES[loss].title, "seed": seed}
        | {column.yardstick.measure.value: column.scores[index, place] for column in columns}
        for index, loss in enumerate(spec.losses)
        for place, seed in enumerate(spec.seeds)
    ]
    return pd.DataFrame(rows).to_csv(index=False)


# ------------------------------------------------------------------ why CE and BCE differ


def _draw_why_ce_and_bce_differ(experiment: Experiment, curves: Curves) -> None:
    spec = experiment.spec
    pair = ("cross_entropy", "bce")
    if not set(pair) <= set(spec.losses) or spec.dataset.outputs != 2:
        return
    if any(spec.loss(key).changed for key in pair):
        return
    with st.expander("Why do CE and BCE differ here?", icon=":material/balance:"):
        st.markdown(
            "For two classes both are the same function of p: CrossEntropy has two logits and "
            "$p = \\sigma(z_1 - z_0)$, BCE has one and $p = \\sigma(z)$. They differ because "
            "CrossEntropy's difference $z_1 - z_0$ starts elsewhere than $z$, and moves twice as "
            "fast: each of its two rows takes the step. Let the BCE head start as that difference "
            "and learn twice as fast, under SGD, and the two are one."
        )
        seeds = len(spec.seeds)
        first = {loss: index * seeds for index, loss in enumerate(spec.losses)}
        apart = max(
            curves.largest_difference(first["cross_entropy"] + seed, first["bce"] + seed)
            for seed in range(seeds)
        )
        st.markdown(f"Largest difference of their step losses in this race: **{apart:.2g}** nats.")
        if st.button(
            "Set up the race where they agree",
            icon=":material/balance:",
            on_click=spec_form.fill,
            args=(_as_one_function(spec),),
            disabled=spec.training.protocol is Protocol.ONE_FUNCTION,
        ):
            # The form stands outside of what a click here draws anew.
            st.rerun()


def _as_one_function(spec: ExperimentSpec) -> ExperimentSpec:
    """The same race under SGD, with a BCE head that is CrossEntropy's difference."""
    sgd = OptimizerSpec(name=OptimizerName.SGD, learning_rate=0.1)
    training = spec.training.model_copy(update={"protocol": Protocol.ONE_FUNCTION})
    changes = {"losses": ("cross_entropy", "bce"), "optimizer": sgd, "training": training}
    return spec.model_copy(update=changes)


# ------------------------------------------------------------------ conditions


def draw_conditions(experiment: Experiment, snapshot: Snapshot | None) -> None:
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
            f"{len(spec.losses)} losses",
            f"batch order to epoch {snapshot.epoch:,}": f"`{snapshot.order_sha256[place][:16]}`",
        }
        for place, seed in enumerate(spec.seeds)
    ]
    st.table(pd.DataFrame(rows).set_index("seed"))
    st.caption(
        "Computed from the tensors that were trained and from the orders that were used. The "
        "batches of a seed are gathered once and handed to every loss. Heads differ where losses "
        "need other outputs; where they need the same, they start the same too."
    )
    st.markdown(f"**Protocol:** {race.protocol_line(spec, facts)}.")
    if facts.range_test:
        live_chart(
            range_figure(facts.range_test, facts.learning_rates, experiment.id),
            key="range_chart",
            label="Skill of each loss after a short training at each learning rate",
            steps=experiment.step,
            status=experiment.status.value,
            height=300,
        )
        st.caption(
            f"Every loss was trained for {facts.range_test['steps']} steps at each rate, from the "
            "start and on the batches that the race then had. Skill is by what share the loss is "
            "less than the best constant's, on training rows. What is best for a few steps may be "
            "too fast for many."
        )


def _same_trunk(trunks: list[str], place: int, seeds: int) -> int:
    return sum(trunk == trunks[place] for trunk in trunks[place::seeds])
