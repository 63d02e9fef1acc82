"""The way of a request as a picture: client, gateway, sidecar, app, and what protects each hop."""

from __future__ import annotations

from html import escape

from meshproof.runbook.hops import SIDECAR, Hop, hops
from meshproof.runbook.observe import Path

# All lengths are in the picture's own units, which are pixels at its natural size.
WIDTH, HEIGHT = 1010, 150
LINES = 3  # that a box has room for below its name
TOP, BOX = 24, 78
PLACES = {"client": (0, 120), "gateway": (300, 170), "sidecar": (650, 110), "app": (876, 110)}  # x and width
POD = (638, 360)
_COLOURS = {"mTLS": "#16794f", "TLS": "#16794f", "plaintext": "#b45309", "unknown": "#b42318"}
_LOCK = "M-4 0v-2.5a4 4 0 0 1 8 0V0h1.5v7h-11V0zM-2 0h4v-2.5a2 2 0 0 0-4 0z"  # drawn, since fonts may lack the sign


def draw(path: Path) -> str:
    """The picture as one `svg` element."""
    way = hops(path.answer, path.app)
    sidecar = any(hop.target == "sidecar" for hop in way)
    boxes = [_box("client", "client", path.url), _box("gateway", "gateway", ", ".join(path.gateway))]
    boxes += [_box("sidecar", "sidecar", SIDECAR)] if sidecar else []
    boxes.append(_box("app", "app", next((name for name in path.app if name != SIDECAR), "none")))
    x, width = POD
    beside = [name for name in path.app if name != SIDECAR][1:]
    pod = (
        f'<rect x="{x}" y="{TOP - 14}" width="{width}" height="{BOX + 44}" rx="10" fill="#f6f8fa" stroke="#b4c0cb" '
        f'stroke-dasharray="5 4"/>'
        + _text(x + 14, TOP + BOX + 21, f"pod of httpbin{', with ' + ' and '.join(beside) if beside else ''}", _SOFT)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        f'aria-label="{escape(told(path))}" font-family="system-ui,sans-serif" font-size="13">'
        f"{pod}{''.join(boxes)}{''.join(_arrow(hop) for hop in way)}</svg>"
    )


def told(path: Path) -> str:
    """The same in words."""
    way = "".join(f" → {hop.target} ({hop.kind})" for hop in hops(path.answer, path.app))
    return f"{path.host}: client{way}"


_SOFT = 'fill="#6b7885" font-size="11.5"'
_CENTRED = f'text-anchor="middle" {_SOFT}'


def _box(place: str, name: str, detail: str) -> str:
    x, width = PLACES[place]
    middle = x + width / 2
    # Short details stand in one line; lists, such as the gateway's containers, one below the other.
    lines = detail.split(", ") if len(detail) * 6 > width else [detail]
    if more := lines[LINES:]:
        lines = [*lines[: LINES - 1], f"{lines[LINES - 1]} +{len(more)} more"]
    bold = 'text-anchor="middle" font-weight="600" fill="#1c2733"'
    small = "".join(
        _text(middle, TOP + 39 + 14 * number, line.removeprefix("http://").partition("/")[0], _CENTRED)
        for number, line in enumerate(lines)
    )
    frame = f'<rect x="{x + 1}" y="{TOP}" width="{width}" height="{BOX}" rx="8" fill="#fff" stroke="#8fa0b1"/>'
    return frame + _text(middle, TOP + 22, name, bold) + small


def _arrow(hop: Hop) -> str:
    (x, width), (end, _) = PLACES[hop.source], PLACES[hop.target]
    start, stop, y = x + width + 5, end - 5, TOP + BOX / 2
    middle, colour = (start + stop) / 2, _COLOURS[hop.kind]
    dash = "" if "TLS" in hop.kind else ' stroke-dasharray="6 4"'
    lock = f'<path d="{_LOCK}" transform="translate({middle - 30} {y - 18})" fill="{colour}"/>' if not dash else ""
    label = f'text-anchor="middle" font-weight="600" fill="{colour}"'
    # Inside the pod there is no room for the observation: it is in the tip only.
    why = _text(middle, y + 19, hop.why, _CENTRED) if stop - start > 120 else ""
    return (
        f"<g><title>{escape(f'{hop.source} to {hop.target}: {hop.kind}. Told from: {hop.why}')}</title>"
        f'<line x1="{start}" x2="{stop - 8}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3"{dash}/>'
        f'<path d="M{stop - 10} {y - 6}L{stop} {y}L{stop - 10} {y + 6}z" fill="{colour}"/>'
        f"{lock}{_text(middle, y - 10, hop.kind, label)}{why}</g>"
    )


def _text(x: float, y: float, words: str, look: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" {look}>{escape(words)}</text>'
