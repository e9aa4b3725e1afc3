"""What the README lists, held against the code."""

from __future__ import annotations

import re

from core.losses import LOSSES
from tests.browser.app import ROOT


def test_every_loss_is_listed_with_its_parameters() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.split("| key | loss | parameters |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", table, re.MULTILINE)
    assert [(key, title, re.findall(r"`(\w+)`", names)) for key, title, names in rows] == [
        (loss.key, loss.title, [each.name for each in loss.parameters]) for loss in LOSSES.values()
    ]


def test_what_is_linked_is_there() -> None:
    for file in ("README.md", "SECURITY.md"):
        text = (ROOT / file).read_text(encoding="utf-8")
        links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
        assert links
        assert [link for link in links if not (ROOT / link).exists()] == []
