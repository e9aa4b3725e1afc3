"""``python -m core.run``: what it prints, refuses and does when it is stopped."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import AfterValidator, BaseModel
from pydantic.fields import FieldInfo

from core.compare.intervals import interval
from core.data import DATASETS
from core.judging.yardsticks import yardsticks
from core.records import Snapshot
from core.run.__main__ import main
from core.run.result import Result
from core.spec import (
    ENTRANTS,
    HIDDEN_LAYERS,
    HIDDEN_SIZE,
    LEARNING_RATE,
    MOST_FILE_BYTES,
    NAME_LENGTH,
    SEED,
    SEEDS,
    ExperimentSpec,
)
from core.training import train

ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"
#: One that ends before long whatever happens, and not before it is stopped.
LONG = {"data": {"name": "moons"}, "training": {"epochs": 10_000, "device": "cpu"}}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOSSLAB_THREADS", "1")
        yield


@pytest.fixture
def written(tmp_path):
    """Writes a settings file and gives its path."""

    def write(content: dict[str, Any] | bytes) -> Path:
        path = tmp_path / "spec.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return write


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "core.run", *map(str, arguments)]


def run(*arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        command(*arguments), input=given, capture_output=True, cwd=ROOT, timeout=120
    )
    return subprocess.CompletedProcess(
        ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode()
    )


@pytest.fixture
def run_here(monkeypatch, capsys):
    """``run`` in this process, which has PyTorch loaded already."""

    def run_main(*arguments: object) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["core.run", *map(str, arguments)])
        code = main()
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    return run_main


def strictly(text: str) -> dict[str, Any]:
    """JSON as the standard has it: no NaN, no infinity, nothing after it."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    values: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return values


def race(**changes: Any) -> dict[str, Any]:
    return {
        "data": {"name": "iris"},
        "network": {"hidden_sizes": [8]},
        "optimizer": {"learning_rate": 0.01},
        "training": {"epochs": 4, "batch_size": 16, "device": "cpu"},
        "entrants": [
            {"loss": "cross_entropy"},
            {"loss": "cross_entropy", "name": "Glättung 日本", "learning_rate": 0.005},
            {"loss": "hinge"},
        ],
        "seeds": [3, 0, 8],
    } | changes  # fmt: skip


def trained(settings: dict[str, Any]) -> tuple[ExperimentSpec, Snapshot]:
    """The spec, and the last snapshot of training it in this process."""
    spec = ExperimentSpec.parse(settings)
    snapshot = list(train(spec))[-1].snapshot
    assert snapshot is not None
    return spec, snapshot


# ------------------------------------------------------------------ results


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """The lines that the race prints."""
    path = tmp_path_factory.mktemp("race") / "spec.json"
    path.write_text(json.dumps(race()))
    ended = run(path)
    assert ended.returncode == 0
    return ended.stdout.splitlines()


def test_json_has_the_scores_of_the_same_training_to_the_last_digit(written):
    ended = run("--json", written(race()))
    assert (ended.returncode, ended.stderr) == (0, "")
    spec, snapshot = trained(race())
    result = strictly(ended.stdout)
    assert list(result) == ["entrants", "seeds", "epoch"]
    assert (result["seeds"], result["epoch"]) == ([3, 0, 8], 4)
    assert [entrant["title"] for entrant in result["entrants"]] == [
        entrant.title for entrant in spec.lineup
    ]
    for place, entrant in enumerate(result["entrants"]):
        assert list(entrant) == ["title", "loss", "status", "scores"]
        assert entrant["loss"] == spec.entrants[place].loss
        assert entrant["status"] == "finished"
        assert list(entrant["scores"]) == [
            "accuracy", "nll", "brier", "ece", "nll_rescaled", "ece_rescaled", "auroc", "aurc"
        ]  # fmt: skip
        for measure, values in entrant["scores"].items():
            expected = of_runs(snapshot, spec, measure)[place].tolist()
            if entrant["loss"] == "hinge" and measure not in ("accuracy", "auroc", "aurc"):
                assert values == [None] * 3
            else:
                assert values == expected
    # Were they all alike, a mix-up would pass.
    nll = [entrant["scores"]["nll"] for entrant in result["entrants"][:2]]
    assert len({value for values in nll for value in values}) == 6


