"""One file a loss: all of a loss is in its file, and the catalogue's list is all that knows it."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

import core.losses
from core.losses import CUSTOM, LOSSES, RIVALS, Card, LossSpec, Program
from core.losses.catalogue import _LOSSES
from core.records import Measure

CORE = Path(core.losses.__file__).parents[1]
#: The modules that hold a loss, by name.
FILES = {
    name: module
    for _finder, name, _is_package in pkgutil.iter_modules(core.losses.__path__)
    if hasattr(module := importlib.import_module(f"core.losses.{name}"), "LOSS")
}
every_file = pytest.mark.parametrize(("name", "module"), FILES.items(), ids=FILES)

#: Whose formula is another's, with the file that has it.
FORMULA_IS_OF = {"nll": "cross_entropy"}


def tree_of(module: ModuleType) -> ast.Module:
    return ast.parse(Path(module.__file__ or "").read_text())


def test_every_file_that_has_a_loss_is_in_the_catalogue_and_no_other_loss_is():
    assert {name: module.LOSS for name, module in FILES.items()} == LOSSES
    for name, module in FILES.items():
        assert LOSSES[name] is module.LOSS
        assert module.LOSS.key == name


def test_the_catalogue_is_its_list_and_nothing_else():
    assert all(isinstance(loss, LossSpec) for loss in _LOSSES)
    assert tuple(LOSSES.values()) == _LOSSES
    assert len({loss.key for loss in _LOSSES}) == len(_LOSSES)


@every_file
def test_a_file_writes_its_card_and_its_program_itself(name, module):
    assigned = {
        target.id: statement.value
        for statement in tree_of(module).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    written = assigned["PROGRAM"]
    assert isinstance(written, ast.Call)
    assert ast.unparse(written.func) == Program.__name__
    assert module.LOSS.program is module.PROGRAM
    assert module.LOSS.make_card is module.card
    assert module.card.__module__ == module.__name__
    assert isinstance(module.card(**module.LOSS.values), Card)


def where_written(function: Callable[..., object]) -> str:
    while isinstance(function, partial):
        function = function.func
    return function.__module__.removeprefix("core.losses.")


@every_file
def test_a_file_writes_its_formula_forward_and_backward_side_by_side(name, module):
    """Or forward alone, which autograd differentiates."""
    for formula in module.LOSS.formulas.values():
        forward, backward = where_written(formula.forward), where_written(formula.backward)
        assert forward == backward
        assert forward in (FORMULA_IS_OF.get(name, name), "autograd")
    written = [each.name for each in tree_of(module).body if isinstance(each, ast.FunctionDef)]
    for forward in (each for each in written if each.endswith("forward")):
        place = written.index(forward)
        assert written[place + 1] == forward.replace("forward", "backward")


#: Losses that more than their files know: the lab's own three, and that of an expression.
KNOWN_ELSEWHERE = {*RIVALS, CUSTOM}


def is_exhibit(path: Path) -> bool:
    """An exhibit is an experiment with the losses that its claim is about."""
    return path.parent == CORE / "exhibits" / "entries"


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(CORE.rglob("*.py")) if not (path.stem in FILES or is_exhibit(path))],
    ids=lambda path: str(path.relative_to(CORE)),
)
def test_nothing_else_in_core_names_a_loss(path):
    """A new loss needs no line anywhere but in the catalogue; measures share some names."""
    hidden = set(LOSSES) - KNOWN_ELSEWHERE - {measure.value for measure in Measure}
    tree = ast.parse(path.read_text())
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert not texts & hidden
    if path == CORE / "losses" / "catalogue.py":
        return
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    for node in imports:
        if node.module == "core.losses":
            assert not {alias.name for alias in node.names} & (set(FILES) - {CUSTOM})
        assert str(node.module).removeprefix("core.losses.") not in set(FILES) - {CUSTOM}


# ------------------------------------------------------------------ one file more

TWICE_L1 = r'''"""Twice the absolute error."""

from dataclasses import replace

from core.losses import constants, l1
from core.losses.entry import Formula, Link
from core.losses.task import Task


def forward(z, y):
    losses, saved = l1.forward(z, y)
    return 2 * losses, saved


def backward(saved, y):
    return 2 * l1.backward(saved, y)


def formulas():
    latex = r"2 \left|\hat{y} - y\right|"
    return {
        Task.REGRESSION: Formula(Link.IDENTITY, latex, forward, backward, constants.median_target)
    }


LOSS = replace(
    l1.LOSS, key="twice_l1", title="Twice L1", full_title="", color="#123456",
    make_formulas=formulas,
)
'''

USE = """
import json
import numpy as np
from core.anatomy.answers import baseline, one_step, printed, shape
from core.anatomy.shapes import ShapeAxis
from core.losses import LOSSES, Task, fitting
from core.spec import EntrantSpec, ExperimentSpec
from core.training import train

once, twice = EntrantSpec(loss="l1"), EntrantSpec(loss="twice_l1")
spec = ExperimentSpec.parse({
    "data": {"name": "diabetes"},
    "network": {"hidden_sizes": [4]},
    "optimizer": {"name": "sgd", "learning_rate": 0.02},
    "training": {"batch_size": 50, "epochs": 2, "device": "cpu"},
    "entrants": [once, twice, {"loss": "l1", "learning_rate": 0.04}],
})
print(json.dumps({
    "place": list(LOSSES).index("twice_l1") - list(LOSSES).index("l1"),
    "fits": [loss.key for loss in fitting(Task.REGRESSION)].count("twice_l1"),
    "title": spec.lineup[1].title,
    "color": ExperimentSpec(data=spec.data, entrants=(twice,)).lineup[0].color,
    "losses": np.concatenate([report.losses for report in train(spec)]).T.tolist(),
    "baselines": [baseline(each, "diabetes") for each in (once, twice)],
    "heights": [
        shape(each, Task.REGRESSION, ShapeAxis.PREDICTION, 0.0, [0.3]).loss.item()
        for each in (once, twice)
    ],
    "means": [one_step(each, "diabetes", 1).mean for each in (once, twice)],
    "printed": printed(twice, Task.REGRESSION),
}))
"""


def test_a_file_and_its_line_in_the_catalogue_are_all_that_a_loss_needs(tmp_path):
    """In a copy of core: it is offered, trained, judged, drawn and explained as the others."""
    shutil.copytree(CORE, tmp_path / "core", ignore=shutil.ignore_patterns("__pycache__"))
    losses = tmp_path / "core" / "losses"
    (losses / "twice_l1.py").write_text(TWICE_L1)
    catalogue = losses / "catalogue.py"
    text = catalogue.read_text()
    for line in ("    l1,\n", "    l1.LOSS,\n"):
        assert text.count(line) == 1
        text = text.replace(line, line + line.replace("l1", "twice_l1"))
    catalogue.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", USE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["place"], seen["fits"], seen["title"]) == (1, 1, "Twice L1")
    assert seen["color"] == "#123456"
    once, twice, fast = seen["losses"]
    assert twice[0] == pytest.approx(2 * once[0], rel=1e-6)
    assert twice == pytest.approx([2 * loss for loss in fast], rel=1e-4)
    for name in ("baselines", "heights", "means"):
        one, two = seen[name]
        assert two == pytest.approx(2 * one, rel=1e-6)
    assert float(seen["printed"]) > 0
