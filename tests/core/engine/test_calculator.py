"""The process that computes for a page: real ones, asked, ended, and asked again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from core import place
from core.anatomy.answers import ANSWERS, shape
from core.anatomy.shapes import ShapeAxis
from core.engine import Engine, calculator
from core.engine.calculator import Calculator
from core.engine.door import ask_who
from core.engine.messages import Answer
from core.errors import EngineError, SpecError
from core.losses import Task
from core.store import Store
from tests.browser.app import ROOT
from tests.core.engine.test_engine import SOON, host_of, processes
from tests.core.experiments import entrants
from tests.waiting import wait_until

CE, L1, BCE, HINGE, MSE = entrants("cross_entropy", "l1", "bce", "hinge", "mse")
QUESTION = ("shape", CE, Task.BINARY, ShapeAxis.PROBABILITY, 1.0, [0.3])


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for all; where a test ends its helper, the next one has another started."""
    engine = Engine(Store(f"sqlite:///{tmp_path_factory.mktemp('calculator')}/lab.db").url)
    yield engine
    engine.end()


def answering(engine: Engine) -> set[int]:
    """The processes that answer questions."""
    return set(ask_who(place.folder(engine.store_url)).calculators)


@pytest.fixture(scope="module")
def shared(engine: Engine) -> Calculator:
    return Calculator(engine)


@pytest.fixture
def asked(engine: Engine, shared: Calculator) -> Calculator:
    """A calculator whose process is there, and the only one."""
    shared.ask(*QUESTION)
    wait_until(lambda: len(answering(engine)) == 1, SOON, "other processes to end")
    return shared


@pytest.fixture
def fresh(asked: Calculator, engine: Engine) -> Iterator[Calculator]:
    """Another one, beside it, that has asked nothing yet."""
    fresh = Calculator(engine)
    yield fresh
    fresh._hang_up()


def assert_same(answer: object, expected: object) -> None:
    """Equal in every field, arrays bit by bit."""
    assert type(answer) is type(expected)
    if not hasattr(expected, "__dataclass_fields__"):
        assert answer == expected
        return
    for name in expected.__dataclass_fields__:
        got, wanted = getattr(answer, name), getattr(expected, name)
        if isinstance(wanted, np.ndarray):
            assert got.dtype == wanted.dtype
            np.testing.assert_array_equal(got, wanted)
        else:
            assert got == wanted


@pytest.mark.parametrize(
    "question",
    [
        ("baseline", CE, "iris"),
        ("one_step", L1, "diabetes", 3),
        ("printed", CE, Task.MULTICLASS),
        ("printed_by_mistake", "broadcast"),
        ("shape", HINGE, Task.BINARY, ShapeAxis.PROBABILITY, 1.0, [0.3]),
        ("shape", MSE, Task.REGRESSION, ShapeAxis.PREDICTION, 1.0, [0.3]),
        ("simplex", BCE, 2),
    ],
    ids=lambda question: question[0],
)
def test_an_answer_is_the_functions_own(asked: Calculator, question: tuple) -> None:
    name, *arguments = question
    assert_same(asked.ask(name, *arguments), ANSWERS[name](*arguments))


def test_threads_that_ask_at_once_each_get_their_own_answer(asked: Calculator) -> None:
    places = [number / 100 for number in range(5, 95)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda at: asked.ask(*QUESTION[:-1], [at]).loss, places))
    assert answers == [shape(*QUESTION[1:-1], [at]).loss for at in places]


def test_threads_that_ask_first_have_one_process_started(fresh: Calculator, engine: Engine) -> None:
    together = Barrier(6)

    def ask(number: int) -> float:
        together.wait()
        return float(fresh.ask(*QUESTION).loss[0])

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(ask, range(6)))
    assert len(set(answers)) == 1
    assert len(answering(engine)) == 2


