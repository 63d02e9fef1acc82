"""The door to YAML: documents in, documents out, and which file is to blame."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshproof.errors import BadInput
from meshproof.yamls import dump, load, load_file

DOCUMENTS: list[dict[str, object]] = [{"z": 1, "a": ["x", {"y": None}]}, {"text": "yes\n- no: 'é'\n", "on": "off"}]


def test_what_is_written_reads_back() -> None:
    assert load(dump(*DOCUMENTS)) == DOCUMENTS


def test_keys_stay_in_order_and_blocks_are_blocks() -> None:
    assert dump({"z": [1], "a": {"b": "c"}}) == "z:\n- 1\na:\n  b: c\n"


@pytest.mark.parametrize("text", ["", "---\n", "# only a comment\n", "---\n---\n"])
def test_empty_documents_are_left_out(text: str) -> None:
    assert load(text) == []
    assert load(f"{text}\n---\na: 1\n") == [{"a": 1}]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [1", "not valid YAML"),
        ("a: 2026-13-45", "not valid YAML"),
        ("a: !!python/object/apply:os.getcwd []", "not valid YAML"),
        ("- 1", "found list"),
        ("a: 1\n---\nhello", "found str"),
    ],
)
def test_what_cannot_be_used_is_named(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=complaint) as raised:
        load_file(path)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


def test_what_is_wrong_is_told_by_its_line_and_not_by_its_text() -> None:
    with pytest.raises(
        BadInput, match=r"^YAML: not valid YAML: line 2: mapping values are not allowed (here|in this context)$"
    ):
        load("user: me\ntoken: secret: x\n")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: \xe9\n")
    for path in (tmp_path / "missing.yaml", tmp_path, latin):
        with pytest.raises(BadInput, match="readable YAML file") as raised:
            load_file(path)
        assert str(raised.value).startswith(str(path))
