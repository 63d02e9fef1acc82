"""Finds Secret objects in any text, JSON or YAML, whole or cut off, and takes their values out; keys stay."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

REDACTED = "<redacted>"

_FIELDS = ("data", "stringData")
_SECRET_KINDS = ("Secret", "SecretList")


def without_secret_values(text: str) -> str:
    """The same text, with the values of each Secret's `data` and `stringData` replaced."""
    if "Secret" not in text:
        return text
    return _without_yaml_values(_without_json_values(text))


# Strings never cross a line, so that a stray quotation mark in prose spoils one line only.
_TOKEN = re.compile(r'(?P<text>"(?:[^"\\\n]|\\.)*")(?P<colon>\s*:)?|[{}\[\]]')


@dataclass
class _Frame:
    """A JSON object or list that is still open, and the values in it that are secret if its kind turns out so."""

    holder: _Frame | None = None  # the object whose data this is
    kind: str = ""
    key: str = ""
    values: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


def _without_json_values(text: str) -> str:
    """Read tokens rather than parse: logs hold JSON between other words, and dumps may be cut off."""
    spans: dict[tuple[int, int], str] = {}
    open_frames = [_Frame()]
    for token in _TOKEN.finditer(text):
        top, word = open_frames[-1], token["text"]
        if word is None:
            if token.group() in "{[":
                open_frames.append(_Frame(holder=top if top.key in _FIELDS else None))
                top.key = ""
            elif len(open_frames) > 1:
                _close(open_frames.pop(), open_frames[-1], spans)
        elif token["colon"]:
            top.key = word[1:-1]
        else:
            _value(top, word, token.span("text"), spans)
            top.key = ""
    for frame in open_frames:
        if frame.kind in _SECRET_KINDS:
            spans |= dict.fromkeys(frame.values, f'"{REDACTED}"')
    for (start, end), replacement in sorted(spans.items(), reverse=True):
        text = text[:start] + replacement + text[end:]
    return text


def _value(top: _Frame, word: str, span: tuple[int, int], spans: dict[tuple[int, int], str]) -> None:
    if top.key == "kind" and top.holder is None:
        top.kind = word[1:-1]
    elif top.holder is not None:
        top.holder.values.append(span)
    elif "Secret" in word and '\\"' in word:
        # JSON within a string: kubectl's last-applied-configuration, for one.
        try:
            inner = json.loads(word)
        except ValueError:
            return
        outer = json.dumps(without_secret_values(inner), ensure_ascii=False)
        if outer != word and json.loads(outer) != inner:
            spans[span] = outer


def _close(frame: _Frame, parent: _Frame, spans: dict[tuple[int, int], str]) -> None:
    """An object's kind decides over its values; without one, as in a SecretList's items, the parent's does."""
    if frame.kind in _SECRET_KINDS:
        spans |= dict.fromkeys(frame.values, f'"{REDACTED}"')
    elif not frame.kind:
        parent.values += frame.values


_YAML_KIND = re.compile(r"(?P<lead>[ ]*(?:- )*)kind: *[\"']?Secret[\"']?\s*")
_YAML_LEAD = re.compile(r"[ ]*(?:- )*")
_YAML_PAIR = re.compile(r"(?P<key>[ ]*[^\s:][^:]*:)(?P<value>.*)", re.DOTALL)


def _without_yaml_values(text: str) -> str:
    lines = text.splitlines(keepends=True)
    ends: dict[int, int] = {}  # where the last object at a column ends
    for place, line in enumerate(lines):
        kind = _YAML_KIND.fullmatch(line)
        if kind and place >= ends.get(column := len(kind["lead"]), 0):
            around = _object_around(lines, place, column)
            ends[column] = around.stop
            for number in around:
                head = lines[number][column:]
                if _column(lines[number]) == column and head.startswith(tuple(f"{name}:" for name in _FIELDS)):
                    _blank_values(lines, number, column)
    return "".join(lines)


def _column(line: str) -> int:
    """Where a line's first word stands, list dashes left out."""
    lead = _YAML_LEAD.match(line)
    return lead.end() if lead else 0


def _object_around(lines: list[str], place: int, column: int) -> range:
    """The lines of the object whose `kind` stands in this line, at this column."""
    first = place
    while first > 0 and _belongs(lines[first], column):
        if not _belongs(lines[first - 1], column) and _column(lines[first - 1]) != column:
            break
        first -= 1  # a list item's first line begins left of the column, with its dash, and ends the way up
    last = place + 1
    while last < len(lines) and _belongs(lines[last], column):
        last += 1
    return range(first, last)


def _belongs(line: str, column: int) -> bool:
    """Whether a line is blank or begins at this column or right of it, within the same document."""
    indent = len(line) - len(line.lstrip(" "))
    return not line.startswith(("---", "...")) and (not line.strip() or indent >= column)


def _blank_values(lines: list[str], number: int, column: int) -> None:
    """Replace the values below a `data:` line; what else a value's lines hold goes with them."""
    head = _YAML_PAIR.fullmatch(lines[number])
    if head and head["value"].strip() and head["value"].strip() not in ("{}", "null"):
        lines[number] = f"{head['key']} {REDACTED}\n"
    depth = 0
    for below in range(number + 1, len(lines)):
        line = lines[below]
        indent = len(line) - len(line.lstrip(" "))
        if line.strip() and indent <= column:
            return
        depth = depth or (indent if line.strip() else 0)
        pair = _YAML_PAIR.fullmatch(line) if indent == depth else None
        lines[below] = f"{pair['key']} {REDACTED}\n" if pair else ""
