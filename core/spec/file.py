"""A settings file: the JSON of an ``ExperimentSpec``, from wherever its bytes come."""

from __future__ import annotations

from core.errors import SpecError
from core.spec.experiment import ExperimentSpec

#: A settings file is a few hundred bytes; anything much larger is none.
MOST_FILE_BYTES = 20_000


def parse_file(content: bytes) -> ExperimentSpec:
    """The experiment that a file describes; ``SpecError`` says all that is wrong with it."""
    if len(content) > MOST_FILE_BYTES:
        raise SpecError(
            f"The file is larger than {MOST_FILE_BYTES:,} bytes; settings are allowed up to that."
        )
    try:
        # Some editors begin a file with a byte order mark.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecError(f"The file is not UTF-8 text from byte {error.start + 1} on.") from error
    return ExperimentSpec.parse(text)
