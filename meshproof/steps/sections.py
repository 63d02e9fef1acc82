"""The sections of the page, each declared once and in page order; what else there is to know of them follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from meshproof.steps.before import before_you_begin
from meshproof.steps.clean_up import clean_up
from meshproof.steps.enable_integration import enable_integration
from meshproof.steps.exclude_service import exclude_service
from meshproof.steps.give_back import give_back
from meshproof.steps.install_istio import install_istio
from meshproof.steps.model import Step
from meshproof.steps.route import route_over_mtls
from meshproof.steps.setting import Makes, Setting


@dataclass(frozen=True)
class Section:
    """A section of the page. Called with a setting, it gives its step for it.

    Its place on the page says the rest: it stands on those before it, and the clean-up takes them back last one first.

    Attributes:
        slug: Short name, which its step has, and its fixture, the ids of its claims and `FROM=`.
        make: Makes its step.
        notebook: Its notebook's file name without the ending; that of its module in the suite is made from it.
    """

    slug: str
    make: Callable[[Setting], Step]
    notebook: str

    def __call__(self, setting: Setting) -> Step:
        """Its step for a setting."""
        return self.make(setting)


def _back(setting: Setting) -> Step:
    """Take back every section but the one that the page begins with, last one first."""
    walked = list(PAGE.values())[1:-1]
    return clean_up(setting, [command for section in reversed(walked) for command in section(setting).undo])


PAGE: Mapping[str, Section] = {
    section.slug: section
    for section in (
        Section("before", before_you_begin, "01-before-you-begin"),
        Section("istio", install_istio, "10-install-istio"),
        Section("enable", enable_integration, "20-enable-the-integration"),
        Section("route", route_over_mtls, "30-route-over-mtls"),
        Section("exclude", exclude_service, "40-exclude-a-service"),
        Section("cleanup", _back, "50-clean-up"),
    )
}

# Not of the page: the last one in a cluster that is somebody else's.
RESTORE = Section("restore", give_back, "55-give-the-cluster-back")


def sections(makes: Makes) -> Mapping[str, Section]:
    """The sections of a run: those of the page and, in a cluster that is somebody else's, its return."""
    return PAGE if makes.cluster else {**PAGE, RESTORE.slug: RESTORE}


# Those that are made for a mesh that is there: from the one after its installation on. The way back is open without it.
IN_THE_MESH = frozenset(tuple(PAGE)[tuple(PAGE).index("istio") + 1 : -1])


def titled(slug: str) -> str:
    """How a section is named in messages: by its number and by its slug, since FROM= takes both."""
    return f"section {(*PAGE, RESTORE.slug).index(slug)} ({slug})"
