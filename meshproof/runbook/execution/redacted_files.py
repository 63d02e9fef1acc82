"""How papermill writes executed copies: through the redaction that everything goes through which a run leaves."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, cast

from meshproof.report.files import write_text
from meshproof.report.redact import redact

SCHEME = "redacted:"


class RedactedFiles:
    """A handler of papermill's for paths that begin with `redacted:`; files are written whole or not at all."""

    def write(self, text: str, path: str) -> None:
        """Write a notebook's text, secrets taken out of what its cells gave.

        Raises:
            MachineCannot: The file cannot be written.
        """
        import nbformat

        write(cast(Any, nbformat).reads(text, as_version=4), Path(path.removeprefix(SCHEME)))

    def pretty_path(self, path: str) -> str:
        """The path as papermill tells it."""
        return path.removeprefix(SCHEME)


def write(notebook: Any, path: Path) -> None:
    """Write an executed notebook: whole or not at all, without secrets, and without the folders of this machine.

    Raises:
        MachineCannot: The file cannot be written.
    """
    import nbformat

    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = _redacted(cell.outputs)
    told = notebook.metadata.get("papermill", {})
    for place in ("input_path", "output_path"):
        if place in told:
            told[place] = Path(told[place]).name
    write_text(path, cast(str, cast(Any, nbformat).writes(notebook)))


def address(copy: Path) -> str:
    """What papermill is told as the place of an executed copy, so that it is written in this way."""
    _register()
    return f"{SCHEME}{copy}"


@cache
def _register() -> None:
    from papermill.iorw import papermill_io  # pyright: ignore[reportMissingTypeStubs]

    cast(Any, papermill_io).register(SCHEME, RedactedFiles())


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_redacted(each) for each in cast(list[Any], value)]
    if isinstance(value, dict):
        for key, each in cast(dict[str, Any], value).items():
            value[key] = _redacted(each)
    return cast(Any, value)
