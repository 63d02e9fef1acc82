"""The one door to YAML."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from meshproof.errors import BadInput

# Begins with a letter, and has nothing that means something in YAML.
_PLAIN = re.compile(r"[A-Za-z][\w./-]*(:[\w./-]+)*")
# Source: YAML 1.1, https://yaml.org/type/bool.html and https://yaml.org/type/null.html; kubectl reads by it.
_WORDS = frozenset({"y", "yes", "n", "no", "on", "off", "true", "false", "null"})

# The same in C, ten times as fast, where PyYAML was built with it.
_LOADER: type[yaml.CSafeLoader | yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(text: str, origin: str = "YAML") -> list[dict[str, Any]]:
    """Parse all documents of a text, empty ones left out.

    Raises:
        BadInput: The text is not YAML, or a document is not a mapping.
    """
    try:
        documents = [document for document in yaml.load_all(text, _LOADER) if document is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date that does not exist
        raise BadInput(f"{origin}: not valid YAML: {_told(error)}") from error
    for document in documents:
        if not isinstance(document, dict):
            raise BadInput(f"{origin}: expected a mapping at the top, found {type(document).__name__}")
    return documents


def load_file(path: Path) -> list[dict[str, Any]]:
    """Parse all documents of a file.

    Raises:
        BadInput: The file cannot be read, or as for `load`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: expected a readable YAML file: {error}") from error
    return load(text, str(path))


def dump(*documents: object) -> str:
    """Write documents in block style, keys in the order given."""
    return "---\n".join(yaml.safe_dump(document, sort_keys=False, width=120) for document in documents)


def scalar(text: str) -> str:
    """A text as a value in YAML: quoted where some reader of YAML would take it for a number, a boolean or nothing."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text)


def _told(error: Exception) -> str:
    """What is wrong, and in which line, in one line of ours; never the text itself, which may be a credential."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return str(error).splitlines()[0]
