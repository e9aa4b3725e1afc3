"""What an audit of the dependencies says of what was found."""

from __future__ import annotations

from tests.audit import told

WELL = {"name": "numpy", "version": "2.4.6", "vulns": []}
FAULTY = {
    "name": "streamlit",
    "version": "1.0.0",
    "vulns": [
        {"id": "PYSEC-1", "fix_versions": ["1.0.1", "1.1"]},
        {"id": "PYSEC-2", "fix_versions": []},
    ],
}
UNKNOWN = {"name": "own", "skip_reason": "Dependency not found on PyPI"}


def test_no_fault_is_known() -> None:
    assert told([WELL, UNKNOWN]) == (
        "No faults are known of 1 packages.\nNothing is known of own.",
        True,
    )


def test_each_fault_is_named_with_what_mends_it() -> None:
    words, is_well = told([WELL, FAULTY])
    assert not is_well
    assert words.splitlines() == [
        "streamlit 1.0.0: PYSEC-1, mended in 1.0.1, 1.1.",
        "streamlit 1.0.0: PYSEC-2, mended in no version yet.",
    ]


def test_where_nothing_is_known_at_all_nothing_was_audited() -> None:
    words, is_well = told([UNKNOWN])
    assert words.startswith("Not audited: ")
    assert is_well
