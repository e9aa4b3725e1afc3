"""What a written program is made of: parts, each with a sentence for its reader."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """Some lines of a program; ``sentence`` is Markdown that says what they do."""

    title: str
    sentence: str
    code: str


@dataclass(frozen=True)
class Program:
    """Parts that are one program when they stand below each other.

    It prints a line for each of its ``epochs``; an epoch has ``steps_per_epoch`` updates.
    """

    about: str
    parts: tuple[Part, ...]
    epochs: int
    steps_per_epoch: int

    @property
    def code(self) -> str:
        """The whole program, as one file that runs as it stands."""
        parts = [f"# {part.title}\n\n{part.code}" for part in self.parts]
        return "\n\n\n".join([f'"""{self.about}"""', *parts]) + "\n"
