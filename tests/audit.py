"""What is known of faults in the packages that are installed here; ``make audit`` runs it.

It asks PyPI, so that it is no part of the tests. Where PyPI can't be asked it says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

_COMMAND = [sys.executable, "-m", "pip_audit", "--local", "--format", "json"]
_QUIET = ["--progress-spinner", "off", "--skip-editable"]
_NOT_ASKED = (
    "Not audited: what is known of faults in packages can't be asked for from here ({why}). Run "
    "it where https://pypi.org can be reached."
)


def told(dependencies: Sequence[Mapping[str, Any]]) -> tuple[str, bool]:
    """What an audit found, in words, and whether that is no fault at all."""
    asked = [each for each in dependencies if "vulns" in each]
    if not asked:
        return _NOT_ASKED.format(why="PyPI knows none of them"), True
    faults = [
        f"{each['name']} {each['version']}: {fault['id']}, mended in "
        f"{', '.join(fault['fix_versions']) or 'no version yet'}."
        for each in asked
        for fault in each["vulns"]
    ]
    unknown = [each["name"] for each in dependencies if "vulns" not in each]
    lines = faults or [f"No faults are known of {len(asked)} packages."]
    if unknown:
        lines.append(f"Nothing is known of {', '.join(unknown)}.")
    return "\n".join(lines), not faults


def main() -> int:
    audit = subprocess.run([*_COMMAND, *_QUIET], capture_output=True, text=True, check=False)
    try:
        dependencies = json.loads(audit.stdout)["dependencies"]
    except ValueError:
        last = audit.stderr.strip().splitlines()[-1:] or ["no answer"]
        print(_NOT_ASKED.format(why=last[0]))
        return 0
    words, is_well = told(dependencies)
    print(words)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
