"""Who won, if anybody did: sentences, and the matrix of entrants by yardsticks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.compare.courses import judged_split
from core.compare.curves import Curves, RunCurves
from core.compare.pairs import Scope
from core.compare.power import POWER
from core.compare.scores import Column, Standing, can_score, scopes, score_text
from core.compare.sentences import AFTER_TRAINING
from core.compare.summary import pairs_table, summary
from core.compare.verdict import Verdict
from core.judging.yardsticks import Yardstick, yardsticks
from core.live import blocks
from core.live.blocks import Block, Part
from core.live.reading import State
from core.live.view import View
from core.live.words import of_sigmoids
from core.records import Experiment, Snapshot, Status
from core.spec import Entrant, ExperimentSpec, Protocol

#: The losses that are one function of p for two classes.
ONE_FUNCTION = ("cross_entropy", "bce")

#: How a verdict begins where training ended before its last epoch.
_CUT_SHORT = {
    Status.STOPPED: "When it was stopped",
    Status.FAILED: "When it failed",
    Status.INTERRUPTED: "When it was interrupted",
    Status.DIVERGED: "When all had diverged",
}


def verdict_parts(state: State, runs: Sequence[RunCurves], view: View) -> Iterator[Part]:
    """The verdict by the picked yardstick, above the matrix of all of them.

    Both are of the snapshot's epoch, so they stay until there is a newer one, or a run diverges.
    """
    experiment, snapshot = state.experiment, state.snapshot
    if snapshot is None or snapshot.epoch == 0:
        is_over = experiment.status.is_finished
        yield Part("verdict", is_over, lambda: _nothing_yet(is_over))
        return
    diverged_steps = [run.diverged_step for run in state.runs]
    standing = Standing.of(experiment.spec, snapshot, diverged_steps, view.scope)
    shown = state.looked_at, state.runs, experiment.status
    yield Part("verdict", shown, lambda: _verdict(experiment, standing, runs, view))
    yield Part(
        "one_function", state.judged, lambda: _why_ce_and_bce_differ(experiment, state.curves)
    )
    yield Part("matrix", shown, lambda: _matrix(standing))


def _nothing_yet(is_over: bool) -> Iterator[Block]:
    words = (
        "There is nothing to compare: it ended before the first epoch was complete."
        if is_over
        else "There is something to compare once the first epoch is complete."
    )
    yield blocks.text("verdict", words, "info")


def _verdict(
    experiment: Experiment, standing: Standing, runs: Sequence[RunCurves], view: View
) -> Iterator[Block]:
    offered = {each.measure.value: each for each in yardsticks(experiment.spec.dataset.task)}
    picked = view.verdict_by if view.verdict_by in offered else next(iter(offered))
    titles = {key: each.title for key, each in offered.items()}
    controls = [blocks.choice("verdict_by", "By the yardstick", titles, str(picked), look="menu")]
    about = {each.value: each.value for each in scopes(experiment.spec)}
    if len(about) > 1:
        controls.append(blocks.choice("scope", "What it is about", about, standing.scope.value))
    yield blocks.controls("verdict_controls", *controls)
    yardstick = offered[picked]
    verdicts = standing.verdicts(runs, yardstick)
    lines = summary(verdicts, yardstick, _opening(experiment, standing.snapshot))
    yield blocks.listing("verdict", lines or ["One entrant alone: nothing to compare."])
    if len(experiment.spec.seeds) > 1 and verdicts:
        yield blocks.text("scope_caption", _scope_explained(experiment.spec), "caption")
        yield _in_numbers(verdicts, yardstick)


def _opening(experiment: Experiment, snapshot: Snapshot) -> str:
    """When the verdict holds: only training that went to its end says that it is over."""
    if experiment.status is Status.FINISHED:
        return AFTER_TRAINING
    if experiment.status not in _CUT_SHORT:
        return "So far"
    epochs = experiment.spec.training.epochs
    return f"{_CUT_SHORT[experiment.status]}, after epoch {snapshot.epoch:,} of {epochs:,}"


def _scope_explained(spec: ExperimentSpec) -> str:
    """What the scopes mean, or why there is but one."""
    if not spec.data.validation_rows:
        return (
            "Nothing is held out, so this is about the training rows, and says nothing of new data."
        )
    if Scope.NEW_DATA not in scopes(spec):
        return "Every seed generates rows of its own, so the intervals hold on new data as well."
    return (
        "**On these splits**: would other seeds, which split these rows and start the networks, "
        "show the same? **On new data**: would other rows of the same kind? All seeds train on "
        "largely the same rows, so the intervals are wider there (corrected resampled t, Nadeau "
        "and Bengio 2003)."
    )


def _in_numbers(verdicts: Sequence[Verdict], yardstick: Yardstick) -> Block:
    columns, rows = pairs_table(verdicts, yardstick)
    return blocks.fold(
        "pairs",
        "Each pair in numbers, and what more seeds could show",
        (
            blocks.table("pairs_table", columns, rows, "Each pair of entrants in numbers"),
            blocks.text(
                "pairs_caption",
                "Holm's p is adjusted for all pairs: below 0.05 a difference is shown, and the "
                "interval, at the level that Holm used for the pair, excludes 0. Wilcoxon's "
                "signed-rank test assumes no normal distribution; its p is not adjusted, and is "
                "given from so many seeds on as can bring it below the pair's level. **Could "
                "show**: the smallest true difference that so many seeds show with a chance of "
                f"{100 * POWER:g} % (power {POWER:g}, two-sided t test at the pair's level, SD as "
                "seen). **More seeds**: how many beside these would show the difference that was "
                "seen, with the same chance.",
                "caption",
            ),
        ),
    )


def _matrix(standing: Standing) -> Iterator[Block]:
    spec, columns = standing.spec, standing.matrix
    yield blocks.heading(
        "matrix_heading",
        f"Trained with, measured with (epoch {standing.snapshot.epoch:,})",
        blocks.download("CSV", "scores.csv"),
    )
    titles = [
        f"{column.yardstick.title} {'↑' if column.yardstick.higher_is_better else '↓'}"
        for column in columns
    ]
    rows = {
        entrant.title: [_cell(standing, entrant, column) for column in columns]
        for entrant in spec.lineup
    }
    yield blocks.table("matrix", ["", *titles], rows, "Every entrant by every yardstick")
    explained = " ".join(
        f"{column.yardstick.title}: {column.yardstick.explained}." for column in columns
    )
    yield blocks.text(
        "matrix_caption",
        f"Mean ± half the 95 % interval over seeds, on the same {judged_split(spec).rows}; a run "
        "that diverged has no score. **Bold**: best, as paired t tests, adjusted by Holm for all "
        f"pairs, show against every other entrant. {explained}"
        f"{of_sigmoids(spec)}",
        "caption",
    )


def _cell(standing: Standing, entrant: Entrant, column: Column) -> str:
    if not can_score(entrant.loss, standing.spec, column.yardstick):
        return "not a probability"
    text = score_text(column, entrant.place)
    if text is None:
        return "diverged" if standing.diverged[entrant.place].all() else "no score"
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
