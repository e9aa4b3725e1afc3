"""The command: results go to stdout, all else to stderr."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import signal
import sys
from pathlib import Path

from core.errors import LabError, SpecError
from core.run.progress_line import watched
from core.run.result import Result
from core.spec import MOST_FILE_BYTES, ExperimentSpec, parse_file

_TROUBLE, _BAD_FILE, _INTERRUPTED = 1, 2, 130

_DESCRIPTION = """\
Train the experiment of a settings file and print how every entrant scores on held-out rows, or
on the training rows where none are held out.
The app's "Download settings" writes such a file; README.md has a table of its fields."""

_EPILOG = f"""\
All fields but an entrant's loss may be left out. A race of two losses from three seeds:
  {{"entrants": [{{"loss": "cross_entropy"}}, {{"loss": "mse"}}], "seeds": [0, 1, 2]}}

exit codes:
  0    trained, although entrants may have diverged
  {_TROUBLE}    what the file describes can't be trained here
  {_BAD_FILE}    the file describes no experiment
  {_INTERRUPTED}  stopped by Ctrl+C; the newest scores are printed if an epoch was complete"""


def main() -> int:
    """Train what the command line asks for; returns the exit code."""
    options = _options()
    try:
        spec = parse_file(_content(options.file))
    except LabError as error:
        return _end(error, _BAD_FILE)
    try:
        result = _train(spec, is_watched=not options.json or sys.stderr.isatty())
    except LabError as error:
        return _end(error, _TROUBLE)
    if result is None:
        return _end("Stopped before the first epoch was complete.", _INTERRUPTED)
    print(json.dumps(result.plain(), allow_nan=False) if options.json else result.text())
    if not result.is_over:
        return _end("Stopped before the training was complete.", _INTERRUPTED)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m core.run",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", help="a settings file, or - for standard input")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object: each entrant's scores, one a seed, null where there is none",
    )
    return parser.parse_args()


def _content(file: str) -> bytes:
    """What stands in the file, or as much of it as shows that it is too large."""
    try:
        if file == "-":
            return sys.stdin.buffer.read(MOST_FILE_BYTES + 1)
        with Path(file).open("rb") as opened:
            return opened.read(MOST_FILE_BYTES + 1)
    except OSError as error:
        raise SpecError(f"The file {file} can't be read: {error.strerror}.") from error


def _train(spec: ExperimentSpec, is_watched: bool) -> Result | None:
    """What training came to, also where Ctrl+C stopped it; None before any epoch's end."""
    facts = snapshot = newest = None
    with contextlib.suppress(KeyboardInterrupt):
        # Loaded here, so that a file that describes no experiment is refused at once.
        from core.training import train

        reports = train(spec)
        for newest in watched(reports, spec, sys.stderr) if is_watched else reports:
            facts = newest.facts or facts
            snapshot = newest.snapshot or snapshot
    if facts and snapshot and newest and (newest.epoch or newest.outcome):
        return Result(spec, facts, snapshot, newest)
    return None


def _end(why: LabError | str, code: int) -> int:
    """Say why on stderr, a sentence a line; returns the code."""
    sentences = why.sentences if isinstance(why, SpecError) else (str(why),)
    print(*sentences, sep="\n", file=sys.stderr)
    return code


if __name__ == "__main__":
    if sys.platform != "win32":
        # Whoever reads the output may stop reading.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # Signs that the terminal's encoding lacks are no reason to print nothing.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        code = main()
    except KeyboardInterrupt:
        code = _end("Stopped before training began.", _INTERRUPTED)
    sys.exit(code)
