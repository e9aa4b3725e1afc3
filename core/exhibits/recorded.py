"""What each exhibit came to when it was recorded, and a small picture of it.

Both stand in files beside this module; ``python -m core.exhibits`` runs the exhibits and writes
them anew.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.exhibits.exhibit import Exhibit
from core.exhibits.outcome import Finding

FOLDER = Path(__file__).parent / "recorded"


@dataclass(frozen=True)
class Recorded:
    """``picture`` is an SVG that reads on light and dark pages; ``lines`` are the contrasts in
    words, and ``seconds`` of the processor it took."""

    finding: Finding
    headline: str
    lines: tuple[str, ...]
    seeds: int
    seconds: float
    settings: str
    picture: str


def settings_of(exhibit: Exhibit) -> str:
    """A fingerprint of the experiments: what was recorded of other ones is out of date.

    Settings with their default values do not count: a new one would change every fingerprint.
    """
    specs = [part.spec.model_dump_json(exclude_defaults=True) for part in exhibit.parts]
    text = "\n".join(specs)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def recorded(key: str) -> Recorded | None:
    """None where an exhibit was never recorded."""
    file, picture = FOLDER / f"{key}.json", FOLDER / f"{key}.svg"
    if not (file.exists() and picture.exists()):
        return None
    found = json.loads(file.read_text(encoding="utf-8"))
    return Recorded(
        finding=Finding(found["finding"]),
        headline=found["headline"],
        lines=tuple(found["lines"]),
        seeds=found["seeds"],
        seconds=found["seconds"],
        settings=found["settings"],
        picture=picture.read_text(encoding="utf-8"),
    )
