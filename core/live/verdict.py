"""Who won, if anybody did: sentences, and the matrix of entrants by yardsticks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.compare.curves import Curves, RunCurves
from core.compare.scores import Column, can_score, compare, matrix, score_text
from core.compare.verdict import summary
from core.judging.yardsticks import yardsticks
from core.live import blocks
from core.live.blocks import Block, Part
from core.live.reading import State
from core.live.view import View
from core.live.words import of_sigmoids
from core.records import Experiment, Snapshot
from core.spec import Entrant, ExperimentSpec, Protocol

#: The losses that are one function of p for two classes.
ONE_FUNCTION = ("cross_entropy", "bce")


def verdict_parts(state: State, runs: Sequence[RunCurves], view: View) -> Iterator[Part]:
    """The verdict by the picked yardstick, above the matrix of all of them."""
    experiment, snapshot = state.experiment, state.snapshot
    if snapshot is None or snapshot.epoch == 0:
        is_over = experiment.status.is_finished
        yield Part("verdict", is_over, lambda: _nothing_yet(is_over))
        return
    yield Part("verdict", state.judged, lambda: _verdict(experiment, snapshot, runs, view))
    yield Part(
        "one_function", state.judged, lambda: _why_ce_and_bce_differ(experiment, state.curves)
    )
    yield Part("matrix", state.looked_at, lambda: _matrix(experiment, snapshot))


def _nothing_yet(is_over: bool) -> Iterator[Block]:
    words = (
        "There is nothing to compare: it ended before the first epoch was complete."
        if is_over
        else "There is something to compare once the first epoch is complete."
    )
    yield blocks.text("verdict", words, "info")


def _verdict(
    experiment: Experiment, snapshot: Snapshot, runs: Sequence[RunCurves], view: View
) -> Iterator[Block]:
    offered = {each.measure.value: each for each in yardsticks(experiment.spec.dataset.task)}
    picked = view.verdict_by if view.verdict_by in offered else next(iter(offered))
    titles = {key: each.title for key, each in offered.items()}
    yield blocks.controls(
        "verdict_controls",
        blocks.choice("verdict_by", "By the yardstick", titles, str(picked), look="menu"),
    )
    verdicts = compare(runs, experiment.spec, snapshot, offered[picked])
    lines = summary(verdicts, offered[picked], finished=experiment.status.is_finished)
    yield blocks.listing("verdict", lines or ["One entrant alone: nothing to compare."])


def _matrix(experiment: Experiment, snapshot: Snapshot) -> Iterator[Block]:
    spec, columns = experiment.spec, matrix(snapshot, experiment.spec)
    yield blocks.heading(
        "matrix_heading",
        f"Trained with, measured with (epoch {snapshot.epoch:,})",
        blocks.download("CSV", "scores.csv"),
    )
    titles = [
        f"{column.yardstick.title} {'↑' if column.yardstick.higher_is_better else '↓'}"
        for column in columns
    ]
    rows = {
        entrant.title: [_cell(spec, entrant, column) for column in columns]
        for entrant in spec.lineup
    }
    yield blocks.table("matrix", ["", *titles], rows, "Every entrant by every yardstick")
    explained = " ".join(
        f"{column.yardstick.title}: {column.yardstick.explained}." for column in columns
    )
    yield blocks.text(
        "matrix_caption",
        "Mean ± half the 95 % interval over seeds, on the same held-out rows. **Bold**: best, "
        f"where paired intervals against every other entrant exclude 0. {explained}"
        f"{of_sigmoids(spec)}",
        "caption",
    )


def _cell(spec: ExperimentSpec, entrant: Entrant, column: Column) -> str:
    if not can_score(entrant.loss, spec, column.yardstick):
        return "not a probability"
    text = score_text(column, entrant.place) or "diverged"
    return f"**{text}**" if column.best == entrant.place else text


def _why_ce_and_bce_differ(experiment: Experiment, curves: Curves) -> Iterator[Block]:
    spec = experiment.spec
    plain = {
        entrant.loss.key: spec.runs_of(entrant.place)
        for entrant in spec.lineup
        if not entrant.loss.changed
    }
    if not set(ONE_FUNCTION) <= set(plain) or spec.dataset.outputs != 2:
        return
    one, other = (plain[key] for key in ONE_FUNCTION)
    apart = max(
        curves.largest_difference(one.start + seed, other.start + seed)
        for seed in range(len(spec.seeds))
    )
    yield blocks.fold(
        "one_function",
        "Why do CE and BCE differ here?",
        (
            blocks.text(
                "one_function_why",
                "For two classes both are the same function of p: CrossEntropy has two logits and "
                "p = σ(z₁ - z₀), BCE has one and p = σ(z). They differ because CrossEntropy's "
                "difference z₁ - z₀ starts elsewhere than z, and moves twice as fast: each of its "
                "two rows takes the step. Let the BCE head start as that difference and learn "
                "twice as fast, under SGD, and the two are one.",
            ),
            blocks.text(
                "one_function_apart",
                f"Largest difference of their step losses in this race: **{apart:.2g}** nats.",
            ),
            blocks.action(
                "set_up_one_function",
                "Set up the race where they agree",
                disabled=spec.training.protocol is Protocol.ONE_FUNCTION,
            ),
        ),
    )
