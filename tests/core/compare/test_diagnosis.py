"""What goes wrong in trainings that were really made: every kind provoked, and cured."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from core.compare.curves import EpochLine, RunCurves
from core.compare.diagnosis import MOST_OF_ENTRANT, Finding, Kind, diagnose
from core.compare.diagnosis.evidence import lasting
from core.data import DATASETS
from core.example import EXAMPLES, ensure
from core.live.reading import Reading
from core.losses import Task, fitting
from core.records import Column, Measure, Split
from core.spec import ExperimentSpec, changes, schedule
from core.store import Store
from tests.core.compare.diagnosed import Trained

trained = cache(Trained.of)


def spec_of(
    data: str = "moons",
    losses: tuple[str, ...] = ("cross_entropy",),
    hidden: tuple[int, ...] = (32, 32),
    activation: str = "relu",
    optimizer: str = "sgd",
    rate: float = 0.03,
    epochs: int = 12,
    batch: int = 8,
    rows: int = 1000,
    noise: float = 0.2,
    start: dict[str, Any] | None = None,
    seeds: tuple[int, ...] = (0,),
    **parts: Any,
) -> ExperimentSpec:
    return ExperimentSpec.parse(
        {
            "data": {"name": data, "rows": rows, "noise": noise},
            "network": {"hidden_sizes": hidden, "activation": activation, "start": start or {}},
            "optimizer": {"name": optimizer, "learning_rate": rate},
            "training": {"batch_size": batch, "epochs": epochs, "device": "cpu"},
            "entrants": [{"loss": loss} for loss in losses],
            "seeds": seeds,
            **parts,
        }
    )


ZEROS = {"scheme": "zeros"}
SIX = (32,) * 6
#: What provokes each kind, the sentence, and what is to be tried.
CASES = {
    "diverged": (
        Kind.DIVERGED,
        spec_of("diabetes", ("mse",), rate=1, epochs=6),
        r"MSE diverged at step [\d,]+: its loss is no longer a finite number\.",
        "learning rate 1 → 0.1",
    ),
    "dead by the rate": (
        Kind.DEAD_UNITS,
        spec_of(optimizer="adam", rate=0.3),
        r"CrossEntropy: \d+% of the units in hidden layer 2 give 0 for every row since epoch \d+ "
        r"\(more than 50% is called dead\)\.",
        "learning rate 0.3 → 0.03",
    ),
    "dead from the start": (
        Kind.DEAD_UNITS,
        spec_of(start=ZEROS),
        r"CrossEntropy: 100% of the units in hidden layer 1 give 0 for every row from the start "
        r"\(more than 50% is called dead\)\.",
        "start zeros → default",
    ),
    "saturation": (
        Kind.SATURATION,
        spec_of("wine", activation="tanh", optimizer="adam", rate=0.3, epochs=40),
        r"CrossEntropy: \d+% of what hidden layer \d gives lies at an end of its range since "
        r"epoch \d+ \(more than 75% is called saturated\)\.",
        "learning rate 0.3 → 0.03",
    ),
    "vanishing": (
        Kind.VANISHING,
        spec_of(activation="sigmoid", hidden=SIX),
        r"CrossEntropy: the gradient of hidden layer 1 is \d\.\de-06 times that of the last layer "
        r"from the start \(less than 0\.001 is called vanishing\)\.",
        "activation Sigmoid → ReLU",
    ),
    "exploding": (
        Kind.EXPLODING,
        spec_of("wine", rate=0.001, epochs=40, start={"head_factor": 300}),
        r"CrossEntropy: the gradient of hidden layer \d is [\d.]+ times that of the last layer "
        r"since epoch \d+ \(more than 50 is called exploding\)\.",
        "factor on the last layer 300 → 1",
    ),
    "rate too high": (
        Kind.RATE_TOO_HIGH,
        spec_of("diabetes", ("l1",), activation="gelu", optimizer="adam", rate=0.1, epochs=30),
        r"L1: the learning rate is too high to settle: since epoch \d+ the training loss went from "
        r"[\d.]+ to [\d.]+, by \d+% of the best constant's loss \(settled is up to 15%\)\.",
        "learning rate 0.1 → 0.01",
    ),
    "rate too low": (
        Kind.RATE_TOO_LOW,
        spec_of(rate=1e-5),
        r"CrossEntropy: the learning rate is too low to move: from step 1 on the training loss "
        r"fell steadily, but by [\d.]+% in 1,200 steps \(less than 3% is hardly\)\.",
        "learning rate 1e-05 → 0.01",
    ),
    "constant class": (
        Kind.CONSTANT,
        spec_of("iris", activation="tanh", start=ZEROS, epochs=40),
        r"CrossEntropy: a constant predictor: 100% of the rows get one class from the start\.",
        "start zeros → default",
    ),
    "constant value": (
        Kind.CONSTANT,
        spec_of("diabetes", ("mse",), activation="tanh", start=ZEROS, epochs=15),
        r"MSE: a constant predictor: predictions have 0% of the targets' SD from the start \(up to "
        r"1% is called constant\)\.",
        "start zeros → default",
    ),
    "overfitting": (
        Kind.OVERFITTING,
        spec_of(
            hidden=(64, 64), optimizer="adam", rate=0.01, epochs=100, rows=100, noise=0.6
        ),
        r"CrossEntropy: overfitting began at epoch \d+: while the training loss fell, the "
        r"validation loss rose from [\d.]+ to [\d.]+, by \d+% of the best constant's loss \(told "
        r"from 30%\)\.",
        None,
    ),
    "plateau": (
        Kind.PLATEAU,
        spec_of("xor", hidden=()),
        r"CrossEntropy: a plateau: the training loss is flat at [\d.]+ since epoch \d+, \d+% of "
        r"the best constant's loss \(told above 80%\)\.",
        "hidden layers none → 32",
    ),
}  # fmt: skip


def of_kind(made: Trained, kind: Kind) -> list[Finding]:
    return [finding for finding in made.found if finding.kind is kind]


def losses(made: Trained, split: Split, run: int = 0) -> np.ndarray:
    return made.runs[run].evaluation(split, Measure.LOSS).values


def numbers(sentence: str) -> list[float]:
    return [float(each.replace(",", "")) for each in re.findall(r"\d[\d,]*(?:\.\d+)?", sentence)]


# ------------------------------------------------------------------ provoked and cured


def test_there_is_a_case_of_every_kind() -> None:
    assert {kind for kind, *_ in CASES.values()} == set(Kind)


@pytest.mark.parametrize("name", CASES)
def test_it_is_found_with_its_number_its_threshold_and_since_when(name: str) -> None:
    kind, spec, sentence, tried = CASES[name]
    made = trained(spec)
    (finding,) = of_kind(made, kind)
    assert finding == made.found[0]
    assert finding.entrant == 0
    assert re.fullmatch(sentence, finding.sentence), finding.sentence
    assert finding.remedy is not None
    if tried is not None:
        assert changes(spec, finding.remedy) == (tried,)


@pytest.mark.parametrize("name", CASES)
def test_where_the_remedy_was_tried_it_is_found_no_more(name: str) -> None:
    kind, spec, *_ = CASES[name]
    (finding,) = of_kind(trained(spec), kind)
    assert finding.remedy is not None
    assert not of_kind(trained(finding.remedy), kind)


# ------------------------------------------------------------------ the numbers are right


def test_a_divergence_is_told_at_its_step() -> None:
    _, spec, *_ = CASES["diverged"]
    made = trained(spec)
    (finding,) = made.found
    assert finding.since == made.runs[0].diverged_step == numbers(finding.sentence)[0]


@pytest.mark.parametrize(
    ("name", "course", "limit"),
    [("dead by the rate", "dead", 0.5), ("saturation", "saturated", 0.75)],
)
def test_a_share_of_a_layer_is_that_of_the_newest_look(
    name: str, course: str, limit: float
) -> None:
    _, spec, *_ = CASES[name]
    made = trained(spec)
    sentence = made.found[0].sentence
    told = re.search(r"(\d+)% .* layer (\d).* epoch (\d+) \(more than (\d+)%", sentence)
    assert told is not None
    share, layer, epoch, threshold = map(int, told.groups())
    seen = getattr(made.snapshot, course)[:, 0, layer - 1].astype(float)
    assert share == round(100 * seen[-1])
    assert threshold == 100 * limit
    assert made.snapshot.looks is not None
    place = made.snapshot.looks.tolist().index(epoch)
    assert (seen[place:] > limit).all()
    assert not (seen[:place] > limit).all()
    assert place == 0 or seen[place - 1] <= limit
    assert made.found[0].since == epoch * spec.steps_per_epoch


@pytest.mark.parametrize("name", ["vanishing", "exploding"])
def test_a_gradient_is_told_against_that_of_the_last_layer(name: str) -> None:
    _, spec, *_ = CASES[name]
    made = trained(spec)
    gradients = made.snapshot.gradients
    assert gradients is not None
    against = gradients[-1, 0, :-1].astype(float) / gradients[-1, 0, -1]
    layer, told = re.search(r"layer (\d) is (\S+) times", made.found[0].sentence).groups()
    worst = against.argmin() if name == "vanishing" else against.argmax()
    assert int(layer) == worst + 1
    assert float(told) == pytest.approx(against[worst], rel=0.05)


def test_a_rate_too_high_is_told_by_the_loss_at_its_lowest_and_now() -> None:
    _, spec, *_ = CASES["rate too high"]
    made = trained(spec)
    since, lowest, level, share, _limit = numbers(made.found[0].sentence)[1:]
    training, baseline = losses(made, Split.TRAIN), made.facts.baselines[0]
    assert training[int(since)] == training[1:21].min()
    assert lowest == pytest.approx(training[int(since)], rel=0.005)
    assert level == pytest.approx(np.median(training[-10:]), rel=0.05)
    assert share == pytest.approx(100 * (level - lowest) / baseline, abs=1)


def judged_at(made: Trained, epochs: list[int]) -> Trained:
    """As if these epochs alone had been judged."""
    runs = []
    for run in made.runs:
        lines = {}
        for column, line in run.evaluations.items():
            known = np.isin(line.epochs, epochs)
            lines[column] = EpochLine(line.epochs[known], line.steps[known], line.values[known])
        runs.append(replace(run, evaluations=lines))
    return replace(made, runs=tuple(runs))


@pytest.mark.parametrize(
    ("name", "all_judged"), [("overfitting", 16), ("plateau", 4), ("rate too low", 4)]
)
def test_it_is_found_where_not_every_epoch_was_judged(
    name: str, all_judged: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "ALL_JUDGED", all_judged)
    kind, spec, sentence, _ = CASES[name]
    last = spec.training.epochs
    epochs = [each for each in range(last + 1) if schedule.is_judged(each, last)]
    assert len(epochs) < 0.7 * last
    made = trained(spec)
    (finding,) = of_kind(judged_at(made, epochs), kind)
    assert re.fullmatch(sentence, finding.sentence)
    assert finding.since // spec.steps_per_epoch in epochs
    (every,) = of_kind(made, kind)
    assert finding.since == pytest.approx(every.since, rel=0.1, abs=2 * spec.steps_per_epoch)
    if kind is Kind.OVERFITTING:
        epoch, lowest = numbers(finding.sentence)[:2]
        assert losses(made, Split.VAL)[int(epoch)] == pytest.approx(lowest, rel=0.005)


def test_a_rate_too_low_is_told_by_how_much_the_loss_fell() -> None:
    _, spec, *_ = CASES["rate too low"]
    made = trained(spec)
    training = losses(made, Split.TRAIN).astype(float)
    told = float(re.search(r"by ([\d.]+)%", made.found[0].sentence).group(1))
    assert told == pytest.approx(100 * (training[0] - training[-1]) / training[0], rel=0.01)


def test_overfitting_is_told_from_the_epoch_of_the_lowest_validation_loss() -> None:
    _, spec, *_ = CASES["overfitting"]
    made = trained(spec)
    finding = made.found[0]
    began, lowest, level, share, _limit = numbers(finding.sentence)
    validation = losses(made, Split.VAL)
    assert began == validation.argmin()
    assert lowest == pytest.approx(validation.min(), rel=0.005)
    assert level == pytest.approx(np.median(validation[-5:]), rel=0.005)
    assert share == pytest.approx(100 * (level - lowest) / made.facts.baselines[0], abs=1)
    assert finding.remedy is not None
    assert changes(spec, finding.remedy) == (f"epochs 100 → {began:.0f}",)


def test_a_plateau_is_told_with_its_level_and_where_it_began() -> None:
    _, spec, *_ = CASES["plateau"]
    made = trained(spec)
    level, since, share, _limit = numbers(made.found[0].sentence)
    training, baseline = losses(made, Split.TRAIN), made.facts.baselines[0]
    assert (np.abs(training[int(since) :] - level) <= 0.021 * baseline).all()
    assert abs(training[int(since) - 1] - level) > 0.019 * baseline
    assert share == round(100 * level / baseline)


# ------------------------------------------------------------------ one cause, few sentences


def test_what_follows_from_a_cause_comes_after_it_and_has_no_remedy_of_its_own() -> None:
    _, spec, *_ = CASES["dead from the start"]
    dead, constant = trained(spec).found
    assert (dead.kind, constant.kind) == (Kind.DEAD_UNITS, Kind.CONSTANT)
    assert constant.remedy is None
    assert dead.remedy is not None


def test_of_a_run_that_diverged_nothing_else_is_said() -> None:
    spec = spec_of("diabetes", ("mse", "l1"), rate=1, epochs=20)
    found = trained(spec).found
    assert [each.kind for each in found if each.entrant == 0] == [Kind.DIVERGED]
    assert {each.entrant for each in found} == {0, 1}


def test_of_an_entrant_at_most_three_sentences_are_said() -> None:
    spec = spec_of(losses=("cross_entropy", "bce"), optimizer="adam", rate=0.3, epochs=30)
    found = trained(spec).found
    counts = [sum(each.entrant == place for each in found) for place in (0, 1)]
    assert max(counts) == MOST_OF_ENTRANT


# ------------------------------------------------------------------ several seeds, own rates


def test_of_several_seeds_it_is_said_in_how_many() -> None:
    spec = spec_of("circles", ("mse", "bce"), hidden=(), epochs=12, seeds=(0, 1, 2))
    found = trained(spec).found
    assert [each.kind for each in found] == [Kind.PLATEAU] * 2
    assert found[0].sentence.startswith("MSE, in 3 of 3 seeds: a plateau")
    assert found[1].entrant == 1


def test_what_losses_alone_show_is_said_where_most_seeds_show_it() -> None:
    """Of three seeds that overfit, some are made to keep their lowest validation loss."""
    _, spec, *_ = CASES["overfitting"]
    made = trained(spec.model_copy(update={"seeds": (0, 1, 2)}))
    assert "in 3 of 3 seeds: overfitting" in of_kind(made, Kind.OVERFITTING)[0].sentence
    assert (
        "in 2 of 3 seeds: overfitting" in of_kind(kept_low(made, 2), Kind.OVERFITTING)[0].sentence
    )
    assert not of_kind(kept_low(made, 1, 2), Kind.OVERFITTING)


def kept_low(made: Trained, *chosen: int) -> Trained:
    key = Column(Split.VAL, Measure.LOSS)

    def low(run: RunCurves) -> RunCurves:
        line = run.evaluations[key]
        lowest = replace(line, values=np.minimum.accumulate(line.values))
        return replace(run, evaluations={**run.evaluations, key: lowest})

    runs = tuple(low(run) if k in chosen else run for k, run in enumerate(made.runs))
    return replace(made, runs=runs)


def test_seeds_that_diverged_are_counted() -> None:
    spec = spec_of("diabetes", ("mse",), rate=0.7, epochs=4, seeds=(0, 1, 2, 3, 4, 5))
    made = trained(spec)
    steps = [run.diverged_step for run in made.runs if run.diverged_step is not None]
    assert 0 < len(steps) < 6
    finding = made.found[0]
    assert finding.sentence == (
        f"MSE diverged in {len(steps)} of 6 seeds, first at step {min(steps):,}: its loss is no "
        "longer a finite number. From there on, means are over the other seeds."
    )


def test_a_rate_of_its_own_is_what_is_changed() -> None:
    spec = spec_of(
        "diabetes", epochs=6, entrants=[{"loss": "l1"}, {"loss": "mse", "learning_rate": 1}]
    )
    (finding,) = of_kind(trained(spec), Kind.DIVERGED)
    assert finding.entrant == 1
    assert finding.remedy is not None
    assert changes(spec, finding.remedy) == ("learning rate of MSE 1 → 0.1",)
    assert finding.remedy.optimizer == spec.optimizer


def test_where_rates_are_searched_for_there_is_no_button() -> None:
    training = {"batch_size": 8, "epochs": 6, "device": "cpu", "protocol": "best_rate"}
    made = trained(CASES["diverged"][1])
    searched = spec_of("diabetes", ("mse",), rate=1, training=training)
    (finding,) = diagnose(searched, made.facts, made.runs, made.snapshot)
    assert finding.kind is Kind.DIVERGED
    assert finding.remedy is None


# ------------------------------------------------------------------ healthy


@pytest.mark.parametrize("name", [name for name, (kind, *_) in CASES.items()
                                  if kind is not Kind.DIVERGED])  # fmt: skip
def test_before_there_is_evidence_nothing_is_said(name: str) -> None:
    _, spec, *_ = CASES[name]
    made = trained(spec)
    for epoch in (0, 1):
        assert made.until(epoch).found == ()


def preset(task: Task) -> list[str]:
    """What the form races: CrossEntropy, BCE and MSE, or the first that fit."""
    keys = [loss.key for loss in fitting(task)]
    return [key for key in ("cross_entropy", "bce", "mse") if key in keys][:3] + (
        ["l1", "huber"] if not task.is_classification else []
    )


@pytest.mark.parametrize("data", DATASETS)
def test_healthy_trainings_have_none_at_any_epoch(data: str) -> None:
    """The plain defaults on every data set; those of the form are in ``tests/verify``."""
    entrants = [{"loss": loss} for loss in preset(DATASETS[data].task)]
    training = {"epochs": 40, "device": "cpu", "batch_size": min(32, DATASETS[data].rows or 32)}
    spec = ExperimentSpec.parse(
        {"data": {"name": data}, "entrants": entrants, "training": training}
    )
    assert trained(spec).found_by_epoch() == {}


@pytest.mark.parametrize(
    "losses", [("mse", "bce", "cross_entropy"), ("hinge", "mse_on_raw_outputs")]
)
@pytest.mark.parametrize("weights", [(2, 2), (50, 50), (-2, -2)])
def test_one_row_has_no_best_constant_to_be_worse_than(
    losses: tuple[str, ...], weights: tuple[float, float]
) -> None:
    """One class is all that there is, and a neuron that starts sure and wrong stands still."""
    start = {"scheme": "by_hand", "weights": weights}
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "neuron"},
            "network": {"hidden_sizes": [], "start": start},
            "optimizer": {"name": "sgd", "learning_rate": 0.15},
            "training": {"batch_size": 1, "epochs": 700, "device": "cpu"},
            "entrants": [{"loss": loss} for loss in losses],
        }
    )
    assert trained(spec).found_by_epoch() == {}


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "gelu"])
def test_other_activations_are_healthy_too(activation: str) -> None:
    spec = spec_of(
        losses=("cross_entropy", "mse"), activation=activation, optimizer="adam", rate=0.003,
        epochs=30, batch=32,
    )  # fmt: skip
    assert trained(spec).found_by_epoch() == {}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_recorded_examples_have_none(tmp_path: Any, name: str) -> None:
    """They were recorded before networks were looked at, and are healthy by their curves."""
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    state = Reading(store, ensure(store, name)).state()
    facts = state.experiment.facts
    assert facts is not None
    runs = state.curves.evaluated(state.runs)
    assert diagnose(state.experiment.spec, facts, runs, state.snapshot) == ()


# ------------------------------------------------------------------ since when


def test_what_lasts_is_counted_from_the_newest_back() -> None:
    yes, no = True, False
    courses = np.array([[yes, no, no, yes], [yes, yes, yes, no], [yes, yes, no, yes]])
    assert lasting(courses).tolist() == [0, 1, 3, 2]
    assert lasting(courses[:1]).tolist() == [0, 1, 1, 0]
