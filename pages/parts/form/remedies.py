"""The buttons of what goes wrong: each fills the form with what would help."""

from __future__ import annotations

from core.errors import LabError
from core.live.diagnosed import TRY, remedy_of
from core.live.reading import Reading
from core.records import Experiment
from pages.parts.form import whole
from pages.parts.shell import session


def act(page: str, shown: Experiment, action: str) -> None:
    """Does nothing for the name of another button.

    The browser names what was found and nothing else; what would help is worked out here.
    """
    if not action.startswith(TRY):
        return
    with session.errors_as_sentences():
        remedy = remedy_of(Reading(session.store(), shown.id).state(), action)
        if remedy is None:
            raise LabError("There is nothing to try any more: this is no longer found.")
        whole.fill(page, remedy)
