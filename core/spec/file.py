"""A settings file: the JSON of an ``ExperimentSpec``, from wherever its bytes come."""

from __future__ import annotations

import codecs

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
    return ExperimentSpec.parse(_text(content))


def _text(content: bytes) -> str:
    """Some editors begin a file with a byte order mark, and some write UTF-16."""
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(error.start) from error
    # UTF-16 without its mark passes for UTF-8 with zeros between the letters.
    if "\0" in text:
        raise _unreadable(text.index("\0"))
    return text


def _unreadable(start: int) -> SpecError:
    return SpecError(
        f"The file can't be read from byte {start + 1} on; allowed is text in UTF-8, or in "
        "UTF-16 with a byte order mark."
    )