def test_standard_input_is_read_as_a_file_is(printed):
    """Here with the byte order mark that some editors write."""
    ended = run("-", given=b"\xef\xbb\xbf" + json.dumps(race()).encode())
    assert ended.returncode == 0
    assert ended.stdout.splitlines() == printed


def test_the_table_has_means_and_intervals_in_columns(printed):
    spec, snapshot = trained(race())
    conditions, *tables, notes = "\n".join(printed).split("\n\n")
    assert (
        conditions == "Iris on cpu; epoch 4 of 4; seeds 3, 0, 8; learning rates 0.01, 0.005, 0.01; "
        "scores on held-out rows"
    )
    assert len(tables) == 2, "eight columns are more than a line has room for"
    parts = [part.splitlines() for part in tables]
    heads = [title for head, *_rows in parts for title in re.split(r"  +", head.strip())]
    offered = yardsticks(spec.dataset.task)
    assert heads == [f"{each.title} {'↑' if each.higher_is_better else '↓'}" for each in offered]
    for number, entrant in enumerate(spec.lineup, start=1):
        rows = [lines[number] for lines in parts]
        assert all(row.startswith(f"{entrant.title} ") for row in rows)
        cells = [
            cell
            for row in rows
            for cell in re.split(r"  +", row.removeprefix(entrant.title).strip())
        ]
        for yardstick, cell in zip(offered, cells, strict=True):
            if entrant.loss.key == "hinge" and yardstick.needs_probabilities:
                assert cell == "–"
                continue
            mean = interval(of_runs(snapshot, spec, yardstick.measure)[entrant.place])
            half = f"{mean.high - mean.mean:{yardstick.digits.format}}".rstrip("%")
            assert cell.rstrip("*") == f"{mean.mean:{yardstick.digits.format}} ± {half}"
    assert "Mean ± half its 95% interval over 3 seeds." in notes
    assert "– The outputs are not probabilities." in notes


def test_the_columns_of_the_table_end_where_their_heads_end(printed):
    """Also below a title of wide letters; a mark for the best stands beyond the end."""
    for first in (2, 7):
        wide = [line.replace("日本", "日本__") for line in printed[first : first + 4]]
        ends = [[each.end() for each in re.finditer(r"[^ *](?=[ *]?(  |$))", row)] for row in wide]
        assert [each[-len(ends[0]) :] for each in ends] == [ends[0]] * 4


def test_the_best_is_marked_where_the_matrix_shows_one(written, run_here):
    """A learning rate that is far too small loses by every yardstick."""
    entrants = [{"loss": "cross_entropy", "learning_rate": 1e-6}, {"loss": "cross_entropy"}]
    ended = run_here(written(race(entrants=entrants, training={"epochs": 20, "device": "cpu"})))
    slow, fast = ended.stdout.splitlines()[3:5]
    assert slow.startswith("CrossEntropy, rate 1e-06 ")
    assert "*" not in slow
    assert fast.count("*") >= 3
    assert "* Best: paired t tests, adjusted by Holm, show it against every other." in ended.stdout
    assert "learning rates 1e-06, 0.01" in ended.stdout


def test_four_entrants_fit_a_hundred_columns(written, run_here):
    entrants = [{"loss": loss} for loss in ("cross_entropy", "bce", "mse", "hinge")]
    ended = run_here(written(race(entrants=entrants)))
    assert max(map(len, ended.stdout.splitlines())) <= 100


def test_one_seed_has_scores_and_no_interval(written, run_here):
    ended = run_here(written(race(seeds=[5], entrants=[{"loss": "mse"}])))
    assert "; seed 5; " in ended.stdout
    assert "±" not in ended.stdout
    assert len(ended.stdout.splitlines()) == 4


def test_values_have_their_own_yardsticks(written, run_here):
    settings = race(data={"name": "diabetes"}, entrants=[{"loss": "mse"}, {"loss": "l1"}])
    result = strictly(run_here("--json", written(settings)).stdout)
    assert list(result["entrants"][0]["scores"]) == ["r2", "mse", "mae"]
    assert None not in result["entrants"][1]["scores"]["mae"]


