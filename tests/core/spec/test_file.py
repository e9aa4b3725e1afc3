"""A settings file, from whatever editor its bytes come."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given

from core.errors import SpecError
from core.spec import ExperimentSpec, parse_file
from tests.core.spec.generated import specs

SPEC = ExperimentSpec.parse({"entrants": [{"loss": "mse", "name": "Größe 日本"}]})
ENCODINGS = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with its mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16, little end first": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "UTF-16, big end first": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_file_opens_in_every_encoding_with_and_without_a_mark(name: str) -> None:
    text = SPEC.model_dump_json(ensure_ascii=False)
    assert parse_file(ENCODINGS[name](text)) == SPEC


@given(spec=specs())
def test_every_experiment_comes_back_from_its_file(spec: ExperimentSpec) -> None:
    assert parse_file(spec.to_json().encode()) == spec


@pytest.mark.parametrize(
    ("content", "byte"),
    [
        (SPEC.model_dump_json(ensure_ascii=False).encode("cp1252", "replace"), None),
        (b'{"seeds": [\xff]}', 12),
        ("{}".encode("utf-16-le"), 2),
        ("{}".encode("utf-16-be"), 1),
        (codecs.BOM_UTF16_LE + b"{", 3),
        (codecs.BOM_UTF32_LE + "{}".encode("utf-32-le"), None),
    ],
)
def test_another_encoding_is_a_sentence(content: bytes, byte: int | None) -> None:
    with pytest.raises(SpecError) as refused:
        parse_file(content)
    sentence = str(refused.value)
    assert sentence.startswith("The file can't be read from byte ")
    assert sentence.endswith(" on; allowed is text in UTF-8, or in UTF-16 with a byte order mark.")
    if byte is not None:
        assert f"from byte {byte} on" in sentence
