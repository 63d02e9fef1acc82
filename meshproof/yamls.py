"""The one door to YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from meshproof.errors import BadInput


def load(text: str, origin: str = "YAML") -> list[dict[str, Any]]:
    """Parse all documents of a text, empty ones left out.

    Raises:
        BadInput: The text is not YAML, or a document is not a mapping.
    """
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that does not exist
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


def _told(error: Exception) -> str:
    """What is wrong, and in which line, in one line of ours; never the text itself, which may be a credential."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return str(error).splitlines()[0]
