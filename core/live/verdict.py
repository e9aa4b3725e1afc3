"""Who won, if anybody did: sentences, and the matrix of entrants by yardsticks."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from core.compare.courses import judged_split
from core.compare.curves import RunCurves
from core.compare.forest import forest
from core.compare.headline import ALONE, headline
from core.compare.pairs import Scope
from core.compare.power import POWER
from core.compare.scores import Column, Standing, recorded, scopes, score_text
from core.compare.sentences import AFTER_TRAINING
from core.compare.summary import pairs_table, summary
from core.compare.verdict import Verdict
from core.figures import forest_figure, forest_height
from core.judging.yardsticks import Yardstick
from core.live import blocks, terms
from core.live.blocks import Block, Part
from core.live.reading import State
from core.live.view import View
from core.live.words import of_sigmoids
from core.records import Experiment, Run, Snapshot, Status
from core.spec import Entrant, ExperimentSpec, Protocol

#: The losses that are one function of p for two classes.
ONE_FUNCTION = ("cross_entropy", "bce")

_NOTHING_YET = "There is something to compare once the first epoch is complete."
_NOTHING = "There is nothing to compare: it ended before the first epoch was complete."

#: How a verdict begins where training ended before its last epoch.
_CUT_SHORT = {
    Status.STOPPED: "When it was stopped",
    Status.FAILED: "When it failed",
    Status.INTERRUPTED: "When it was interrupted",
    Status.DIVERGED: "When all had diverged",
}


@dataclass(frozen=True)
class Judged:
    """A race by the yardstick that is picked; what it comes to is worked out once a frame.

    All is of the snapshot's epoch, so it stays until there is a newer one, or a run diverges.
    """

    state: State
    runs: Sequence[RunCurves]
    view: View

    @property
    def spec(self) -> ExperimentSpec:
        return self.state.experiment.spec

    @property
    def shown(self) -> Hashable:
        """The same for as long as what is judged is."""
        return self.state.looked_at, self.state.runs, self.state.experiment.status

    @property
    def has_pairs(self) -> bool:
        """Whether there are differences between entrants that seeds could show."""
        return len(self.spec.entrants) > 1 and len(self.spec.seeds) > 1

    @property
    def offered(self) -> dict[str, Yardstick]:
        return {each.measure.value: each for each in recorded(self.spec, self.state.snapshot)}

    @property
    def yardstick(self) -> Yardstick:
        """The one that is picked, or the task's first."""
        offered = self.offered
        return offered.get(str(self.view.verdict_by), next(iter(offered.values())))

    @cached_property
    def standing(self) -> Standing | None:
        """None before the first epoch is complete."""
        snapshot = self.state.snapshot
        if snapshot is None or snapshot.epoch == 0:
            return None
        diverged_steps = [run.diverged_step for run in self.state.runs]
        return Standing.of(self.spec, snapshot, diverged_steps, self.view.scope)

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        return self.standing.verdicts(self.runs, self.yardstick) if self.standing else ()


# ------------------------------------------------------------------ above the curves


def said(judged: Judged) -> Iterator[Block]:
    """The verdict in one sentence."""
    experiment, standing = judged.state.experiment, judged.standing
    if standing is None:
        sentence = _NOTHING if experiment.status.is_finished else _NOTHING_YET
    else:
        opening = _opening(experiment, standing.snapshot)
        if judged.spec.training.protocol is Protocol.BEST_RATE:
            opening += ", each at its own best learning rate"
        sentence = headline(judged.verdicts, judged.yardstick, opening)
    yield blocks.text("said", blocks.typed(sentence), "said")


def differences(judged: Judged) -> Iterator[Block]:
    """The forest plot, by what it is judged, and whether rates of its own change it."""
    spec, experiment, yardstick = judged.spec, judged.state.experiment, judged.yardstick
    offered = judged.offered
    controls = [
        blocks.choice(
            "verdict_by",
            "Differences in",
            {key: each.title for key, each in offered.items()},
            yardstick.measure.value,
            look="menu",
            tips={key: terms.of_yardstick(each) for key, each in offered.items()},
        )
    ]
    about = {each.value: each.value for each in scopes(spec)}
    if len(about) > 1:
        picked = judged.view.scope if judged.view.scope in scopes(spec) else Scope.SPLITS
        controls.append(blocks.choice("scope", "What it is about", about, picked.value))
    yield blocks.controls("verdict_controls", *controls)
    rows = forest(judged.verdicts, yardstick)
    if rows:
        colors = {entrant.title: entrant.color for entrant in spec.lineup}
        yield blocks.chart(
            "forest",
            forest_figure(rows, yardstick, colors, experiment.id),
            label="; ".join(row.said for row in rows),
            height=forest_height(rows),
        )
    else:
        yield blocks.text("forest_empty", "There is no difference to draw yet.", "caption")
    if spec.training.protocol is not Protocol.BEST_RATE:
        yield blocks.text(
            "best_rates", "Does it stay so where each loss has its own best rate?", "caption"
        )
        yield blocks.action(
            "race_at_best_rates",
            "Race at best rates",
            disabled=not experiment.status.is_finished,
        )


# ------------------------------------------------------------------ the tab


def verdict_parts(judged: Judged) -> Iterator[Part]:
    """The matrix of all yardsticks, above the verdict by the picked one in full."""
    state, standing = judged.state, judged.standing
    if standing is None:
        is_over = state.experiment.status.is_finished
        yield Part("verdict", is_over, lambda: _no_numbers(is_over))
        return
    yield Part("matrix", judged.shown, lambda: _matrix(standing, state))
    yield Part("verdict", judged.shown, lambda: _verdict(judged, standing))
    yield Part(
        "one_function",
        state.judged if judged.view.one_function else None,
        lambda: _why_ce_and_bce_differ(judged),
    )


