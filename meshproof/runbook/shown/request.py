"""The way of a request as a picture: client, gateway, sidecar, app, and what protects each hop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshproof.runbook.hops import SIDECAR, Hop, hops
from meshproof.runbook.observe import Path
from meshproof.runbook.shown import Shown, panel

# All lengths are in the picture's own units, which are pixels at its natural size.
WIDTH, HEIGHT = 1010, 150
LINES = 3  # that a box has room for below its name
LETTER = 6  # width of a letter
ROOM = 120  # that the observation needs below an arrow; inside the pod there is none, and it is in the tip only
TOP, BOX = 24, 78
PLACES = {"client": (0, 120), "gateway": (300, 170), "sidecar": (650, 110), "app": (876, 110)}  # x and width
POD = (638, 360)


@dataclass(frozen=True)
class _Box:
    """Somebody on the way, with what there is to say of them."""

    name: str
    x: int
    width: int
    lines: Sequence[str]


@dataclass(frozen=True)
class _Arrow:
    """A hop with its place."""

    hop: Hop
    start: int
    stop: int

    @property
    def roomy(self) -> bool:
        return self.stop - self.start > ROOM


def path_picture(path: Path) -> Shown:
    """The way of a request, hop by hop."""
    way = hops(path.answer, path.app)
    told = f"{path.host}: client" + "".join(f" → {hop.target} ({hop.kind})" for hop in way)
    app = [name for name in path.app if name != SIDECAR]
    boxes = [_box("client", path.url), _box("gateway", *path.gateway)]
    boxes += [_box("sidecar", SIDECAR)] if any(hop.target == "sidecar" for hop in way) else []
    return panel(
        "request",
        f"GET {path.host}/headers: {path.answer.response.status}",
        text=told,
        told=told,
        boxes=[*boxes, _box("app", *(app[:1] or ["none"]))],
        arrows=[_arrow(hop) for hop in way],
        beside=app[1:],
        size=(WIDTH, HEIGHT),
        pod=POD,
        top=TOP,
        box=BOX,
    )


def _box(name: str, *details: str) -> _Box:
    x, width = PLACES[name]
    lines = [each.removeprefix("http://").partition("/")[0] for each in details]
    # Short details stand in one line; lists, such as the gateway's containers, one below the other.
    if len(", ".join(details)) * LETTER <= width:
        lines = [", ".join(lines)]
    if more := lines[LINES:]:
        lines = [*lines[: LINES - 1], f"{lines[LINES - 1]} +{len(more)} more"]
    return _Box(name, x, width, lines)


def _arrow(hop: Hop) -> _Arrow:
    (x, width), (end, _) = PLACES[hop.source], PLACES[hop.target]
    return _Arrow(hop, x + width + 5, end - 5)
