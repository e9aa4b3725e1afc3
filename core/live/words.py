"""What both pages say of an experiment: its status, its pace, why it ended as it did."""

from __future__ import annotations

import math
from collections.abc import Iterator

from core.judging.yardsticks import Digits
from core.live import blocks
from core.live.blocks import Block
from core.live.reading import State
from core.losses import Link
from core.records import Experiment, Status
from core.spec import Entrant, EntrantSpec, ExperimentSpec, Protocol, in_a_line

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


def progress(state: State) -> Iterator[Block]:
    """Of what the experiment is, how far it is, and why it ended as it did."""
    experiment = state.experiment
    yield blocks.readout(
        about=in_a_line(experiment.spec),
        status=experiment.status.value.capitalize(),
        color=_COLORS[experiment.status],
        pace=_pace(experiment, state.queue_place),
        fraction=min(1.0, experiment.step / experiment.spec.total_steps),
        details=_details(experiment.spec),
    )
    if state.service and not experiment.status.is_finished:
        yield blocks.text("service", blocks.typed(state.service), "info")
    if experiment.reason:
        is_bad = experiment.status in (Status.FAILED, Status.INTERRUPTED)
        kind = "error" if is_bad else "info"
        yield blocks.text("reason", blocks.typed(experiment.reason), kind)


def small_progress(state: State, about: str) -> Iterator[Block]:
    """As ``progress``, with other words for what it is of, and no details."""
    (readout, *others) = progress(state)
    yield readout | {"about": about, "details": []}
    yield from others


def number(value: float | None, digits: Digits | None = None) -> str:
    """With these digits; else four decimals where they say something, or powers of ten."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "not finite"
    if digits is not None:
        return f"{value:{digits.format}}"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.2e}"


def of_sigmoids(spec: ExperimentSpec) -> str:
    """What is to be said where an entrant's sigmoids, one a class, are judged as probabilities.

    Empty where no entrant has any; else a sentence with a space before it.
    """
    task, classes = spec.dataset.task, spec.dataset.outputs
    titles = dict.fromkeys(
        loss.title
        for entrant in spec.lineup
        for loss in entrant.losses
        if loss.formulas[task].link is Link.SIGMOID and loss.head.width(classes) > 1
    )
    if not titles:
        return ""
    return (
        f" The sigmoids of {' and '.join(titles)}, one a class, are divided by their sum for NLL, "
        "Brier and ECE."
    )


def _details(spec: ExperimentSpec) -> dict[str, str]:
    """What an entrant's title leaves out: all of it under a name, or the end of what was cut."""
    pairs = zip(spec.lineup, spec.entrants, strict=True)
    return {
        known.title: _of_what(known, asked)
        for known, asked in pairs
        if asked.name is not None
        or any(choice.expression is not None for choice in asked.choices)
        or "…" in known.title
    }


def _of_what(known: Entrant, asked: EntrantSpec) -> str:
    """Each loss and its details; a loss alone is named by its title already."""
    if asked.details and known.title == known.loss.title:
        return asked.details
    told = (
        f"{loss.title}: {choice.details}" if choice.details else loss.title
        for loss, choice in zip(known.losses, asked.choices, strict=True)
    )
    return ", then ".join(told)


def _pace(experiment: Experiment, queue_place: int | None) -> str:
    """Epoch, time left, steps a second and device; the place in the queue while waiting."""
    if queue_place is not None:
        return "Starting" if queue_place == 1 else f"Number {queue_place} in the queue"
    spec = experiment.spec
    parts = [f"epoch {experiment.epoch:,} of {spec.training.epochs:,}"]
    if experiment.seconds > 0 and experiment.step:
        rate = experiment.step / experiment.seconds
        if not experiment.status.is_finished:
            parts.append(f"{_duration((spec.total_steps - experiment.step) / rate)} left")
        else:
            parts.append(f"{_duration(experiment.seconds)}")
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
