"""What can go wrong, as sentences.

Core raises; pages show ``str(error)``. Every message says what was wrong, the
value that was received and what is allowed, so that no page needs to add to it.
"""

from __future__ import annotations


class LabError(Exception):
    """Something a person can read and act on; never shown as a traceback."""


class SpecError(LabError):
    """An experiment that can't be run as described."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


class LossExpressionError(SpecError):
    """An expression that is no loss. ``position`` is where, counted in characters from 0."""

    def __init__(self, sentence: str, position: int) -> None:
        super().__init__(sentence)
        self.position = position

    def __reduce__(self) -> tuple[type[LossExpressionError], tuple[str, int]]:
        """For the way from one process to another."""
        return type(self), (str(self), self.position)

    def pointed_out(self, expression: str) -> str:
        """The expression on one line, and on the next a caret under the place."""
        line = "".join(" " if character.isspace() else character for character in expression)
        return f"{line}\n{' ' * self.position}^"


class StoreError(LabError):
    """The database is missing, locked, read-only or not ours."""


class UnreadableRecord(StoreError):
    """What is stored is damaged, or of another version: it will not be otherwise in a while."""


class UnknownExperiment(StoreError):
    """No experiment of that id is stored."""


class UnknownShowing(StoreError):
    """No showing of that id is stored."""


class DeviceError(LabError):
    """The device that was asked for isn't on this machine."""


class EngineError(LabError):
    """The training service can't be reached or started."""
