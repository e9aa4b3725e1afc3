"""Runs written programs in a clean process, and trains the same in the lab."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.records import Measure, Split
from core.spec import ExperimentSpec
from core.training import train
from tests.core.tidy import scores

_LINE = re.compile(r"Epoch \[(\d+)/(\d+)\], Loss: (\S+)")

#: Runs each file of a list in a namespace of its own, so that torch is imported once for all.
_RUNNER = """\
import contextlib, io, json, sys, traceback
import torch
torch.set_num_threads(1)
printed = []
for file in sys.argv[1:]:
    out = io.StringIO()
    with open(file, encoding="utf-8") as program, contextlib.redirect_stdout(out):
        try:
            exec(compile(program.read(), file, "exec"), {"__name__": "__main__"})
        except Exception:
            traceback.print_exc(file=out)
    printed.append(out.getvalue())
print(json.dumps(printed))
"""


def printed(programs: Sequence[str]) -> list[str]:
    """What each program prints; all of them run one after another in one clean process."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, program in enumerate(programs):
            file = Path(folder) / f"{number}.py"
            file.write_text(program, encoding="utf-8")
            files.append(str(file))
        answer = subprocess.run(
            [sys.executable, "-I", "-c", _RUNNER, *files],
            cwd=folder,
            env={"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
    found: list[str] = json.loads(answer.stdout)
    return found


def losses(text: str) -> list[float]:
    """The losses of the lines that a program printed; each line is one of an epoch."""
    lines = text.splitlines()
    matches = [_LINE.fullmatch(line) for line in lines]
    assert all(matches), text[-2000:]
    assert [int(match[1]) for match in matches if match] == list(range(1, len(lines) + 1))
    return [float(match[3]) for match in matches if match]


def of_the_lab(spec: ExperimentSpec) -> list[float]:
    """The losses that the lab prints for the first entrant and the first seed."""
    return [
        row.value
        for report in train(spec)
        for row in scores(report.evaluations)
        if (row.run, row.split, row.measure) == (0, Split.TRAIN, Measure.EPOCH_LOSS)
    ]


def largest_difference(one: Sequence[float], other: Sequence[float]) -> float:
    """Relative; both have to be of one length."""
    first, second = np.array(one), np.array(other)
    assert first.shape == second.shape
    return float((abs(first - second) / abs(second)).max())