def test_an_error_of_ours_comes_back_as_it_was_raised(asked: Calculator) -> None:
    with pytest.raises(SpecError) as here:
        ANSWERS["one_step"](L1, "iris", 1)
    with pytest.raises(SpecError) as there:
        asked.ask("one_step", L1, "iris", 1)
    assert str(there.value) == str(here.value)
    assert there.value.sentences == here.value.sentences


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (("no such question",), "KeyError: 'no such question'"),
        (("printed_by_mistake", "no such mistake"), "StopIteration"),
        (("baseline",), "TypeError: .*missing 2 required"),
    ],
    ids=["unknown", "failing", "incomplete"],
)
def test_after_any_other_error_the_next_question_is_answered(
    asked: Calculator, engine: Engine, question: tuple[str, ...], words: str
) -> None:
    before = answering(engine)
    with pytest.raises(EngineError, match=words):
        asked.ask(*question)
    assert_same(asked.ask(*QUESTION), shape(*QUESTION[1:]))
    assert answering(engine) == before


def test_a_killed_process_is_followed_by_another(asked: Calculator, engine: Engine) -> None:
    (first,) = answering(engine)
    os.kill(first, signal.SIGKILL)
    assert_same(asked.ask(*QUESTION), shape(*QUESTION[1:]))
    wait_until(lambda: len(answering(engine)) == 1, SOON, "the killed process to be gone")
    assert answering(engine) != {first}


def test_what_takes_too_long_is_a_sentence_and_its_process_ends(
    asked: Calculator, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (slow,) = answering(engine)
    os.kill(slow, signal.SIGSTOP)
    with monkeypatch.context() as hurry:
        hurry.setattr(calculator, "_ANSWER_SECONDS", 0.01)
        with pytest.raises(EngineError, match=r"^No answer within 0\.01 s\. Try again\.$"):
            asked.ask(*QUESTION)
    assert_same(asked.ask(*QUESTION), shape(*QUESTION[1:]))
    os.kill(slow, signal.SIGCONT)
    wait_until(lambda: slow not in answering(engine), SOON, "the slow process to end")


def test_a_folder_with_a_space_in_its_name_is_understood(
    fresh: Calculator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="loss lab ") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        assert_same(fresh.ask(*QUESTION), shape(*QUESTION[1:]))
        assert list(Path(folder).rglob("line*")) == []


def test_an_address_where_nobody_listens_harms_nobody(
    asked: Calculator, fresh: Calculator, engine: Engine, tmp_path: Path
) -> None:
    host, before = host_of(engine), answering(engine)
    engine.answer(Answer(str(tmp_path / "nobody"), b"key"))
    assert_same(fresh.ask(*QUESTION), shape(*QUESTION[1:]))
    fresh._hang_up()
    wait_until(lambda: answering(engine) == before, SOON, "the other processes to end")
    assert host_of(engine) == host


#: Asks through an engine that has its lines said by the test's own.
ASKER = """
import sys
from core.anatomy.shapes import ShapeAxis
from core.engine.calculator import Calculator
from core.losses import Task
from core.spec import EntrantSpec

class Relay:
    store_url = "sqlite:////nowhere"

    def answer(self, task):
        print(task.address, task.key.hex(), flush=True)

calculator = Calculator(Relay())
cross_entropy = EntrantSpec(loss="cross_entropy")
shown = calculator.ask("shape", cross_entropy, Task.BINARY, ShapeAxis.PROBABILITY, 1.0, [0.3])
found = {"torch", "sklearn", "scipy", "streamlit"} & set(sys.modules)
print(f"{shown.loss[0]:.4f}", *found, flush=True)
sys.stdin.read()
"""


def test_who_asks_needs_no_torch_and_their_process_does_not_outlive_them(
    asked: Calculator, engine: Engine
) -> None:
    """Even where they are killed."""
    before = answering(engine)
    asker = subprocess.Popen(
        [sys.executable, "-c", ASKER],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert asker.stdout is not None
        address, key = asker.stdout.readline().split()
        engine.answer(Answer(address, bytes.fromhex(key)))
        assert asker.stdout.readline().split() == ["1.2040"]
        assert len(answering(engine)) == len(before) + 1
    finally:
        asker.kill()
        asker.communicate(timeout=SOON)
    wait_until(lambda: answering(engine) == before, SOON, "the process to end")


def test_closing_the_engine_ends_the_process(asked: Calculator, engine: Engine) -> None:
    host = host_of(engine)
    engine.end()
    wait_until(lambda: not processes(host), SOON, "every process to end")
