"""What a page needs before anything trains must not wait for torch."""

import subprocess
import sys

import pytest

WITHOUT_TORCH = (
    "spec", "losses", "data", "records", "store", "figures", "engine", "engine.calculator",
    "compare.conditions", "compare.courses", "compare.curves", "compare.scores", "compare.summary",
    "judging.yardsticks", "records.snapshot", "example", "anatomy", "anatomy.shapes", "program",
    "exhibits", "exhibits.betting", "exhibits.recorded", "exhibits.tour", "live.exhibited",
)  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_importing_it_imports_no_torch(name):
    program = f"import sys, core.{name}; print('torch' in sys.modules, 'streamlit' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert shown.stdout.split() == ["False", "False"], shown.stderr
