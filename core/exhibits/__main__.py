"""Run the exhibits and record what they come to: ``python -m core.exhibits [key ...]``.

To be done again whenever an exhibit or what training reports has changed.
"""

from __future__ import annotations

import json
import sys
import time

from core.exhibits import EXHIBITS, Exhibit
from core.exhibits.outcome import decide
from core.exhibits.picture import picture
from core.exhibits.recorded import FOLDER, settings_of
from core.exhibits.running import evidence
from core.exhibits.words import headline, line


def record(exhibit: Exhibit) -> None:
    """Run all parts, and write the exhibit's two files."""
    # Of the processor, which do not depend on what else the machine does.
    begin = time.process_time()
    found = [evidence(part.spec) for part in exhibit.parts]
    seconds = time.process_time() - begin
    outcome = decide(exhibit.judge(found))
    written = {
        "finding": outcome.finding,
        "headline": headline(outcome),
        "lines": [line(tested) for tested in outcome.tested],
        "seeds": outcome.seeds,
        "seconds": round(seconds, 1),
        "settings": settings_of(exhibit),
    }
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(written, indent=2, ensure_ascii=False)
    (FOLDER / f"{exhibit.key}.json").write_text(f"{text}\n", encoding="utf-8")
    (FOLDER / f"{exhibit.key}.svg").write_text(picture(exhibit, found), encoding="utf-8")
    print(f"{exhibit.key}: {written['headline']}, {seconds:.1f} s", flush=True)


def main(keys: list[str]) -> None:
    if unknown := [key for key in keys if key not in EXHIBITS]:
        sys.exit(f"There is no exhibit {unknown[0]!r}; there are: {', '.join(EXHIBITS)}.")
    for key in keys or EXHIBITS:
        record(EXHIBITS[key])


if __name__ == "__main__":
    main(sys.argv[1:])
