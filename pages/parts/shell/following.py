"""What every view of an experiment shows and does: follow it, its status, its progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

import streamlit as st

from core.compare.curves import Curves
from core.errors import LabError
from core.records import Experiment, Run, Status, Wanted
from core.spec import ExperimentSpec, Protocol
from pages.parts.shell import readout, session
from pages.parts.shell.text import escaped

#: Between two looks at what is written; shorter while something asked for is awaited.
REFRESH_SECONDS = 0.25
EAGER_SECONDS = 0.08
#: Enough for Streamlit to send a frame.
SENDING_SECONDS = 0.1

_COLORS = {
    Status.QUEUED: "gray",
    Status.RUNNING: "blue",
    Status.PAUSED: "orange",
    Status.FINISHED: "green",
    Status.STOPPED: "gray",
    Status.DIVERGED: "red",
    Status.FAILED: "red",
    Status.INTERRUPTED: "orange",
}


#: What draws an experiment: as it stands, its runs, and all that is recorded of them.
View = Callable[[Experiment, tuple[Run, ...], Curves], None]


def follow(shown: Experiment, view: View) -> None:
    """Draw the experiment again and again until it has finished, as one fragment."""

    def frame(experiment_id: str, drawn_status: Status, drawn_wanted: Wanted) -> None:
        try:
            experiment, runs, curves = _read(experiment_id)
        except LabError as error:
            st.error(escaped(str(error)), icon=":material/error:")
            return
        view(experiment, runs, curves)
        if (experiment.status, experiment.wanted) != (drawn_status, drawn_wanted):
            # The buttons outside this fragment speak of another status. Only once the frame
            # is drawn and sent: what is not sent yet is dropped, and its charts leave the page.
            time.sleep(SENDING_SECONDS)
            st.rerun()

    st.fragment(frame, run_every=_refresh_seconds(shown))(shown.id, shown.status, shown.wanted)


def _refresh_seconds(shown: Experiment) -> float | None:
    if shown.status.is_finished:
        return None
    return REFRESH_SECONDS if shown.wanted.is_met_by(shown.status) else EAGER_SECONDS


def _read(experiment_id: str) -> tuple[Experiment, tuple[Run, ...], Curves]:
    """The experiment with all that was written since the last look."""
    store = session.store()
    experiment = store.get(experiment_id)
    runs = store.runs(experiment_id)
    curves: Curves = session.curves(experiment_id, len(runs))
    curves.extend(
        store.chunks(experiment_id, after=curves.last_chunk),
        store.evaluations(experiment_id, after_epoch=curves.last_epoch),
    )
    return experiment, runs, curves


def draw(experiment: Experiment, numbers: Mapping[str, str] = MappingProxyType({})) -> None:
    """How far the experiment is, the view's own ``numbers``, and why it ended as it did."""
    spec = experiment.spec
    readout.draw(
        status=experiment.status.value.capitalize(),
        color=_COLORS[experiment.status],
        pace=_pace(experiment),
        fraction=min(1.0, experiment.step / spec.total_steps),
        details=_details(spec),
        numbers=numbers,
    )
    if experiment.reason:
        is_bad = experiment.status in (Status.FAILED, Status.INTERRUPTED)
        (st.error if is_bad else st.info)(escaped(experiment.reason))


def _details(spec: ExperimentSpec) -> dict[str, str]:
    """What an entrant's title leaves out: all of it under a name, or the end of what was cut."""
    pairs = zip(spec.lineup, spec.entrants, strict=True)
    return {
        known.title: f"{known.loss.title}: {asked.details}" if asked.details else known.loss.title
        for known, asked in pairs
        if asked.name is not None or asked.expression is not None or "…" in known.title
    }


def _pace(experiment: Experiment) -> str:
    """Epoch, time left, steps a second and device; the place in the queue while waiting."""
    if experiment.status is Status.QUEUED:
        place = session.store().queue_place(experiment.id)
        return "Starting" if place == 1 else f"Number {place} in the queue"
    spec = experiment.spec
    parts = [f"epoch {experiment.epoch:,} of {spec.training.epochs:,}"]
    if experiment.seconds > 0 and experiment.step:
        rate = experiment.step / experiment.seconds
        if not experiment.status.is_finished:
            parts.append(f"{_duration((spec.total_steps - experiment.step) / rate)} left")
        else:
            parts.append(f"{_duration(experiment.seconds)} of training")
        parts.append(f"{rate:,.0f} steps/s")
    elif experiment.facts is None and spec.training.protocol is Protocol.BEST_RATE:
        parts = ["trying learning rates"]
    if experiment.facts:
        parts.append(f"on {experiment.facts.device}")
    return " · ".join(parts)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
