"""What a page needs before anything trains must not wait for torch."""

import subprocess
import sys

WITHOUT_TORCH = (
    "spec", "losses", "data", "records", "store", "figures", "engine", "engine.calculator",
    "compare.conditions", "compare.courses", "compare.curves", "compare.scores", "compare.summary",
    "judging.yardsticks", "records.snapshot", "example", "anatomy", "anatomy.shapes", "program",
    "exhibits", "exhibits.betting", "exhibits.recorded", "exhibits.tour", "live.exhibited",
)  # fmt: skip


PROGRAM = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    assert not {"torch", "streamlit"} & sys.modules.keys(), name
"""


def test_importing_them_imports_no_torch():
    names = [f"core.{name}" for name in WITHOUT_TORCH]
    shown = subprocess.run([sys.executable, "-c", PROGRAM, *names], capture_output=True, text=True)
    assert not shown.returncode, shown.stderr
