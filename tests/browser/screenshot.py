"""Make the README's picture from the real app: ``python -m tests.browser.screenshot``."""

from __future__ import annotations

import tempfile

from playwright.sync_api import sync_playwright

from tests.browser.app import ROOT, serving
from tests.browser.chromium import ARGUMENTS, system_chromium
from tests.browser.lab import (
    button,
    press,
    wait_for_form,
    wait_for_status,
    wait_for_steps,
)

PICTURE = ROOT / "docs" / "train.png"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(f"sqlite:///{folder}/lab.db") as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=system_chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(address)
        button(page, "Train").wait_for()
        wait_for_form(page)
        press(page, "Train")
        # Early enough that the fall fills the chart.
        wait_for_steps(page, more_than=400)
        press(page, "Pause")
        wait_for_status(page, "paused")
        page.mouse.move(0, 0)
        PICTURE.parent.mkdir(exist_ok=True)
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
