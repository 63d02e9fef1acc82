"""The kinds that a release defines, and the fields of an object that its kind does not have."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from meshproof import yamls

_GROUP = re.compile(r"^  group: (\S+)$", re.MULTILINE)
_KIND = re.compile(r"^    kind: (\S+)$", re.MULTILINE)
_OF_ALL = ("apiVersion", "kind", "metadata")  # of every object, whatever its definition


@dataclass(frozen=True)
class Wrong:
    """Why an API server would refuse an object: a sentence, and the file of the definition that says so, if any."""

    sentence: str
    file: str = ""
    ours: bool = False


@dataclass(frozen=True)
class Definition:
    """A definition as its file has it; it is parsed when it is asked for."""

    name: str
    text: str

    @cached_property
    def schemas(self) -> Mapping[str, Mapping[str, Any]]:
        """The schema of each version that is served."""
        [document] = yamls.load(self.text, self.name)
        served = [version for version in document["spec"]["versions"] if version.get("served")]
        return {version["name"]: version["schema"]["openAPIV3Schema"] for version in served}


@dataclass(frozen=True)
class Definitions:
    """The definitions of a release, by group and kind; `closed` are groups of which it defines every kind."""

    each: Mapping[tuple[str, str], Definition]
    closed: frozenset[str] = field(default_factory=frozenset[str])

    def wrong(self, document: Mapping[str, Any]) -> Wrong | None:
        """Why an API server would refuse an object; None where that cannot be said.

        Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation; kubectl asks for Strict.
        """
        group, _, version = str(document.get("apiVersion")).partition("/")
        kind, ours = str(document.get("kind")), group in self.closed
        definition = self.each.get((group, kind))
        if definition is None:
            return Wrong(f"{group} has no kind {kind}") if ours else None
        schema = definition.schemas.get(version)
        if schema is None:
            served = ", ".join(definition.schemas)
            return Wrong(f"{kind} has no version {version} in {group}; served: {served}", definition.name, ours)
        rest = {key: value for key, value in document.items() if key not in _OF_ALL}
        fields = list(unknown_fields(schema, rest))
        told = f"{kind} has no field {', and none '.join(fields)}"
        return Wrong(told, definition.name, ours) if fields else None


def unknown_fields(schema: Mapping[str, Any], value: object, at: str = "") -> Iterator[str]:
    """The paths in a value for which its schema has no field; where the schema leaves it open, none."""
    if isinstance(value, list) and "items" in schema:
        for index, each in enumerate(cast(list[object], value)):
            yield from unknown_fields(schema["items"], each, f"{at}[{index}]")
    if not isinstance(value, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    known, others = schema.get("properties"), schema.get("additionalProperties")
    if known is None and others is None:
        return
    for key, each in cast(dict[str, object], value).items():
        path = f"{at}.{key}" if at else str(key)
        if known and key in known:
            yield from unknown_fields(known[key], each, path)
        elif isinstance(others, dict):
            yield from unknown_fields(cast(dict[str, Any], others), each, path)
        elif not others:
            yield path


def read_definitions(chart: Path, folder: Path) -> Definitions:
    """The definitions of kgateway's chart of them, which has its whole group, and those in a folder."""
    ours = dict(_keyed(_members(chart)))
    folders = ((path.name, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yaml")))
    return Definitions({**dict(_keyed(folders)), **ours}, frozenset(group for group, _ in ours))


def _members(chart: Path) -> Iterator[tuple[str, str]]:
    with tarfile.open(chart) as archive:
        for member in archive:
            if member.name.endswith(".yaml") and (file := archive.extractfile(member)):
                yield member.name, file.read().decode("utf-8")


def _keyed(files: Iterator[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], Definition]]:
    for name, text in files:
        group, kind = _GROUP.search(text), _KIND.search(text)
        if "kind: CustomResourceDefinition" in text and group and kind:
            yield (group.group(1), kind.group(1)), Definition(name, text)
