"""Kubeconfigs, read and merged as kubectl does it: files to one context, the cluster that it names and its user.

The official client's reader is not used. It takes the last file's current-context, asks as nobody where a
credential plugin fails, resolves a plugin by the wrong folder, and writes renewed tokens into the user's file.

Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

from __future__ import annotations

import base64
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from meshproof import yamls
from meshproof.errors import BadInput
from meshproof.kube.raw import Raw

_KINDS = {"clusters": "cluster", "contexts": "context", "users": "user"}


@dataclass(frozen=True)
class Entry:
    """A cluster, context or user of a kubeconfig, and the folder that relative paths in it count from."""

    raw: Raw
    folder: Path

    def __str__(self) -> str:
        return self.raw.name

    def path(self, key: str) -> Path | None:
        """The file that a field names, or None."""
        value = self.raw.get(key, "")
        return self.folder / value if value else None

    def content(self, key: str) -> bytes | None:
        """What `KEY-data` holds in base64, or else the file that `KEY` names; None where there is neither.

        Raises:
            BadInput: It is not base64, or the file cannot be read.
        """
        if data := self.raw.get(f"{key}-data", ""):
            try:
                return base64.b64decode("".join(data.split()), validate=True)
            except ValueError as error:
                raise BadInput(f"{self}: expected {key}-data to be base64: {error}") from error
        path = self.path(key)
        try:
            return path.read_bytes() if path else None
        except OSError as error:
            raise BadInput(f"{self}: {key} {path} cannot be read: {error.strerror}") from error


@dataclass(frozen=True)
class Context:
    """A chosen context. `user` is None where it names none: requests are then anonymous."""

    kubeconfig: str
    name: str
    cluster: Entry
    user: Entry | None

    def kubectl(self, *args: str) -> str:
        """A command to paste that asks with kubectl what we ask."""
        return shlex.join(("env", f"KUBECONFIG={self.kubeconfig}", "kubectl", "--context", self.name, *args))


def read_context(kubeconfig: Path | str, name: str = "") -> Context:
    """Find a context and what it names.

    Args:
        kubeconfig: A file, or several as KUBECONFIG has them. Of several, missing ones are skipped, and the first
            that sets something wins.
        name: The context; the current one where it is empty.

    Raises:
        BadInput: No file is there, one is no kubeconfig, or there is no such context, cluster or user.
        Malformed: A field is of the wrong type.
    """
    documents = _documents(kubeconfig)
    entries = {plural: _entries(documents, plural, singular) for plural, singular in _KINDS.items()}
    contexts = entries["contexts"]
    if not contexts:
        empty = "it is empty" if not any(raw.data for raw in documents.values()) else "it has none"
        raise BadInput(f"kubeconfig {kubeconfig}: expected contexts, {empty}; nothing was asked")
    current = (raw.get("current-context", "") for raw in documents.values())
    wanted = name or next(filter(None, current), "")
    if wanted not in contexts:
        missing = f"no context {wanted}" if wanted else "no current-context"
        raise BadInput(f"kubeconfig {kubeconfig}: {missing}; it has {', '.join(contexts)}: CONTEXT=")
    context = contexts[wanted]
    user = context.raw.get("user", "")
    cluster = _named(context, "cluster", context.raw.need("cluster", str), entries["clusters"])
    named = _named(context, "user", user, entries["users"]) if user else None
    return Context(str(kubeconfig), wanted, cluster, named)


def _documents(kubeconfig: Path | str) -> Mapping[Path, Raw]:
    """The document of each file that is there, in the order given."""
    files = [Path(part).expanduser() for part in str(kubeconfig).split(os.pathsep) if part]
    present = [file for file in files if file.exists()]
    if not present:
        raise BadInput(f"kubeconfig {kubeconfig}: no such file; KUBECONFIG= names one, or several with : between")
    return {file: _document(file) for file in present}


def _document(file: Path) -> Raw:
    documents = yamls.load_file(file)
    if len(documents) > 1:
        raise BadInput(f"kubeconfig {file}: expected one document, found {len(documents)}")
    raw = Raw(documents[0] if documents else {}, f"kubeconfig {file}")
    kind = raw.get("kind", "Config")
    if kind != "Config":
        raise BadInput(f"kubeconfig {file}: expected kind Config, found {kind}")
    return raw


def _entries(documents: Mapping[Path, Raw], plural: str, singular: str) -> Mapping[str, Entry]:
    """The entries of a kind by name; of several files, the first that has a name gives it."""
    found: dict[str, Entry] = {}
    for file, raw in documents.items():
        of_file: dict[str, Entry] = {}
        for part in raw.parts(plural):
            name = part.need("name", str)
            if name in of_file:
                raise BadInput(f"{raw.name}: has two of {plural} that are called {name}")
            data = part.get(singular, cast("dict[str, Any]", {}))
            of_file[name] = Entry(Raw(data, f"{raw.name}, {singular} {name}"), file.absolute().parent)
        found |= {name: entry for name, entry in of_file.items() if name not in found}
    return found


def _named(context: Entry, kind: str, name: str, there: Mapping[str, Entry]) -> Entry:
    if name not in there:
        raise BadInput(f"{context}: names {kind} {name}, which is not there; there are {_listed(there)}")
    return there[name]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
