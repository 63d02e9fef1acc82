"""The way of a request, as its picture."""

from __future__ import annotations

from markupsafe import Markup

from meshproof.path.way import Way
from meshproof.report import request
from meshproof.runbook.shown import Shown, panel


def path_picture(way: Way, note: str = "") -> Shown:
    """The way of a request, hop by hop; `note` says where its answer comes from."""
    picture = Markup(request.draw(way))  # noqa: S704 - its template escapes what it shows
    return panel("picture", request.title(way), note, text=request.told(way), picture=picture)
