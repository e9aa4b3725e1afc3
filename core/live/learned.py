"""What a snapshot shows: calibration, gradients, and what each entrant learned."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.compare.courses import judged_split
from core.figures import (
    CLASS_LOOKS,
    FEW_ROWS,
    SHADES,
    Figure,
    confusion_figure,
    curve_figure,
    lens_figure,
    predicted_figure,
    reliability_figure,
    shaded,
    surface_figure,
    truth_figure,
)
from core.judging.yardsticks import gives_probabilities
from core.live import blocks, pushes, rises, terms
from core.live.blocks import Block
from core.live.reading import State
from core.live.seen import (
    Seen,
    in_base64,
    nothing_yet,
    percent,
    seed_menu,
    seed_place,
    side_by_side,
)
from core.live.sureness import sureness
from core.live.view import Look, View
from core.live.words import of_sigmoids
from core.records import Snapshot
from core.records.snapshot import MOST_UNITS, UNIT_SIZE
from core.spec import Entrant, ExperimentSpec

_NO_PROBABILITIES = "Its outputs are scores, not probabilities."


def replay(state: State) -> Iterator[Block]:
    """Back through the training, once there is something to go back to."""
    if len(state.moments) > 1:
        yield blocks.replay("replay", state.moments, state.experiment.spec.training.epochs)


def _chart(kind: str, entrant: Entrant, name: str, figure: Figure) -> Block:
    return blocks.chart(name, figure, label=f"{kind} of {entrant.title}", height=240)


def calibration(state: State, view: View) -> Iterator[Block]:
    """A reliability diagram for each entrant, all seeds together; how wrong the surest rows are."""
    experiment, snapshot = state.experiment, state.snapshot
    if snapshot is None:
        yield nothing_yet()
        return
    if snapshot.reliability is None:
        yield blocks.text(
            "calibration_caption",
            "Calibration is about probabilities of classes; this data set asks for a number.",
            "caption",
        )
        return
    yield blocks.text(
        "calibration_caption",
        "Is it right as often as it is sure? On the line it is; below it is too sure. Each share "
        f"has its 95% interval (Wilson), and an open point is of fewer than {FEW_ROWS} rows. "
        "Grey bars count the rows in each bin, all seeds together: "
        f"{judged_split(experiment.spec).rows} (epoch {snapshot.epoch:,})."
        f"{of_sigmoids(experiment.spec)}",
        "caption",
    )
    spec, tables = experiment.spec, snapshot.reliability

    def block_of(entrant: Entrant, name: str) -> Block | str:
        if not gives_probabilities(entrant.loss_of(snapshot.step), spec.dataset.task):
            return _NO_PROBABILITIES
        rows = tables[spec.runs_of(entrant.place)].sum(0)
        figure = reliability_figure(entrant.color, rows, experiment.id)
        return _chart("calibration", entrant, name, figure)

    yield side_by_side(experiment, "calibration", block_of)
    yield from sureness(state, view)


def lens(state: State, view: View) -> Iterator[Block]:
    """Each entrant's gradient over where the newest batch lies."""
    experiment, snapshot = state.experiment, state.snapshot
    if snapshot is None or experiment.facts is None:
        yield nothing_yet()
        return
    is_classification = experiment.spec.dataset.task.is_classification
    yield blocks.text(
        "lens_caption",
        "How hard each loss pulls at one row, over the rows of the newest batch. Far to the left "
        "are confident mistakes: there CrossEntropy and BCE pull hardest, and MSE on "
        "probabilities hardly at all, so that it learns little from them. Each step down the "
        "axis is ten times less."
        if is_classification
        else "How hard each loss pulls at one row, over the residuals of the newest batch.",
        "caption",
    )
    yield blocks.chart(
        "lens_chart",
        lens_figure(
            experiment.facts.lens_at(snapshot.step, experiment.spec.lineup),
            snapshot.margins,
            experiment.spec.lineup,
            experiment.id,
            is_classification,
        ),
        label="Size of the gradient of each loss, over a histogram of the newest batch",
        height=340,
    )
    yield from pushes.draw(Seen(state, snapshot, seed_place(experiment.spec, view)))


# ------------------------------------------------------------------ what each learned


@dataclass(frozen=True)
class _Shown:
    """One of the looks: its title, the field of a snapshot that it needs, its words, and what it
    shows of an entrant. ``is_of_a_seed`` tells those of one run from those of all together."""

    title: str
    needs: str
    is_of_a_seed: bool
    words: Callable[[ExperimentSpec], str]
    block_of: Callable[[Seen, Entrant, str], Block | str]