def _no_numbers(is_over: bool) -> Iterator[Block]:
    words = "There are no numbers: no epoch was complete." if is_over else "No epoch is complete."
    yield blocks.text("verdict", words, "info")


def _verdict(judged: Judged, standing: Standing) -> Iterator[Block]:
    verdicts, yardstick = judged.verdicts, judged.yardstick
    experiment, spec = judged.state.experiment, judged.spec
    lines = summary(verdicts, yardstick, _opening(experiment, standing.snapshot))
    inside = [blocks.listing("verdict", lines or [ALONE])]
    if len(spec.seeds) > 1 and verdicts:
        inside.append(blocks.text("scope_caption", _scope_explained(spec), "caption"))
    yield blocks.fold("sentences", f"The verdict on {yardstick.name} in full", inside)
    if len(spec.seeds) > 1 and verdicts:
        yield blocks.asked_fold(
            "pairs",
            "Each pair in numbers, and what more seeds could show",
            lambda: _in_numbers(verdicts, yardstick),
            is_open=judged.view.pairs,
        )


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


def _in_numbers(verdicts: Sequence[Verdict], yardstick: Yardstick) -> Iterator[Block]:
    columns, rows = pairs_table(verdicts, yardstick)
    label = "Each pair of entrants in numbers"
    yield blocks.table("pairs_table", columns, rows, label, terms.PAIRS)
    yield blocks.text(
        "pairs_caption",
        "Holm's p is adjusted for all pairs: below 0.05 a difference is shown, and the interval, "
        "at the level that Holm used for the pair, excludes 0. Wilcoxon's signed-rank test assumes "
        "no normal distribution; its p is not adjusted, and is given from so many seeds on as can "
        "bring it below the pair's level. **Could show**: the smallest true difference that so "
        f"many seeds show with a chance of {100 * POWER:g}% (power {POWER:g}, two-sided t test at "
        "the pair's level, SD as seen). **More seeds**: how many beside these would show the "
        "difference that was seen, with the same chance.",
        "caption",
    )


def _matrix(standing: Standing, state: State) -> Iterator[Block]:
    spec, columns = standing.spec, standing.matrix
    yield blocks.heading(
        "matrix_heading",
        f"Trained with, measured with (epoch {standing.snapshot.epoch:,})",
        blocks.download("CSV", "scores.csv"),
    )
    tips = {
        f"{each.title} {'↑' if each.higher_is_better else '↓'}": terms.of_yardstick(each)
        for each in (column.yardstick for column in columns)
    }
    rows = {
        entrant.title: [_cell(standing, entrant, column, state.runs) for column in columns]
        for entrant in spec.lineup
    }
    yield blocks.table("matrix", ["", *tips], rows, "Every entrant by every yardstick", tips)
    explained = " ".join(
        f"{column.yardstick.title}: {column.yardstick.explained}." for column in columns
    )
    yield blocks.text(
        "matrix_caption",
        f"Mean ± half the 95% interval over seeds, on the same {judged_split(spec).rows}; a run "
        "that diverged has no score. **Bold**: best, as paired t tests, adjusted by Holm for all "
        f"pairs, show against every other entrant. {explained}"
        f"{of_sigmoids(spec)}",
        "caption",
    )


def _cell(standing: Standing, entrant: Entrant, column: Column, runs: Sequence[Run]) -> str:
    if entrant.place in column.lacking:
        return "not a probability"
    text = score_text(column, entrant.place)
    if text is None:
        return _diverged(runs[standing.spec.runs_of(entrant.place)])
    return f"**{text}**" if column.best == entrant.place else text


def _diverged(runs: Sequence[Run]) -> str:
    """Why an entrant has no score."""
    steps = [run.diverged_step for run in runs if run.diverged_step is not None]
    return f"diverged at step {min(steps):,}" if len(steps) == len(runs) else "no score"


def _why_ce_and_bce_differ(judged: Judged) -> Iterator[Block]:
    spec = judged.spec
    plain = {
        entrant.loss.key: spec.runs_of(entrant.place)
        for entrant in spec.lineup
        if not entrant.loss.changed and entrant.switch is None
    }
    if not set(ONE_FUNCTION) <= set(plain) or spec.dataset.outputs != 2:
        return
    one, other = (plain[key] for key in ONE_FUNCTION)
    yield blocks.asked_fold(
        "one_function",
        "Why do CE and BCE differ here?",
        lambda: _one_function(judged, one, other),
        is_open=judged.view.one_function,
    )


def _one_function(judged: Judged, one: slice, other: slice) -> Iterator[Block]:
    """Why they differ, and by how much the losses of these runs do, seed by seed."""
    curves, spec = judged.state.curves, judged.spec
    apart = max(
        curves.largest_difference(one.start + seed, other.start + seed)
        for seed in range(len(spec.seeds))
    )
    yield blocks.text(
        "one_function_why",
        "For two classes both are the same function of p: CrossEntropy has two logits and "
        "p = σ(z₁ - z₀), BCE has one and p = σ(z). They differ because CrossEntropy's difference "
        "z₁ - z₀ starts elsewhere than z, and moves twice as fast: each of its two rows takes the "
        "step. Let the last layer of BCE start as that difference and learn twice as fast, under "
        "SGD, and the two are one.",
    )
    yield blocks.text(
        "one_function_apart",
        f"Largest difference of their step losses in this race: **{apart:.2g}** nats.",
    )
    yield blocks.action(
        "set_up_one_function",
        "Set up the race where they agree",
        disabled=spec.training.protocol is Protocol.ONE_FUNCTION,
    )
