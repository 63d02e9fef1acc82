"""What a cell shows: HTML and SVG made from results and observations, the same in JupyterLab and in the book."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from markupsafe import Markup

from meshproof.report import summary, templates
from meshproof.report.redact import redact_run
from meshproof.results import RunResult, StepResult

STYLE = Markup(  # noqa: S704 - a file of this package
    resources.files("meshproof.runbook.shown").joinpath("shown.css").read_text(encoding="utf-8")
)
EARLIER = "in an earlier run, not looked at now"


@dataclass(frozen=True)
class Shown:
    """Something to look at; `text` is its words for a terminal."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def panel(template: str, title: str, note: str = "", text: str = "", **values: object) -> Shown:
    """A framed piece with a title; it brings its own style, since a notebook has none to give.

    Args:
        template: Name of the template beside this module that says what is in it.
        title: Its title.
        note: What stands beside the title.
        text: Its words for a terminal; title and note by default.
        **values: What the template shows.
    """
    html = templates.render(f"runbook/shown/{template}.html.j2", style=STYLE, title=title, note=note, **values)
    return Shown(html, text or (f"{title}, {note}" if note else title))


def found(result: StepResult, earlier: bool) -> str:
    """When a section's result was found."""
    return f"found {summary.moment(result.ended)}" + (f"; {EARLIER}" if earlier else "")


def redacted(result: StepResult) -> StepResult:
    """The result, secrets taken out."""
    return redact_run(RunResult({}, {}, result.started, (result,))).steps[0]
