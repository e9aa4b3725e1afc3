"""The written program prints the lab's losses: for every loss, optimizer, activation and data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.data import DATASETS
from core.losses import CUSTOM, LOSSES
from core.program import written
from core.program.comparing import TOLERANCE, compare, sentence
from core.spec import (
    LESSON,
    Activation,
    ExperimentSpec,
    OptimizerName,
    Scheme,
    successors,
)
from core.training import train
from tests.core.experiments import changed, entrants
from tests.core.program.clean import largest_difference, losses, of_the_lab, printed

#: One data set of each number of outputs.
_DATA = ("breast_cancer", "iris", "diabetes")
#: Of data with less than a whole batch of rows.
_BATCHES = {"lesson": 12, "neuron": 1}
#: Expressions with a kink, with logarithms, with sums over classes.
_EXPRESSIONS = (
    "(p - y)**2",
    "-(1 - p)**2 * y * log(p)",
    "logsumexp(z) - sum(y * z)",
    "where(abs(z - y) < 1, square(z - y), abs(z - y))",
)


def spec_of(data: str = "iris", loss: str = "cross_entropy", **parts: Any) -> ExperimentSpec:
    """A short training, whose last batch is smaller than the others."""
    described: dict[str, Any] = {
        "data": {"name": data, "rows": 150},
        "network": {"hidden_sizes": [8]},
        "optimizer": {"name": "adam", "learning_rate": 0.01},
        "training": {"batch_size": _BATCHES.get(data, 32), "epochs": 4, "device": "cpu"},
        "entrants": entrants(loss),
    }
    for name, values in parts.items():
        is_part = isinstance(values, dict)
        described[name] = described[name] | values if is_part else values
    return ExperimentSpec.parse(described)


def _of_losses() -> dict[str, ExperimentSpec]:
    """Every loss on every task that it fits, with its defaults and with other parameters.

    Under SGD, which shows a gradient's size; Adam would divide it out, and the L1 loss's
    gradients of 0 but for rounding by that rounding.
    """
    found = {}
    momentum = {"name": "momentum", "learning_rate": 0.02}
    for data in _DATA:
        dataset = DATASETS[data]
        for key, loss in LOSSES.items():
            if dataset.task in loss.formulas:
                found[f"{key} on {data}"] = spec_of(data, key, optimizer=momentum)
                if loss.parameters:
                    entrant = changed(key, dataset.outputs)
                    found[f"{key} on {data}, changed"] = spec_of(
                        data, entrants=[entrant], optimizer=momentum
                    )
        for number, text in enumerate(_EXPRESSIONS):
            if data == "diabetes" and "log(p)" in text:
                continue  # There p is the value itself, which has no logarithm below 0.
            of_own = entrants(CUSTOM, expression=text)
            found[f"own {number} on {data}"] = spec_of(data, entrants=of_own, optimizer=momentum)
    return found


def _of_optimizers() -> dict[str, ExperimentSpec]:
    return {
        f"{name.value}, decay {decay}": spec_of(
            optimizer={"name": name, "momentum": 0.8, "weight_decay": decay}
        )
        for name in OptimizerName
        for decay in (0.0, 0.02)
    }


def _of_networks() -> dict[str, ExperimentSpec]:
    """Every activation, and every start, with none, one and two hidden layers."""
    found = {
        f"{activation.value} {sizes}": spec_of(
            network={"hidden_sizes": sizes, "activation": activation}
        )
        for activation in Activation
        for sizes in ([8], [8, 6])
    }
    for scheme in (each for each in Scheme if each is not Scheme.BY_HAND):
        for sizes in ([], [7], [8, 6]):
            start = {"scheme": scheme, "head_factor": 2.5}
            network = {"hidden_sizes": sizes, "start": start}
            found[f"{scheme.value} {sizes}"] = spec_of(network=network)
    return found


def _of_weights_by_hand() -> dict[str, ExperimentSpec]:
    """Heads with one logit and with two, of outputs that are probabilities and that are not."""
    found = {}
    for data, weights in (("neuron", [2, 2]), ("moons", [0.7, -1.3, 0.1])):
        start = {"scheme": "by_hand", "weights": weights}
        for loss in ("bce", "mse", "cross_entropy", "mse_on_raw_outputs", "hinge", CUSTOM):
            found[f"{loss} by hand on {data}"] = spec_of(
                data,
                loss,
                network={"hidden_sizes": [], "start": start},
                optimizer={"name": "sgd", "learning_rate": 0.2},
            )
    start = {"scheme": "by_hand", "weights": [1, -2, 0.5]}
    for pair in (("bce", "cross_entropy"), ("cross_entropy", "bce")):
        found[f"one function by hand, {pair[0]} first"] = spec_of(
            "moons",
            entrants=entrants(*pair),
            network={"hidden_sizes": [], "start": start},
            optimizer={"name": "sgd"},
            training={"protocol": "one_function"},
        )
    return found


def _of_data() -> dict[str, ExperimentSpec]:
    by_task = {"binary": "bce", "multiclass": "cross_entropy", "regression": "mse"}
    return {name: spec_of(name, by_task[data.task]) for name, data in DATASETS.items()}


def _of_stress() -> dict[str, ExperimentSpec]:
    """Every condition, alone and all together, and blobs on a ring and on a spiral."""
    moved: dict[str, Any] = {"outliers": 0.1, "outlier_size": 5}
    of_classes: dict[str, dict[str, Any]] = {
        "flipped at random": {"flipped_labels": 0.4},
        "flipped along pairs": {"flipped_labels": 0.3, "flips": "pairs"},
        "fewer rows": {"kept_rows": 0.5},
        "imbalance": {"imbalance": 4, "kept_rows": 0.9},
        "feature noise": {"feature_noise": 0.5},
        "outliers": moved,
        "all": {"flipped_labels": 0.2, "imbalance": 2, "feature_noise": 0.3, **moved},
    }
    found = {name: on(spec_of(), stress=stress) for name, stress in of_classes.items()}
    of_values = {"kept_rows": 0.7, "outliers_in": "targets", **moved}
    found["outliers of values"] = on(spec_of("diabetes", "huber"), stress=of_values)
    for classes in (2, 5, 20):
        found[f"{classes} blobs"] = on(spec_of("blobs"), rows=200, classes=classes)
    return found


def on(spec: ExperimentSpec, **fields: Any) -> ExperimentSpec:
    """The same experiment with these fields of its data."""
    plain = spec.model_dump()
    return ExperimentSpec.parse(plain | {"data": plain["data"] | fields})


def _of_the_rest() -> dict[str, ExperimentSpec]:
    one_function = {
        "optimizer": {"name": "momentum"},
        "training": {"protocol": "one_function"},
    }
    with_head = entrants("cross_entropy")[0].model_copy(update={"head_seed": 5})
    with_rate = entrants("cross_entropy")[0].model_copy(update={"learning_rate": 0.03})
    pair = ("cross_entropy", "bce")
    return {
        "all rows at once": spec_of(training={"batch_size": 120}),
        "another seed first": spec_of(seeds=[7, 3]),
        "a head seed": spec_of(entrants=[with_head]),
        "a rate of its own": spec_of(entrants=[with_rate, *entrants("mse")]),
        "first of three": spec_of("moons", entrants=entrants("mse", "cross_entropy", "bce")),
        "Focal where probabilities round to 1": spec_of(
            "breast_cancer", entrants=[changed("focal", 2)]
        ),
        "gradients of one size": spec_of(
            entrants=entrants("mse", "cross_entropy"),
            optimizer={"name": "sgd"},
            training={"protocol": "matched_gradients"},
        ),
        "one function, CrossEntropy first": spec_of(
            "moons", entrants=entrants(*pair), **one_function
        ),
        "one function, BCE first": spec_of(
            "moons", entrants=entrants(*reversed(pair)), **one_function
        ),
        "one function, BCE first, Xavier": spec_of(
            "moons",
            entrants=entrants(*reversed(pair)),
            network={"start": {"scheme": "xavier", "head_factor": 3.0}},
            **one_function,
        ),
    }


def _of_switches() -> dict[str, ExperimentSpec]:
    """Every loss followed by the next that takes as many outputs, with other parameters, within an
    epoch: names, encodings of targets and functions of the two are apart."""
    found = {}
    for data in _DATA:
        dataset = DATASETS[data]
        keys = [key for key, loss in LOSSES.items() if dataset.task in loss.formulas]
        for place, key in enumerate(keys):
            follows = successors(LOSSES[key], dataset)
            later = [*keys[place + 1 :], *keys[:place], key]
            second = next(each for each in later if follows[each] is None)
            then = changed(second, dataset.outputs).model_dump(
                include={"loss", "parameters", "expression"}
            )
            first = changed(key, dataset.outputs).model_dump()
            found[f"{key}, then {second} on {data}"] = spec_of(
                data,
                entrants=[first | {"then": then | {"step": 7}}],
                optimizer={"name": "momentum", "learning_rate": 0.02},
            )
    lesson = {"loss": "mse", "then": {"loss": "cross_entropy", "step": 2}}
    found["a switch where a batch holds all rows"] = spec_of(
        "lesson", entrants=[lesson], training={"batch_size": 32}
    )
    return found


CASES = {
    **_of_losses(),
    **_of_optimizers(),
    **_of_networks(),
    **_of_weights_by_hand(),
    **_of_data(),
    **_of_stress(),
    **_of_the_rest(),
    **_of_switches(),
}


@pytest.fixture(scope="module")
def all_printed() -> dict[str, str]:
    """What the program of each case prints, all in one clean process."""
    texts = printed([written(spec).code for spec in CASES.values()])
    return dict(zip(CASES, texts, strict=True))


@pytest.mark.some(40)
@pytest.mark.parametrize("case", CASES)
def test_the_program_prints_the_losses_of_the_lab(case: str, all_printed: dict[str, str]) -> None:
    found, expected = losses(all_printed[case]), of_the_lab(CASES[case])
    assert len(set(found)) > 1
    assert largest_difference(found, expected) < TOLERANCE


def test_the_program_of_the_lesson_runs_alone_and_prints_its_ten_losses(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(written(LESSON).code, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-I", str(program)],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.stderr == ""
    found = losses(run.stdout)
    assert len(found) == 10
    assert largest_difference(found, of_the_lab(LESSON)) < TOLERANCE
    assert found[0] == pytest.approx(2.3, abs=0.15)
    assert found[-1] < found[0] / 2


def test_a_training_that_amplifies_rounding_agrees_over_its_first_200_steps() -> None:
    """Adam divides gradients that are 0 but for rounding by that rounding.

    One first weight that is moved by no more than rounding moves the program from itself alike.
    """
    spec = spec_of(
        "digits",
        "mae_on_probabilities",
        network={"hidden_sizes": [32]},
        training={"epochs": 20},
    )
    program = written(spec)
    moved = "with torch.no_grad():\n    network.output.weight[0, 0] *= 1 + 3e-7\n\n\n# Criterion"
    as_written, of_moved = map(
        losses, printed([program.code, program.code.replace("# Criterion", moved)])
    )
    lab = dict(enumerate(of_the_lab(spec), start=1))
    found = compare(as_written, lab, spec.steps_per_epoch)
    assert found is not None
    assert found.first <= TOLERANCE < found.largest
    assert found.first_steps <= 200
    assert "This training amplifies rounding" in sentence(found, True)
    assert largest_difference(of_moved, as_written) > TOLERANCE


def test_the_rate_that_the_lab_has_searched_gives_its_losses() -> None:
    spec = spec_of(
        entrants=entrants("mse", "cross_entropy"), training={"epochs": 2, "protocol": "best_rate"}
    )
    facts = next(report.facts for report in train(spec) if report.facts)
    assert facts.learning_rates[0] != spec.optimizer.learning_rate
    program = written(spec, learning_rate=facts.learning_rates[0])
    found = losses(printed([program.code])[0])
    assert largest_difference(found, of_the_lab(spec)) < TOLERANCE
