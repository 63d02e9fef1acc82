"""A diagnosis for people: on a terminal, and short enough for a chat."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from meshproof.diagnose.diagnosis import Cause, Diagnosis, Hop

_CROSS = "\u00d7"
_SIGNS = {"ok": "√", "broken": _CROSS, "not reached": "·", "not seen": "?"}
_OF_SEVERITY = {"error": _CROSS, "warning": "‼", "unknown": "?", "note": "i"}
_COLOURS = {"√": "32", _CROSS: "31", "‼": "33", "?": "33", "·": "2", "i": "2"}
WIDTH = 11
LONGEST = 150

Paint = Callable[[str], str]


def text(diagnosis: Diagnosis, *, colour: bool = False) -> str:
    """The way link by link, with what is wrong where it is, and everything else below."""
    paint = _painter(colour)
    first = diagnosis.first
    lines = [headline(diagnosis)]
    for hop in diagnosis.hops:
        lines += _hop(hop, first if first and first.link == hop.link else None, paint)
    further = [each for each in diagnosis.findings if each is not first]
    if further:
        lines += ["", "further"]
        for each in further:
            lines += [f"{paint(_OF_SEVERITY[each.severity])} {each.sentence} [{each.code}]", *_below(each)]
    lines += [f"left out: {each}" for each in diagnosis.skipped]
    lines.append(_sent(diagnosis.requests))
    return "\n".join(lines)


def short(diagnosis: Diagnosis) -> str:
    """The verdict, its cause and the remedy, in a few lines."""
    lines = [headline(diagnosis)]
    first = diagnosis.first
    if first:
        lines += [first.sentence, *([f"mend: {_in_one(first.remedy)}"] if first.remedy else [])]
    others = [each for each in diagnosis.findings if each is not first and each.severity != "note"]
    if others:
        lines.append(f"further: {', '.join(f'{each.code} ({each.link})' for each in others)}")
    return "\n".join(lines)


def headline(diagnosis: Diagnosis) -> str:
    """The verdict in a line."""
    first = diagnosis.first
    at = f" at {first.link}" if first else ""
    unsettled = ", not settled: something still rolls out, look again" if not diagnosis.settled else ""
    code = f"  [{first.code}]" if first else ""
    return f"{diagnosis.host}: {diagnosis.verdict}{at}{unsettled}{code}"


def _hop(hop: Hop, cause: Cause | None, paint: Paint) -> Iterator[str]:
    sign = paint(_SIGNS[hop.state])
    if cause:
        yield f"{sign} {hop.link:{WIDTH}}  {hop.object}"
        yield f"    {cause.sentence}"
        yield from _below(cause)
    elif hop.state == "not reached":
        yield f"{sign} {hop.link:{WIDTH}}  not reached"
    else:
        told = "; ".join(hop.evidence)
        told = f"{told[:LONGEST]}…" if len(told) > LONGEST else told
        yield f"{sign} {hop.link:{WIDTH}}  {hop.object}{f': {told}' if told else ''}"


def _below(cause: Cause) -> Iterator[str]:
    """Evidence, and the remedy from the margin on, so that it can be pasted."""
    yield from (f"    {line}" for line in cause.evidence)
    if cause.remedy:
        yield "    to mend it:"
        yield cause.remedy


def _in_one(remedy: str) -> str:
    return remedy if "<<" in remedy else " && ".join(remedy.splitlines())


def _sent(requests: int) -> str:
    return f"{requests} request{'' if requests == 1 else 's'} sent; nothing was changed"


def _painter(colour: bool) -> Paint:
    def paint(sign: str) -> str:
        return f"\x1b[{_COLOURS[sign]}m{sign}\x1b[0m" if colour else sign

    return paint
