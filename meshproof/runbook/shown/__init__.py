"""What a cell shows: HTML and SVG made from results and observations, the same in JupyterLab and in the book."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from importlib import resources

from meshproof.choices import Choices
from meshproof.formats.xfcc import Header
from meshproof.kube.workloads import Pod
from meshproof.proof import Proof
from meshproof.releases import Cell
from meshproof.report import html, summary, timeline
from meshproof.report.redact import redact_run
from meshproof.results import RunResult, Status, StepResult
from meshproof.runbook.observe import Certificate, Path
from meshproof.runbook.shown.changes import objects_table
from meshproof.runbook.shown.pods import pods_rows, pods_text
from meshproof.runbook.shown.request import draw, told

STYLE = resources.files("meshproof.runbook.shown").joinpath("shown.css").read_text(encoding="utf-8")
MARKS = {status: f"{mark} {status}" for status, mark in summary.MARKS.items()}
EARLIER = "in an earlier run, not looked at now"
FOLDED_LINES = 8


@dataclass(frozen=True)
class Shown:
    """Something to look at; `text` is its words for a terminal."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def panel(title: str, body: str, note: str = "") -> Shown:
    """A framed piece with a title; it brings its own style, since a notebook has none to give."""
    beside = f' <span class="dim">{escape(note)}</span>' if note else ""
    html = f'<style>{STYLE}</style><div class="mp"><h4>{escape(title)}{beside}</h4>{body}</div>'
    return Shown(html, f"{title}, {note}" if note else title)


def opened(proof: Proof, *, made: bool) -> Shown:
    """The cluster and the versions that the notebook works on."""
    run = proof.result()
    how = "made for this run" if made else "found running"
    versions = summary.versions(run, "kgateway", "istio", "kubernetes", "gateway-api")
    choices = [(name, value) for name, value in run.choices.items() if name != "cluster"]
    facts = _facts([("cluster", f"{proof.cluster.name}, {how}"), *versions, *choices])
    done = ", ".join(step.section for step in proof.results.values()) or "none yet"
    return panel("Where this notebook works", f"{facts}{_facts([('sections that ran here', done)])}")


def plan_table(cell: Cell, choices: Choices, name: str) -> Shown:
    """The versions and choices that the notebooks will use."""
    versions = [("kgateway", cell.kgateway), ("Istio", cell.istio), ("Kubernetes", cell.kubernetes)]
    chosen = [(key, value) for key, value in choices.named().items() if key != "cluster"]
    return panel(
        "The notebooks will use",
        _facts([("cluster", name), *versions, ("Gateway API", cell.gateway_api), *chosen]),
    )


def typed_commands(texts: Sequence[str]) -> Shown:
    """Commands as a reader types them."""
    return panel("What you would type", "".join(f"<pre>{_plain(text)}</pre>" for text in texts))


def what_ran(result: StepResult, *, earlier: bool = False) -> Shown:
    """Each command with what it printed, which says what it changed, and how long the waits were."""
    result = _redacted(result)
    parts: list[str] = []
    for command, moment in result.ran:
        took = f' <span class="dim">{summary.duration(moment.seconds)}</span>' if moment else ""
        first = command.partition("\n")[0].replace(" <<'EOF'", "")
        output = moment.output.strip() if moment else "not run"
        parts.append(f"<pre>$ {_plain(first)}{took}</pre>")
        parts.append(_output(output))
    waits = [moment for moment in result.moments if moment.kind == "wait"]
    parts += [f'<div class="dim">{_plain(m.label)}: {summary.duration(m.seconds)}</div>' for m in waits]
    parts.append(f'<div class="refuted">{_plain(result.error)}</div>' if result.error else "")
    parts.append(objects_table(result.changes))
    title = f"{result.section}: what it changed, in {summary.duration(result.seconds)}"
    return panel(title, "".join(parts), _found(result, earlier))


