"""The one way from values to HTML and SVG: templates that escape whatever they are given."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from meshproof.report import summary

# Colours and the like, other control characters (carriage returns are among them), and what is no character at all.
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def render(name: str, **values: object) -> str:
    """What a template, named by its path in this package, makes of these values, without codes for terminals."""
    return _ENVIRONMENT.get_template(name).render(values)


def style(*names: str) -> Markup:
    """Style sheets, named by their paths in this package, for a page that has them within."""
    package = resources.files("meshproof")
    return Markup("".join(package.joinpath(name).read_text(encoding="utf-8") for name in names))  # noqa: S704 - our own


def without_terminal_codes(text: str) -> str:
    """The same text without the colours and other codes that programs send to terminals."""
    return _TERMINAL_CODES.sub("", text)


def _shown(value: object) -> object:
    return without_terminal_codes(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _px(length: float) -> str:
    """A length in a picture, to a tenth of its units."""
    return f"{round(length, 1):.10g}"


_ENVIRONMENT = Environment(
    loader=PackageLoader("meshproof", ""),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=_shown,
)
cast(dict[str, Any], _ENVIRONMENT.filters).update(  # jinja2 types them as those that it brings itself
    duration=summary.duration,
    mark=summary.MARKS.__getitem__,
    moment=summary.moment,
    proven=summary.proven,
    px=_px,
)