# ------------------------------------------------------------------ divergence

WILD = race(
    data={"name": "diabetes"},
    network={"hidden_sizes": []},
    optimizer={"name": "sgd"},
    training={"epochs": 20, "device": "cpu"},
    entrants=[{"loss": "mse", "learning_rate": 1000}, {"loss": "mse"}],
)


def test_diverged_runs_have_no_scores_and_the_others_theirs(written, run_here):
    ended = run_here("--json", written(WILD))
    assert ended.returncode == 0
    wild, tame = strictly(ended.stdout)["entrants"]
    assert wild["status"] == "diverged"
    assert wild["scores"] == {measure: [None] * 3 for measure in ("r2", "mse", "mae")}
    assert tame["status"] == "finished"
    spec, snapshot = trained(WILD)
    assert tame["scores"]["mse"] == of_runs(snapshot, spec, "mse")[1].tolist()


def test_the_table_says_what_diverged(written, run_here):
    shown = run_here(written(WILD)).stdout
    assert re.search(r"^MSE, rate 1000 +no score +no score +no score$", shown, re.MULTILINE)
    assert "MSE, rate 1000 diverged from 3 of 3 seeds." in shown
    assert "MSE diverged" not in shown


def test_one_diverged_seed_has_no_scores_and_the_other_seeds_theirs():
    """Also where its outputs are finite still."""
    spec = ExperimentSpec.parse(race())
    reports = list(train(spec))
    diverged = (None, 5, *[None] * 7)
    newest = replace(reports[-1], diverged_steps=diverged)
    whole, result = (
        Result(spec, reports[0].facts, newest.snapshot, each) for each in (reports[-1], newest)
    )
    first, *others = result.plain()["entrants"]
    assert first["status"] == "diverged"
    assert others == whole.plain()["entrants"][1:]
    for measure, values in whole.plain()["entrants"][0]["scores"].items():
        assert first["scores"][measure] == [values[0], None, values[2]]
    assert "(2 of 3 seeds)" in result.text()
    assert "\nCrossEntropy diverged from 1 of 3 seeds." in result.text()


def test_a_training_that_diverges_as_a_whole_is_still_a_result(written, run_here):
    ended = run_here("--json", written(WILD | {"entrants": WILD["entrants"][:1]}))
    result = strictly(ended.stdout)
    assert ended.returncode == 0
    assert result["entrants"][0]["status"] == "diverged"
    assert result["epoch"] < 20


# ------------------------------------------------------------------ refusals


@pytest.mark.some(3)
@pytest.mark.parametrize(
    ("content", "sentences"),
    [
        (b"", ["The experiment is not valid JSON."]),
        (b"{'data': 1}", ["The experiment is not valid JSON."]),
        (b'{"seeds": [\xff]}',
         ["The file can't be read from byte 12 on; allowed is text in UTF-8, or in UTF-16 with a "
          "byte order mark."]),
        (b" " * MOST_FILE_BYTES + b"{}",
         ["The file is larger than 20,000 bytes; settings are allowed up to that."]),
        ({"seeds": [1, 1], "optimizer": {"momentum": 2}},
         ["Momentum was 2.0; allowed is 0 to 0.999.",
          "Seeds were [1, 1]; each may stand there once."]),
        ({"entrants": [{"loss": "mse"}, {"loss": "huber", "parameters": {"delta": 0}}]},
         ["Entrant 2: Delta was 0; allowed is 0.01 to 100."]),
    ],
)  # fmt: skip
def test_a_file_that_is_no_experiment_is_refused_in_sentences(written, content, sentences):
    for arguments in (("--json",), ()):
        ended = run(*arguments, written(content))
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.splitlines() == sentences


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(tmp_path):
    missing = tmp_path / "none.json"
    for path, reason in ((missing, "No such file or directory"), (tmp_path, "Is a directory")):
        ended = run(path)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr == f"The file {path} can't be read: {reason}.\n"


