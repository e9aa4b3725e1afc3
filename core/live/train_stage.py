"""The stage of the Train page: one training as it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.compare.curves import CurveSet, RunCurves
from core.figures import loss_figure, rivals_figure
from core.judging.yardsticks import first_yardstick
from core.live import blocks, words
from core.live.blocks import Block, Part
from core.live.reading import State
from core.live.view import SMOOTHING, View
from core.losses import CUSTOM
from core.records import Experiment, Measure, Split

#: Newest epochs shown in the printed list; the download has them all.
_PRINTED_EPOCHS = 200
#: What helps against a loss that is not finite, by whether a person wrote it.
_ADVICE = {
    False: "A smaller learning rate usually helps.",
    True: "Your own loss may have no lowest value, or leave the numbers that float32 holds: by a "
    "division or a logarithm near 0, a large power, exp. If it has neither fault, a smaller "
    "learning rate usually helps.",
}
_NONE_YET = "The first epoch is not complete yet."


def parts_of(state: State, view: View) -> Iterator[Part]:
    experiment, curves = state.experiment, state.curves
    spec = experiment.spec
    runs = curves.evaluated(state.runs)
    first = runs[0]
    yield Part(
        "progress",
        state.progress,
        lambda: words.progress(state, _numbers(experiment, first)),
    )
    yield Part("diverged", state.runs, lambda: _divergence(experiment, runs))
    yield Part(
        "loss",
        (state.step, state.judged),
        lambda: _loss_chart(
            experiment, curves.view(state.runs[spec.runs_of(0)], view.smoothing), view
        ),
    )
    if len(spec.entrants) > 1:
        judged = CurveSet(experiment.id, state.step, runs)
        yield Part("rivals", state.judged, lambda: _rivals_chart(experiment, judged))
    yield Part("printed", state.judged, lambda: _printed(experiment, first))


def _numbers(experiment: Experiment, first: RunCurves) -> dict[str, str]:
    """The newest numbers; where only some of the training rows are judged, it says how many."""
    spec = experiment.spec
    yardstick, count = first_yardstick(spec.dataset.task), spec.judged_training_rows
    sampled = f", {count:,} rows" if count < spec.data.train_rows else ""
    numbers = {"Batch loss": words.number(first.newest_loss)}
    judged = ((Measure.LOSS, "loss", None), (yardstick.measure, yardstick.name, yardstick.digits))
    for measure, name, digits in judged:
        training = _newest(first, Split.TRAIN, measure)
        numbers[f"Training {name}{sampled}"] = words.number(training, digits)
        if spec.data.validation_rows:
            validation = _newest(first, Split.VAL, measure)
            numbers[f"Validation {name}"] = words.number(validation, digits)
    return numbers


def _newest(run: RunCurves, split: Split, measure: Measure) -> float | None:
    values = run.evaluation(split, measure).values
    return float(values[-1]) if len(values) else None


def _divergence(experiment: Experiment, runs: Sequence[RunCurves]) -> Iterator[Block]:
    lineup = experiment.spec.lineup
    ended = [
        (lineup[run.run.entrant], run.diverged_step)
        for run in runs
        if run.diverged_step is not None
    ]
    if ended:
        steps = ", ".join(
            f"{blocks.typed(entrant.title)} at step {step:,}" for entrant, step in ended
        )
        advice = dict.fromkeys(_ADVICE[entrant.loss.key == CUSTOM] for entrant, _step in ended)
        yield blocks.text(
            "diverged",
            f"No longer a finite number: {steps}. {' '.join(advice)} The curve up to there is "
            "kept.",
            "warning",
        )


def _loss_chart(experiment: Experiment, curves: CurveSet, view: View) -> Iterator[Block]:
    first, facts = experiment.spec.lineup[0], experiment.facts
    yield blocks.heading(
        "loss_heading",
        f"{first.title} as it trains",
        blocks.toggle("log", "Log axis", is_on=view.log),
        blocks.menu(
            "Smoothing",
            blocks.slider(
                "smoothing",
                "Weight of the past; 0 draws the loss as it was recorded",
                SMOOTHING.low,
                SMOOTHING.high,
                0.01,
                view.smoothing,
            ),
        ),
    )
    yield blocks.chart(
        "loss_chart",
        loss_figure(
            curves,
            first,
            baseline=facts.baselines[first.place] if facts else None,
            log_y=view.log,
            is_validated=bool(experiment.spec.data.validation_rows),
        ),
        label=f"{first.title} by training step",
        height=340,
    )


def _rivals_chart(experiment: Experiment, curves: CurveSet) -> Iterator[Block]:
    first, *rivals = [entrant.title for entrant in experiment.spec.lineup]
    yield blocks.heading("rivals_heading", f"{first} against {in_a_row(rivals)}")
    yield blocks.text(
        "rivals_caption",
        "Same starting weights, same batches. The losses themselves have different units, so they "
        "share no axis; this yardstick is the same for all.",
        "caption",
    )
    yield blocks.chart(
        "rivals_chart",
        rivals_figure(curves, experiment.spec),
        label="Each entrant judged by the same yardstick, by epoch",
        height=300,
    )


def _printed(experiment: Experiment, first: RunCurves) -> Iterator[Block]:
    """The losses as a training script prints them, and all numbers as a file."""
    line = first.evaluation(Split.TRAIN, Measure.EPOCH_LOSS)
    total = experiment.spec.training.epochs
    lines = [
        f"Epoch [{epoch}/{total}], Loss: {value:.4f}"
        for epoch, value in zip(
            line.epochs[-_PRINTED_EPOCHS:].tolist(),
            line.values[-_PRINTED_EPOCHS:].tolist(),
            strict=True,
        )
    ]
    yield blocks.heading(
        "printed_heading", "Loss, epoch by epoch", blocks.download("CSV", "losses.csv")
    )
    yield blocks.printed("printed", "\n".join(lines) or _NONE_YET)


def in_a_row(titles: list[str]) -> str:
    """As in "CrossEntropy, BCE and MSE"."""
    *rest, last = titles
    return f"{', '.join(rest)} and {last}" if rest else last
