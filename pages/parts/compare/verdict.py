"""Who won, if anybody did: sentences, and the matrix of entrants by yardsticks."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.compare.curves import Curves, RunCurves
from core.compare.scores import Column, can_score, compare, matrix, score_text
from core.compare.verdict import summary
from core.judging.yardsticks import yardsticks
from core.records import Experiment, Snapshot
from core.spec import Entrant, EntrantSpec, ExperimentSpec, OptimizerName, OptimizerSpec, Protocol
from pages.parts.form import whole
from pages.parts.shell.text import escaped

_NOTHING_YET = "There is something to compare once the first epoch is complete."
_NOTHING_TO_COMPARE = "- One entrant alone: nothing to compare."
#: The losses that are one function of p for two classes.
_ONE_FUNCTION = ("cross_entropy", "bce")


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
    verdicts = compare(runs, spec, snapshot, picked)
    lines = summary(verdicts, picked, finished=experiment.status.is_finished)
    st.markdown("\n".join(f"- {escaped(line)}" for line in lines) or _NOTHING_TO_COMPARE)
    _draw_why_ce_and_bce_differ(experiment, curves)
    _draw_matrix(experiment, snapshot)


def _draw_matrix(experiment: Experiment, snapshot: Snapshot) -> None:
    columns = matrix(snapshot, experiment.spec)
    st.markdown(f"**Trained with, measured with** (epoch {snapshot.epoch:,})")
    rows = {
        escaped(entrant.title): [_cell(experiment, entrant, column) for column in columns]
        for entrant in experiment.spec.lineup
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
            "where paired intervals against every other entrant exclude 0. "
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


def _cell(experiment: Experiment, entrant: Entrant, column: Column) -> str:
    if not can_score(entrant.loss, experiment.spec, column.yardstick):
        return "not a probability"
    text = score_text(column, entrant.place) or "diverged"
    return f"**{text}**" if column.best == entrant.place else text


def _csv(experiment: Experiment, columns: list[Column]) -> str:
    """Every score of every seed, in full precision."""
    spec = experiment.spec
    rows = [
        {"entrant": entrant.title, "seed": seed}
        | {column.yardstick.measure.value: column.scores[entrant.place, at] for column in columns}
        for entrant in spec.lineup
        for at, seed in enumerate(spec.seeds)
    ]
    text: str = pd.DataFrame(rows).to_csv(index=False)
    return text


# ------------------------------------------------------------------ why CE and BCE differ


def _draw_why_ce_and_bce_differ(experiment: Experiment, curves: Curves) -> None:
    spec = experiment.spec
    plain = {
        entrant.loss.key: spec.runs_of(entrant.place)
        for entrant in spec.lineup
        if not entrant.loss.changed
    }
    if not set(_ONE_FUNCTION) <= set(plain) or spec.dataset.outputs != 2:
        return
    with st.expander("Why do CE and BCE differ here?", icon=":material/balance:"):
        st.markdown(
            "For two classes both are the same function of p: CrossEntropy has two logits and "
            "$p = \\sigma(z_1 - z_0)$, BCE has one and $p = \\sigma(z)$. They differ because "
            "CrossEntropy's difference $z_1 - z_0$ starts elsewhere than $z$, and moves twice as "
            "fast: each of its two rows takes the step. Let the BCE head start as that difference "
            "and learn twice as fast, under SGD, and the two are one."
        )
        one, other = (plain[key] for key in _ONE_FUNCTION)
        apart = max(
            curves.largest_difference(one.start + seed, other.start + seed)
            for seed in range(len(spec.seeds))
        )
        st.markdown(f"Largest difference of their step losses in this race: **{apart:.2g}** nats.")
        if st.button(
            "Set up the race where they agree",
            icon=":material/balance:",
            on_click=whole.fill,
            args=("compare", _as_one_function(spec)),
            disabled=spec.training.protocol is Protocol.ONE_FUNCTION,
        ):
            # The form stands outside of what a click here draws anew.
            st.rerun()


def _as_one_function(spec: ExperimentSpec) -> ExperimentSpec:
    """The same race under SGD, with a BCE head that is CrossEntropy's difference."""
    sgd = OptimizerSpec(name=OptimizerName.SGD, learning_rate=0.1)
    training = spec.training.model_copy(update={"protocol": Protocol.ONE_FUNCTION})
    entrants = tuple(EntrantSpec(loss=key) for key in _ONE_FUNCTION)
    changes = {"entrants": entrants, "optimizer": sgd, "training": training}
    return spec.model_copy(update=changes)