def test_a_file_without_end_is_refused():
    assert "larger than 20,000 bytes" in run("/dev/zero").stderr


def test_refusing_a_file_does_not_wait_for_torch(written):
    path = written(b"nothing")
    program = (
        f"import runpy, sys; sys.argv[1:] = [{str(path)!r}]\n"
        "try: runpy.run_module('core.run', run_name='__main__')\n"
        "except SystemExit as end: print(end.code, 'torch' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert ended.stdout == "2 False\n"


def test_what_cannot_be_trained_here_is_refused_in_a_sentence(written, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    ended = run("--json", written(race(training={"device": "cuda", "batch_size": 16})))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Device was cuda; this machine has ")
    assert len(ended.stderr.splitlines()) == 1


def test_help_shows_settings_that_can_be_trained():
    ended = run("-h")
    assert ended.returncode == 0
    example = re.search(r"^ +(\{.*\})$", ended.stdout, re.MULTILINE)
    assert example
    assert len(ExperimentSpec.parse(example[1]).lineup) == 2
    assert "130" in ended.stdout


def test_a_command_line_that_is_none_is_refused():
    ended = run()
    assert ended.returncode == 2
    assert "the following arguments are required: file" in ended.stderr


# ------------------------------------------------------------------ while it trains


def stopped(arguments: Sequence[object], reported: str) -> tuple[int, str, str]:
    """Exit code, stdout and the rest of stderr of one that gets Ctrl+C once ``reported``."""
    process = subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith(reported), line + process.stderr.read()
        process.send_signal(signal.SIGINT)
        shown, rest = process.communicate(timeout=60)
        return process.returncode, shown, rest
    finally:
        process.kill()


def test_ctrl_c_prints_what_was_reached(written):
    code, shown, rest = stopped([written(LONG)], "epoch 1 of 10,000, about ")
    assert code == 130
    assert rest.splitlines()[-1] == "Stopped before the training was complete."
    assert "Traceback" not in rest
    conditions, _, head, row = shown.splitlines()
    assert re.fullmatch(
        r"Two moons on cpu; epoch [\d,]+ of 10,000 \(stopped\); seed 0; learning rate 0.001; "
        "scores on held-out rows",
        conditions,
    )
    assert head.split()[0] == "Accuracy"
    assert row.startswith("CrossEntropy ")


def on_a_terminal(arguments: Sequence[object], until: str | None) -> tuple[int, str, str]:
    """Exit code, stdout and what a terminal got on stderr; Ctrl+C once it shows ``until``."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=end, text=True, cwd=ROOT
    )
    os.close(end)
    drawn = b""
    try:
        while part := _read(terminal):
            drawn += part
            if until and until.encode() in drawn:
                until = None
                process.send_signal(signal.SIGINT)
        shown, _ = process.communicate(timeout=60)
        return process.returncode, shown, drawn.decode()
    finally:
        process.kill()
        os.close(terminal)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        # What Linux says of a terminal that its last writer has closed.
        return b""


@pytest.mark.thorough
def test_ctrl_c_ends_json_as_json(written):
    code, shown, drawn = on_a_terminal(["--json", written(LONG)], until="epoch 1 of")
    assert code == 130
    result = strictly(shown)
    assert 1 <= result["epoch"] < 10_000
    assert [entrant["status"] for entrant in result["entrants"]] == ["stopped"]
    assert None not in result["entrants"][0]["scores"]["nll"]
    assert drawn.splitlines()[-1].endswith("Stopped before the training was complete.")


@pytest.mark.thorough
def test_ctrl_c_before_any_epoch_prints_no_scores(written):
    """The first step is reported long before so slow an epoch is complete."""
    slow = {"data": {"name": "moons", "rows": 20_000}, "training": {"batch_size": 1, "epochs": 5}}
    code, shown, drawn = on_a_terminal([written(slow)], until="epoch 0 of 5")
    assert (code, shown) == (130, "")
    assert drawn.splitlines()[-1].endswith("Stopped before the first epoch was complete.")


def test_a_terminal_shows_one_line_that_is_gone_at_the_end(written):
    code, shown, drawn = on_a_terminal([written(race())], until=None)
    assert code == 0
    assert "\n" not in drawn
    states = [state for state in drawn.split("\r\x1b[K") if state]
    assert states[0] == f"[{'.' * 30}] getting ready"
    assert states[-1] == f"[{'#' * 30}] epoch 4 of 4, about 0 s left"
    assert drawn.endswith("\r\x1b[K")
    assert "\x1b" not in shown


@pytest.mark.thorough
def test_a_reader_that_leaves_is_no_trouble(written):
    process = subprocess.Popen(
        command("--json", written(race())), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    process.stdout.close()
    _, trouble = process.communicate(timeout=60)
    assert trouble == b""
    assert process.returncode == -signal.SIGPIPE


# ------------------------------------------------------------------ the README's table

ROW = re.compile(r"^\| `([\w.\[\]]+)` \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
SECTION = re.search(r"\n## Without a server\n(.*?)\n## ", README.read_text(), re.DOTALL)[1]


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every field that holds a value, with its path in the file."""
    for name, field in model.model_fields.items():
        inner, items = field.annotation, get_args(field.annotation)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from leaves(inner, f"{prefix}{name}.")
            continue
        yield prefix + name, field
        if items and isinstance(items[0], type) and issubclass(items[0], BaseModel):
            is_optional = type(None) in items
            yield from leaves(items[0], f"{prefix}{name}{'.' if is_optional else '[].'}")


def ranges(field: FieldInfo) -> list[str]:
    """What the field's validators allow, where that is one range of numbers or some words."""
    checks = [check.func for check in field.metadata if isinstance(check, AfterValidator)]
    limits = [check.__self__ for check in checks if hasattr(check, "__self__")]
    kind = field.annotation
    words = list(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else []
    return [*map(str, limits), *(f"`{word.value}`" for word in words)]


def of_runs(snapshot: Snapshot, spec: ExperimentSpec, measure: str) -> Any:
    """Scores ``[L, S]`` as the snapshot has them."""
    return snapshot.score(measure).reshape(len(spec.entrants), len(spec.seeds))


def experiment_with(name: str = "seeds", value: Any = (0,)) -> ExperimentSpec:
    """The default experiment, but for the value of one field."""
    first, *inner = name.split(".")
    if first == "entrants[]":
        return ExperimentSpec.parse({"entrants": [{"loss": "cross_entropy", inner[0]: value}]})
    for part in reversed(inner):
        value = {part: value}
    return ExperimentSpec.parse({first: value})


def test_the_readme_names_every_field_with_its_range_and_default():
    rows = {name: (allowed, default) for name, _, allowed, default in ROW.findall(SECTION)}
    fields = dict(leaves(ExperimentSpec))
    assert list(rows) == list(fields)
    for name, field in fields.items():
        allowed, default = rows[name]
        assert (default == "required") == field.is_required()
        if name.startswith("entrants[].then."):
            assert field.is_required() or json.loads(default.strip("`")) == field.default
        elif not field.is_required():
            assert experiment_with(name, json.loads(default.strip("`"))) == experiment_with(), name
        for words in ranges(field):
            assert words in allowed, name
    assert set(re.findall(r"`(\w+)`", rows["data.name"][0])) == set(DATASETS)
    for name in ("optimizer.learning_rate", "entrants[].learning_rate"):
        assert rows[name][0] == str(LEARNING_RATE)
    assert rows["network.hidden_sizes"][0] == f"{HIDDEN_LAYERS} numbers, each {HIDDEN_SIZE}"
    assert rows["seeds"][0] == f"{SEEDS} different numbers, each {SEED}"
    assert rows["entrants[].head_seed"][0] == str(SEED)
    assert rows["entrants"][0].startswith(f"{ENTRANTS} objects of the fields")
    assert f" {NAME_LENGTH} characters" in rows["entrants[].name"][0]


def test_the_readmes_example_is_an_experiment():
    spec = ExperimentSpec.parse(re.search(r"```json\n(.*?)```", SECTION, re.DOTALL)[1])
    assert (len(spec.entrants), spec.seeds) == (2, (0, 1, 2))
