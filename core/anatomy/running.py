"""Runs the code that this package holds, and nothing else.

``run`` executes what it is given with every right that the process has. It is only for
the built-in code of ``snippets`` and ``mistakes``, never for text that a person typed.
It needs torch, so it belongs in a job process or a test, not in the web server. Output is
caught by replacing ``sys.stdout``, which all threads of a process share: run one at a time.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout


def run(code: str) -> str:
    """What the built-in ``code`` prints, without the last line's end; its errors are raised."""
    printed = io.StringIO()
    compiled = compile(code, "<built-in code>", "exec")
    with redirect_stdout(printed):
        # This package's own, as is said above.
        exec(compiled, {"__name__": "__main__"})  # nosec B102
    return printed.getvalue().rstrip("\n")