def _output(text: str) -> str:
    """What a command printed; much of it is folded."""
    lines = text.count("\n") + 1
    if not text:
        return ""
    body = f'<pre class="out">{_plain(text)}</pre>'
    return body if lines <= FOLDED_LINES else f"<details><summary>{lines} lines</summary>{body}</details>"


def pods_table(before: Sequence[Pod], after: Sequence[Pod]) -> Shown:
    """Pods with READY and their containers; what a section brought stands out."""
    head = "<tr><th>namespace</th><th>pod</th><th>READY</th><th>containers</th><th>restarts</th></tr>"
    table = panel("Pods", f"<table>{head}{pods_rows(before, after)}</table>")
    return replace(table, text=pods_text(before, after))


def path_picture(path: Path) -> Shown:
    """The way of a request, hop by hop."""
    return replace(panel(f"GET {path.host}/headers: {path.answer.response.status}", draw(path)), text=told(path))


def no_certificate(told: str) -> Shown:
    """What there is to say where the app was told of no client certificate."""
    return panel("X-Forwarded-Client-Cert", f'<div class="refuted">{_plain(told)}</div>')


def certificate_tables(certificate: Certificate) -> Shown:
    """The header field by field beside what it should say, then the certificate that it is about."""
    element = certificate.header.last
    values = {
        "By": ", ".join(element.by),
        "Hash": element.hash or "(absent)",
        "Subject": "(absent)" if element.name is None else f'"{element.name}"',
        "URI": ", ".join(element.uri),
    }
    meaning = {"By": "who was shown it", "Hash": "which certificate", "Subject": "its subject", "URI": "whose it is"}
    rows = "".join(
        f"<tr><td><b>{key}</b><br><span class=dim>{meaning[key]}</span></td><td><code>{_plain(values[key])}</code></td>"
        f"<td><code>{_plain(finding.expected.partition('=')[2])}</code></td>"
        f"{_mark('proven' if finding.holds else 'refuted')}</tr>"
        for key, finding in certificate.findings
    )
    head = "<tr><th>field</th><th>arrived at the app</th><th>expected from the cluster</th><th></th></tr>"
    held = _pairs(
        [
            ("subject", certificate.subject or "(empty, as Istio leaves it)"),
            ("URI names", ", ".join(certificate.uris)),
            ("valid from", f"{certificate.not_before:%Y-%m-%d %H:%M:%S} UTC"),
            ("valid until", f"{certificate.not_after:%Y-%m-%d %H:%M:%S} UTC"),
            ("SHA-256", certificate.sha256),
        ]
    )
    body = f"<pre>{_plain(certificate.text)}</pre>{_before(certificate.header)}<table>{head}{rows}</table>"
    return panel(
        f"X-Forwarded-Client-Cert, decoded from its {'JSON' if certificate.header.form == 'json' else 'text'} form",
        f"{body}<h4 style='margin-top:12px'>The certificate in the gateway</h4>{held}",
    )


def _before(header: Header) -> str:
    """What stands before the sidecar's element, which is the last one, and keys of it that Envoy does not write."""
    if not header.sole:
        unread = [header.unread.text] if header.unread else []
        texts = "".join(f"<pre>{_plain(text)}</pre>" for text in [*map(repr, header.elements[:-1]), *unread])
        before = f'<div class="refuted">{_plain(header.standing)}; only the last is its own, decoded below</div>{texts}'
    else:
        before = '<div class="dim">1 element, the sidecar\'s own</div>'
    others = ", ".join(f"{key}={value}" for key, value in header.last.other)
    return before + (f'<div class="dim">further keys: {_plain(others)}</div>' if others else "")


