"""What is written: whole, readable and safe, whatever the settings say."""

from __future__ import annotations

import ast
import itertools
import sys
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings

from core.errors import SpecError
from core.losses import LOSSES
from core.program import Program, written
from core.spec import LESSON, EntrantSpec, ExperimentSpec
from tests.core.program.test_program_numbers import CASES
from tests.core.spec.generated import specs

ALLOWED = {"torch", "numpy", "sklearn"}


def imported(program: Program) -> set[str]:
    """The packages that a program imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(program.code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).split(".")[0])
    return found


def called(program: Program) -> set[str]:
    """Every bare name that is called, and every attribute."""
    tree = list(ast.walk(ast.parse(program.code)))
    calls = [node.func for node in tree if isinstance(node, ast.Call)]
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    return names | {node.attr for node in tree if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("case", CASES)
def test_a_program_imports_nothing_but_torch_numpy_and_scikit_learn(case: str) -> None:
    found = imported(written(CASES[case]))
    assert "torch" in found
    assert found - set(sys.stdlib_module_names) <= ALLOWED


def test_long_titles_and_two_losses_keep_lines_short() -> None:
    for loss, then in itertools.product(LOSSES, LOSSES):
        with suppress(SpecError):
            spec = ExperimentSpec.parse(
                {
                    "data": {"name": "lesson"},
                    "entrants": [{"loss": loss, "then": {"loss": then, "step": 1}}],
                }
            )
            assert max(map(len, written(spec).code.splitlines())) <= 100, (loss, then)


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(specs())
def test_every_experiment_has_a_program_that_python_can_read(spec: ExperimentSpec) -> None:
    program = written(spec)
    compile(program.code, "program.py", "exec")
    assert imported(program) <= ALLOWED
    assert all(len(line) <= 100 for line in program.code.splitlines())
    assert all(part.title and part.sentence and part.code for part in program.parts)
    assert (program.epochs, program.steps_per_epoch) == (
        spec.training.epochs,
        spec.steps_per_epoch,
    )


LONG_WEIGHTS = [1.9440750837250036] * 10


WEIGHTED = [
    key
    for key, loss in LOSSES.items()
    if "class_weights" in {each.name for each in loss.parameters}
]


@pytest.mark.parametrize("loss", WEIGHTED)
def test_long_lists_of_weights_have_lines_of_their_own(loss: str) -> None:
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "digits"},
            "entrants": [{"loss": loss, "parameters": {"class_weights": LONG_WEIGHTS}}],
        }
    )
    code = written(spec).code
    assert max(map(len, code.splitlines())) <= 100
    assert code.count("1.9440750837250036") == 10
    compile(code, "program.py", "exec")


def test_long_weights_by_hand_have_lines_of_their_own() -> None:
    start = {"scheme": "by_hand", "weights": [1.1, 2.9758297533874166e-72, -3.141592653589793e-50]}
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "moons"},
            "network": {"hidden_sizes": [], "start": start},
            "entrants": [{"loss": "cross_entropy"}],
        }
    )
    code = written(spec).code
    assert max(map(len, code.splitlines())) <= 100
    compile(code, "program.py", "exec")


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_joined_code_of_its_parts(case: str) -> None:
    program = written(CASES[case])
    places = [program.code.index(part.code) for part in program.parts]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "name",
    ['"""\nimport os', "'); print(1)  #", "\\N{BULLET}", "{seed}", "%s", "__import__('os')"],
)
def test_a_name_that_was_typed_changes_nothing(name: str) -> None:
    name = name.replace("\n", " ")
    named = LESSON.model_copy(update={"entrants": (EntrantSpec(loss="cross_entropy", name=name),)})
    assert written(named) == written(LESSON)


@pytest.mark.parametrize(
    "expression",
    ["(p - y)**2", "-y*log(p)", "max(0, 1 - (2*y - 1) * z)", "where(z > 0, z, -z) + 1e-3"],
)
def test_an_expression_is_code_by_its_tree_alone(expression: str) -> None:
    def of(text: str) -> Program:
        own = EntrantSpec(loss="custom", expression=text)
        return written(LESSON.model_copy(update={"entrants": (own,)}))

    spaced = of("  " + expression.replace(" ", "\n\t "))
    assert spaced == of(expression)
    assert not called(spaced) & {"eval", "exec", "open", "compile", "__import__", "system"}


def test_the_steps_of_a_training_are_taught_by_name() -> None:
    program = written(LESSON)
    said = " ".join(part.sentence for part in program.parts)
    for name in ("nn.CrossEntropyLoss()", "forward", "zero_grad()", "backward()", "step()"):
        assert name in said, name
        assert name.removesuffix("()") in program.code, name


def test_the_rate_that_a_search_has_found_stands_in_the_code() -> None:
    searched = ExperimentSpec.parse(
        {"training": {"protocol": "best_rate"}, "entrants": [{"loss": "mse"}]}
    )
    unknown, found = written(searched), written(searched, learning_rate=0.05)
    assert "lr=0.001" in unknown.code
    assert "lr=0.05" in found.code
    sentences = [
        next(part.sentence for part in program.parts if part.title == "Optimizer")
        for program in (unknown, found)
    ]
    assert "known once it trains" in sentences[0]
    assert "has searched this learning rate" in sentences[1]
