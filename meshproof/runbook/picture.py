"""The way of a request as a picture: client, gateway, sidecar, app, and what each hop was seen to be."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from meshproof.runbook.observe import SIDECAR, Path

MTLS, PLAINTEXT, LOCAL = "mTLS", "plaintext", "within the pod"
_COLOURS = {MTLS: "#16794f", PLAINTEXT: "#b45309", LOCAL: "#6b7885"}
TOP, HEIGHT, BOX, GAP = 34, 84, 150, 132


@dataclass(frozen=True)
class Stop:
    """A program that handles the request: its name, what is said of it, and how the request came to it."""

    name: str
    about: str
    hop: str = ""


def stops(path: Path) -> tuple[Stop, ...]:
    """Who handles the request, in order. Only a certificate that the sidecar was shown counts as mTLS."""
    app = [name for name in path.app if name != SIDECAR]
    envoy = path.gateway[0]
    into_pod = MTLS if path.client_cert else PLAINTEXT
    first = (Stop("client", "this machine"), Stop(envoy, "gateway", PLAINTEXT))
    if path.has_sidecar:
        return (*first, Stop(SIDECAR, "sidecar", into_pod), Stop(app[0], "app", LOCAL))
    return (*first, Stop(app[0], "app, no sidecar", into_pod))


def draw(path: Path) -> str:
    """The picture as one `svg` element."""
    row = stops(path)
    width = len(row) * BOX + (len(row) - 1) * GAP + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {TOP + HEIGHT + 46}" width="{width}" role="img" '
        f'aria-label="{escape(", then ".join(f"{stop.hop} {stop.name}".strip() for stop in row))}" '
        'font-family="system-ui,sans-serif" font-size="13">'
    ]
    if path.has_sidecar:
        x = 10 + 2 * (BOX + GAP) - 12
        parts.append(
            f'<rect x="{x}" y="{TOP - 26}" width="{2 * BOX + GAP + 22}" height="{HEIGHT + 40}" rx="10" fill="#f4f8f6" '
            'stroke="#9dc3b2" stroke-dasharray="5 4"/>'
            f'<text x="{x + 10}" y="{TOP - 9}" fill="#51606f">pod of httpbin</text>'
        )
    for number, stop in enumerate(row):
        parts += _stop(stop, 10 + number * (BOX + GAP))
    others = ", ".join(path.gateway[1:])
    told = f"beside it: {others}" if others else "alone in its pod"
    parts.append(_text(10 + BOX + GAP + BOX / 2, TOP + HEIGHT + 18, told, 'text-anchor="middle" fill="#6b7885"'))
    seen = "the app received X-Forwarded-Client-Cert" if path.client_cert else "the app received no client certificate"
    parts.append(_text(10, TOP + HEIGHT + 40, f"{path.url}, Host {path.host}: {seen}", 'fill="#51606f"'))
    parts.append("</svg>")
    return "".join(parts)


def _stop(stop: Stop, x: int) -> list[str]:
    middle = TOP + HEIGHT / 2
    out = [
        f'<rect x="{x}" y="{TOP}" width="{BOX}" height="{HEIGHT}" rx="8" fill="#fff" stroke="#8fa0b1"/>',
        _text(x + BOX / 2, middle - 3, stop.name, 'text-anchor="middle" font-weight="600" fill="#1c2733"'),
        _text(x + BOX / 2, middle + 16, stop.about, 'text-anchor="middle" fill="#6b7885"'),
    ]
    if not stop.hop:
        return out
    colour, start, end = _COLOURS[stop.hop], x - GAP + 4, x - 5
    dash = ' stroke-dasharray="6 4"' if stop.hop == PLAINTEXT else ""
    return [
        *out,
        f'<line x1="{start}" x2="{end - 8}" y1="{middle}" y2="{middle}" stroke="{colour}" stroke-width="3"{dash}/>',
        f'<path d="M{end - 10} {middle - 6}L{end} {middle}L{end - 10} {middle + 6}z" fill="{colour}"/>',
        f'<text x="{(start + end) / 2}" y="{middle - 12}" text-anchor="middle" font-weight="600" fill="{colour}">'
        f"{'🔒 ' if stop.hop == MTLS else ''}{stop.hop}</text>",
    ]


def _text(x: float, y: float, words: str, look: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" {look}>{escape(words)}</text>'