def claims_table(result: StepResult, *, earlier: bool = False) -> Shown:
    """Each claim with its status, what was expected and what was seen; nothing is green that was found earlier."""
    result = _redacted(result)
    rows = "".join(
        f"<tr>{_mark(check.status, earlier)}<td>{_plain(check.claim)}<br><code class=dim>{_plain(check.id)}</code></td>"
        f"<td>{_plain(check.expected)}</td><td>{_plain(check.observed)}"
        + (f"<br><span class=refuted>{_plain(check.reason)}</span>" if check.reason else "")
        + "</td></tr>"
        for check in result.checks
    )
    head = "<tr><th></th><th>claim</th><th>expected</th><th>observed</th></tr>"
    proven = summary.proven(result.checks)
    title = f"Claims: {proven} of {len(result.checks)} {'were ' * earlier}proven"
    return panel(title, f"<table>{head}{rows}</table>", _found(result, earlier))


def departures_list(result: StepResult) -> Shown:
    """Where the page's words do not hold here."""
    items = "".join(f"<li>{_plain(text)}</li>" for text in result.departures)
    return panel("Where this departs from the page", f"<ul>{items}</ul>" if items else "Nowhere.")


def proven_note(result: StepResult, *, earlier: bool = False) -> Shown:
    """One line that says so."""
    count, (one, many) = len(result.checks), ("was", "were") if earlier else ("is", "are")
    text = f"{result.section}: {f'its claim {one}' if count == 1 else f'all {count} claims {many}'} proven"
    return panel(text, _marked("proven", earlier), _found(result, earlier))


def timeline_picture(run: RunResult) -> Shown:
    """The timeline of all sections so far."""
    return panel("Where the time went", timeline.render(run))


def verdict_table(run: RunResult, *, earlier: bool = False) -> Shown:
    """Sections with their checks, how long they took and when they were found, and the verdict with its caveats."""
    run = redact_run(run)
    rows = "".join(
        f"<tr><td>{_plain(step.section)}</td><td>{summary.proven(step.checks)} of {len(step.checks)}</td>"
        f"<td>{summary.duration(step.seconds)}</td><td>{_when(step, run)}</td></tr>"
        for step in run.steps
    )
    head = "<tr><th>section</th><th>claims proven</th><th>took</th><th>found</th></tr>"
    caveats = "".join(f'<div class="skipped">{_plain(line)}</div>' for line in summary.caveats(run))
    took = sum(step.seconds for step in run.steps)
    total = f'<div class="dim">{summary.duration(took)} in all, the pauses between sections left out</div>'
    title = f"Verdict{' then' * earlier}: {run.verdict}"
    return panel(title, f"{caveats}<table>{head}{rows}</table>{total}", EARLIER if earlier else "")


def _when(step: StepResult, run: RunResult) -> str:
    if not step.seconds:
        return "not run"
    return summary.moment(step.ended) + (", before this run" if run.found_earlier(step) else "")


def _found(result: StepResult, earlier: bool) -> str:
    return f"found {summary.moment(result.ended)}" + (f"; {EARLIER}" if earlier else "")


def _redacted(result: StepResult) -> StepResult:
    return redact_run(RunResult({}, {}, result.started, (result,))).steps[0]


def _mark(status: Status, earlier: bool = False) -> str:
    return f"<td>{_marked(status, earlier)}</td>" if earlier else f'<td class="{status}">{MARKS[status]}</td>'


def _marked(status: Status, earlier: bool) -> str:
    """A status; one of an earlier run is dim and has no mark, so that nobody takes it for one of now."""
    return f'<span class="dim">was {status}</span>' if earlier else f'<span class="{status}">{MARKS[status]}</span>'


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    """Short names and values side by side, since a table of them would be longer than what it is about."""
    return "".join(
        f'<div class="fact"><span>{_plain(key)}</span>{_plain(value or "none")}</div>' for key, value in rows
    )


def _pairs(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{_plain(key)}</th><td>{_plain(value or '(none)')}</td></tr>" for key, value in rows)
    return f"<table>{cells}</table>"


def _plain(text: str) -> str:
    return escape(html.without_terminal_codes(text))
