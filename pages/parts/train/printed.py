"""The losses as a training script prints them, epoch by epoch, and as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from functools import partial
from html import escape

import streamlit as st

from core.compare.curves import RunCurves
from core.records import Experiment, Measure, Split, Status
from pages.parts.shell import session

#: Newest epochs shown in the printed list; the download has them all.
_PRINTED_EPOCHS = 200
_NONE_YET = "The first epoch is not complete yet."


def draw(experiment: Experiment, picked: RunCurves) -> None:
    """The printed losses of the picked run, the newest in view, and the download."""
    printed = picked.evaluation(Split.TRAIN, Measure.EPOCH_LOSS)
    total = experiment.spec.training.epochs
    lines = [
        f"Epoch [{epoch}/{total}], Loss: {value:.4f}"
        for epoch, value in zip(
            printed.epochs[-_PRINTED_EPOCHS:], printed.values[-_PRINTED_EPOCHS:], strict=True
        )
    ]
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown("**Loss, epoch by epoch**")
        _draw_download(experiment)
    with st.container(height=280, autoscroll=True, border=False, key="printed"):
        # Not st.code: the highlighter that it loads keeps the browser busy for half a second.
        st.html(f"<pre>{escape(chr(10).join(lines) or _NONE_YET)}</pre>")


def _draw_download(experiment: Experiment) -> None:
    """While looks go on the file is made at each of them: one that is made at the click would be
    gone at the next look."""
    data: str | Callable[[], str]
    if experiment.status is Status.PAUSED:
        data = epochs_csv(experiment.id, experiment.epoch)
    elif experiment.status.is_finished:
        data = partial(epochs_csv, experiment.id, experiment.epoch)
    else:
        return
    st.download_button(
        "CSV",
        data=data,
        file_name=f"loss-lab-{experiment.id}.csv",
        mime="text/csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


@st.cache_data(show_spinner=False, max_entries=8)
def epochs_csv(experiment_id: str, epoch: int) -> str:
    """Every evaluation of every run up to ``epoch``, a line each, in full precision."""
    store = session.store()
    spec = store.get(experiment_id).spec
    columns: dict[str, None] = {}
    rows: dict[tuple[int, int, int], dict[str, float]] = {}
    for row in store.evaluations(experiment_id):
        if row.epoch > epoch:
            break
        column = f"{row.split}_{row.measure}"
        columns[column] = None
        rows.setdefault((row.run, row.epoch, row.step), {})[column] = row.value
    text = io.StringIO()
    writer = csv.DictWriter(text, ["entrant", "seed", "epoch", "step", *columns])
    writer.writeheader()
    for (run, epoch, step), values in sorted(rows.items()):
        named = {"entrant": spec.entrant_of(run).title, "seed": spec.seed_of(run)}
        writer.writerow({**named, "epoch": epoch, "step": step, **values})
    return text.getvalue()