def pictures(state: State, view: View) -> Iterator[Block]:
    """What each entrant learned, in the look that was picked of those that the data has."""
    experiment, snapshot = state.experiment, state.snapshot
    if snapshot is None:
        yield nothing_yet()
        return
    offered = {
        look: shown for look, shown in _LOOKS.items() if getattr(snapshot, shown.needs) is not None
    }
    look = view.look if view.look in offered else next(iter(offered))
    shown, place = offered[look], seed_place(experiment.spec, view)
    menu = seed_menu(experiment.spec, place)
    yield from _choices(offered, look, menu if shown.is_of_a_seed else [])
    words = f"{shown.words(experiment.spec)} Epoch {snapshot.epoch:,}."
    yield blocks.text("learned_caption", words, "caption")
    seen = Seen(state, snapshot, place)
    yield side_by_side(
        experiment, "learned", lambda entrant, name: _of_entrant(seen, shown, entrant, name)
    )
    yield from rises.draw(seen, [] if shown.is_of_a_seed else menu)


def _choices(offered: dict[Look, _Shown], look: Look, menu: list[Block]) -> Iterator[Block]:
    controls = []
    if len(offered) > 1:
        titles = {each.value: shown.title for each, shown in offered.items()}
        controls.append(blocks.choice("look", "Show", titles, look.value, tips=terms.LOOKS))
    if controls or menu:
        yield blocks.controls("learned_controls", *controls, *menu)


def _of_entrant(seen: Seen, shown: _Shown, entrant: Entrant, name: str) -> Block | str:
    runs = seen.spec.runs_of(entrant.place)
    needed = [seen.run(entrant)] if shown.is_of_a_seed else range(runs.start, runs.stop)
    if all(seen.has_diverged(run) for run in needed):
        steps = [seen.state.runs[run].diverged_step or 0 for run in needed]
        return f"It diverged at step {min(steps):,}: its outputs are no numbers any more."
    return shown.block_of(seen, entrant, name)


def _rows(spec: ExperimentSpec) -> str:
    rows: str = judged_split(spec).rows
    return rows


def _surface(seen: Seen, entrant: Entrant, name: str) -> Block:
    snapshot, run = seen.snapshot, seen.run(entrant)
    assert snapshot.surface is not None
    assert snapshot.extent is not None
    assert snapshot.points is not None
    figure = surface_figure(
        snapshot.surface[run],
        snapshot.extent[seen.seed_place],
        snapshot.points[seen.seed_place],
        None if snapshot.wrong is None else snapshot.wrong[run],
        seen.spec.dataset.outputs,
        seen.experiment.id,
        None if snapshot.confidence is None else snapshot.confidence[run],
    )
    return _chart("surface", entrant, name, figure)


def _curve(seen: Seen, entrant: Entrant, name: str) -> Block:
    snapshot, task = seen.snapshot, seen.spec.dataset.task
    assert snapshot.curve is not None
    assert snapshot.extent is not None
    assert snapshot.points is not None
    answer = "predicted value"
    if task.is_classification:
        answer = "p(class 1)" if seen.has_probabilities(entrant) else "class predicted"
    figure = curve_figure(
        entrant.color,
        snapshot.curve[seen.run(entrant)],
        snapshot.extent[seen.seed_place],
        snapshot.points[seen.seed_place],
        answer,
        seen.experiment.id,
        is_of_classes=task.is_classification,
    )
    return _chart(f"{answer} along x", entrant, name, figure)


def _network(seen: Seen, entrant: Entrant, name: str) -> Block:
    """From the inputs by the first units of each hidden layer to the output."""
    snapshot, run = seen.snapshot, seen.run(entrant)
    assert snapshot.units is not None
    assert snapshot.weights is not None
    assert snapshot.surface is not None
    sizes = seen.spec.network.hidden_sizes
    drawn = [min(MOST_UNITS, size) for size in sizes]
    ramp = np.linspace(0, 255, UNIT_SIZE).round().astype(np.uint8)
    inputs = np.stack(np.meshgrid(ramp, ramp))
    layers = [_layer("inputs", ["x", "y"], inputs)]
    for number, (size, count) in enumerate(zip(sizes, drawn, strict=True), start=1):
        of_all = f" of {size:,}" if size > count else ""
        names = [f"Hidden layer {number}, unit {unit}" for unit in range(1, count + 1)]
        maps = snapshot.units[run, number - 1, :count]
        layers.append(_layer(f"{count}{of_all}", names, maps))
    layers.append(_output(snapshot, run, seen.spec.dataset.outputs))
    wide = [2, *drawn]
    tables = snapshot.weights[run].astype(np.float64)
    weights = [tables[at, :to, :of] for at, (of, to) in enumerate(itertools.pairwise(wide))]
    outputs = entrant.loss.head.width(seen.spec.dataset.outputs)
    weights.append(_to_output(tables[-1, :outputs, : wide[-1]]))
    return blocks.network(
        name,
        layers,
        [np.nan_to_num(each, posinf=0, neginf=0).round(4).tolist() for each in weights],
        f"Network of {entrant.title}, from its inputs to its output",
    )


def _layer(title: str, names: list[str], maps: NDArray[np.uint8]) -> Block:
    size = maps.shape[-1]
    drawn = [in_base64(each) for each in maps]
    return {"title": title, "names": names, "size": size, "maps": drawn}


