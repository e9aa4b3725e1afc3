"""How the lab fares: its training service, the queue, the store and who looks; for people, and as
metrics for programs that watch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core import place
from core.engine.door import ask_who
from core.engine.messages import Present
from core.lab import Lab
from core.records import Status

_MEGABYTE = 2**20
#: A service that is loading torch takes longer.
_ANSWER_SECONDS = 0.5


@dataclass(frozen=True)
class State:
    """``service`` is None while none is there, and ``trouble`` says why if that is known;
    ``losses`` counts how often it was lost. ``counts`` has the experiments of the store by status.
    ``seconds`` is what the store took to answer. ``viewers`` are the live views that are open,
    where that is known.
    """

    service: Present | None
    trouble: str | None
    losses: int
    counts: Mapping[Status, int]
    place: str
    size: int
    seconds: float
    viewers: int | None


def state_of(lab: Lab, viewers: int | None = None) -> State:
    """Raises ``StoreError`` while the store can't be read."""
    measured, engine = lab.store.measured(), lab.engine
    try:
        service = ask_who(place.folder(lab.store.url), _ANSWER_SECONDS)
    except OSError:
        service = None
    return State(
        service=service,
        trouble=engine.trouble,
        losses=engine.losses,
        counts=measured.counts,
        place=measured.place,
        size=measured.size,
        seconds=measured.seconds,
        viewers=viewers,
    )


def as_words(state: State) -> dict[str, str]:
    """A line for each thing that a person may ask about."""
    counts, service = state.counts, state.service
    viewers = {} if state.viewers is None else {"Live views": f"{state.viewers:,} are open"}
    over = sum(count for status, count in counts.items() if status.is_finished)
    queued, paused = counts.get(Status.QUEUED, 0), counts.get(Status.PAUSED, 0)
    return {
        "Training service": _of_service(state),
        "Training now": f"{counts.get(Status.RUNNING, 0)} of {service.places} at once"
        if service
        else f"{counts.get(Status.RUNNING, 0)}",
        "Waiting": f"{queued} queued, {paused} paused",
        "Over": f"{over:,} experiments",
        "Processes": ", ".join(f"{key}: {pid}" for key, pid in service.jobs.items()) or "none"
        if service
        else "none",
        "Store": f"{state.place}, {state.size / _MEGABYTE:,.1f} MB, "
        f"answers in {state.seconds * 1000:.1f} ms",
    } | viewers


def _of_service(state: State) -> str:
    lost = f"; it was lost {state.losses} times" if state.losses else ""
    if state.service is None:
        return (state.trouble or "is being started") + lost
    return f"ready, process {state.service.pid}{lost}"


def as_metrics(state: State) -> str:
    """In the text format of Prometheus."""
    values = {
        "losslab_service_up": int(state.service is not None),
        "losslab_service_losses_total": state.losses,
        "losslab_jobs": len(state.service.jobs) if state.service else 0,
        "losslab_places": state.service.places if state.service else 0,
        "losslab_store_bytes": state.size,
        "losslab_store_seconds": state.seconds,
        "losslab_live_views": state.viewers or 0,
    }
    lines = [f"{name} {value}" for name, value in values.items()]
    lines += [
        f'losslab_experiments{{status="{status.value}"}} {state.counts.get(status, 0)}'
        for status in Status
    ]
    return "\n".join(lines) + "\n"