def _output(snapshot: Snapshot, run: int, classes: int) -> Block:
    """The surface, in its own colours: of two classes a probability, of more shades of each."""
    assert snapshot.surface is not None
    surface = snapshot.surface[run]
    if classes == 2:
        return _layer("output", ["Output"], surface[None])
    confidence = None if snapshot.confidence is None else snapshot.confidence[run]
    colors = [color for color, _symbol in CLASS_LOOKS[:classes]]
    shades = shaded(surface, confidence, classes)
    return _layer("output", ["Output"], shades[None]) | {"colors": colors, "shades": SHADES}


def _to_output(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """``[1, from]``: to the one logit; of two, how much more to class 1; of more, the largest."""
    if len(weights) == 2:
        return weights[1:] - weights[:1]
    largest = np.abs(weights).argmax(0)
    return np.take_along_axis(weights, largest[None], 0)


def _confusion(seen: Seen, entrant: Entrant, name: str) -> Block:
    assert seen.snapshot.confusion is not None
    counts = seen.over_seeds(seen.snapshot.confusion, entrant).astype(np.int64)
    return _chart("confusion", entrant, name, confusion_figure(counts, seen.experiment.id))


def _truth(seen: Seen, entrant: Entrant, name: str) -> Block | str:
    if not seen.has_probabilities(entrant):
        return _NO_PROBABILITIES
    assert seen.snapshot.truth is not None
    counts = seen.over_seeds(seen.snapshot.truth, entrant)
    figure = truth_figure(entrant.color, counts, seen.experiment.id)
    return _chart("probability of the true class", entrant, name, figure)


def _mistakes(seen: Seen, entrant: Entrant, name: str) -> Block | str:
    snapshot, run = seen.snapshot, seen.run(entrant)
    assert snapshot.mistaken is not None
    assert snapshot.pictures is not None
    has_probabilities = seen.has_probabilities(entrant)
    drawn = []
    for (true, predicted, sure), picture in zip(
        snapshot.mistaken[run].tolist(), snapshot.pictures[run], strict=True
    ):
        if np.isnan(sure):
            continue
        how_sure = f", {percent(sure)}" if has_probabilities else ""
        title = f"{true:.0f}, taken for {predicted:.0f}{how_sure}"
        drawn.append((in_base64(picture), title))
    if not drawn:
        return "It makes no mistake on these rows."
    height, width = snapshot.pictures.shape[-2:]
    return blocks.pictures(name, drawn, (height, width))


def _predicted(seen: Seen, entrant: Entrant, name: str) -> Block:
    snapshot, run = seen.snapshot, seen.run(entrant)
    assert snapshot.predicted is not None
    assert snapshot.actual is not None
    figure = predicted_figure(
        entrant.color,
        snapshot.predicted[run],
        snapshot.actual[seen.seed_place],
        seen.experiment.id,
    )
    return _chart("predictions", entrant, name, figure)


def _of_surface(spec: ExperimentSpec) -> str:
    ringed = "Mistakes have a ring."
    if spec.dataset.outputs == 2:
        return (
            "Blue is sure of class 0, orange of class 1, white undecided: one scale for all. "
            f"{ringed}"
        )
    return f"The plane in the colour of the class predicted there, paler where less sure. {ringed}"


def _of_curve(spec: ExperimentSpec) -> str:
    rows = _rows(spec)
    if not spec.dataset.task.is_classification:
        return f"The value predicted at every x, in standard deviations; points are the {rows}."
    return (
        "The probability of class 1 at every x, or the class predicted where outputs are no "
        f"probabilities; points are the {rows}, those of class 0 at the bottom."
    )


#: In this order they are offered, and the first that the data has is shown.
_LOOKS = {
    Look.SURFACE: _Shown("Surface", "surface", True, _of_surface, _surface),
    Look.CURVE: _Shown("Curve", "curve", True, _of_curve, _curve),
    Look.PREDICTED: _Shown(
        "Predictions",
        "predicted",
        True,
        lambda spec: (
            "Predictions against the truth, in standard deviations; on the line they "
            f"agree, and a stick is what is missing: {_rows(spec)}."
        ),
        _predicted,
    ),
    Look.NETWORK: _Shown(
        "Network",
        "units",
        True,
        lambda spec: (
            "What each unit gives over the plane: blue below 0, orange above. Lines are "
            "weights, the wider the larger; point at a unit to enlarge it."
        ),
        _network,
    ),
    Look.CONFUSION: _Shown(
        "Confusion",
        "confusion",
        False,
        lambda spec: (
            f"Rows of each true class by predicted class, all seeds together: {_rows(spec)}."
        ),
        _confusion,
    ),
    Look.TRUTH: _Shown(
        "Probabilities",
        "truth",
        False,
        lambda spec: (
            "Rows by the probability that their true class was given, all seeds "
            f"together: at 1 sure and right, at 0 sure and wrong; {_rows(spec)}.{of_sigmoids(spec)}"
        ),
        _truth,
    ),
    Look.MISTAKES: _Shown(
        "Surest mistakes",
        "mistaken",
        True,
        lambda spec: f"What each was most sure of, and wrong about: {_rows(spec)}.",
        _mistakes,
    ),
}
