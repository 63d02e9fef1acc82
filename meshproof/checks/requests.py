"""What the answers for a host must be.

They count only when the app itself gave them to our very requests, each on a connection made for it; absence of a
header counts only on such an answer. A claim about answers is a claim about every ready pod of the app.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from meshproof.checks.finding import Finding
from meshproof.errors import Refuted
from meshproof.formats import xfcc
from meshproof.formats.certificate import leaf_sha256, leaf_subject, subject_difference
from meshproof.formats.spiffe import SpiffeId
from meshproof.kube.workloads import Pod
from meshproof.path.ask import Answer, Answers


def is_ok(answers: Answers, app: Sequence[Pod]) -> Finding:
    """Status 200 from each pod of the app."""
    return each_pod(answers, app, lambda answer: Finding(answered(answer), "200 from the app", str(answer)))


def has_no_client_cert(answers: Answers, app: Sequence[Pod]) -> Finding:
    """Status 200 from each pod of the app, reached in plaintext: no TLS handshake, no X-Forwarded-Client-Cert."""
    return each_pod(answers, app, in_plaintext)


def in_plaintext(answer: Answer) -> Finding:
    """Status 200 from the app, reached without a TLS handshake, and it received no X-Forwarded-Client-Cert."""
    holds = answered(answer) and answer.response.xfcc is None and not answer.handshakes
    return Finding(holds, "200 from the app, no XFCC, no TLS handshake", _with_handshakes(answer))


def over_mtls(answer: Answer) -> Finding:
    """Status 200 from the app, reached with a TLS handshake, and it received X-Forwarded-Client-Cert."""
    holds = answered(answer) and answer.response.xfcc is not None and answer.handshakes == 1
    return Finding(holds, "200 from the app, XFCC, 1 TLS handshake", _with_handshakes(answer))


def takes_handshakes(answers: Answers, app: Sequence[Pod]) -> Finding:
    """Envoy counted a TLS handshake for each new connection."""

    def judge(answer: Answer) -> Finding:
        holds = answered(answer) and answer.handshakes == 1
        return Finding(holds, "200 from the app, 1 TLS handshake", _with_handshakes(answer))

    return each_pod(answers, app, judge)


def names_server(answers: Answers, app: Sequence[Pod], trust_domain: str) -> Finding:
    """XFCC's By is the identity of the app's pods."""
    expected = f"By={_identity(app, trust_domain)}"
    return _told_by_header(answers, app, expected, lambda element: f"By={', '.join(element.by) or '(absent)'}")


def names_client(answers: Answers, app: Sequence[Pod], client: Sequence[Pod], trust_domain: str) -> Finding:
    """XFCC's URI is the identity of the gateway's pods."""
    expected = f"URI={_identity(client, trust_domain)}"
    return _told_by_header(answers, app, expected, lambda element: f"URI={', '.join(element.uri) or '(absent)'}")


def hashes_certificate(answers: Answers, app: Sequence[Pod], chains: Mapping[str, str]) -> Finding:
    """XFCC's Hash is SHA-256 of the certificate that the gateway's pod holds; chains are by that pod."""

    def judge(header: xfcc.Header, chain: str) -> Finding:
        expected, seen = f"Hash={leaf_sha256(chain)}", f"Hash={header.last.hash or '(absent)'}"
        return Finding(seen == expected, expected, seen)

    return _by_certificate(answers, app, chains, judge)


def names_subject(answers: Answers, app: Sequence[Pod], chains: Mapping[str, str]) -> Finding:
    """XFCC's Subject is the name of that certificate, however spelt; Istio's is empty."""

    def judge(header: xfcc.Header, chain: str) -> Finding:
        expected, name = f'Subject="{leaf_subject(chain)}"', header.last.name
        if name is None:
            return Finding(False, expected, "(absent)")
        differs = subject_difference(name, chain)
        return Finding(differs is None, expected, f'Subject="{name}"{f": {differs}" if differs else ""}')

    return _by_certificate(answers, app, chains, judge)


def is_sole(answers: Answers, app: Sequence[Pod]) -> Finding:
    """Nothing stands before the sidecar's own element, which is the last one."""
    return _by_header(answers, app, "1 element", lambda header: Finding(header.sole, "1 element", header.standing))


def drops_forged(answers: Answers, app: Sequence[Pod], forged: str) -> Finding:
    """A forged header did not reach the app: one element, and none of its values is the forger's."""
    return each_pod(answers, app, lambda answer: _drops_forged(answer, forged))


def _drops_forged(answer: Answer, forged: str) -> Finding:
    expected = "one element, nothing of the forged one"
    header = answer.response.xfcc
    if not answered(answer):
        return Finding(False, expected, str(answer))
    if header is None:
        return Finding(False, expected, f"{answer}: it is dropped, but without mutual TLS nothing stands in its place")
    arrived = xfcc.parse(header).elements
    lies, told = _told(xfcc.parse(forged).elements), _told(arrived)
    return Finding(len(arrived) == 1 and not lies & told, expected, str(answer))


def keeps_client_cert(answers: Answers, app: Sequence[Pod], client: Sequence[Pod], trust_domain: str) -> Finding:
    """Both identities are still in XFCC, on an answer of 200."""
    parts = (
        is_ok(answers, app),
        names_server(answers, app, trust_domain),
        names_client(answers, app, client, trust_domain),
    )
    return Finding(
        all(part.holds for part in parts),
        "; ".join(part.expected for part in parts),
        "; ".join(part.observed for part in parts),
    )


def not_routed(*hosts: Answers) -> Finding:
    """The gateway itself answers 404 for each host: it has no route for it."""
    each = [answer for answers in hosts for answer in answers.each]
    holds = bool(each) and all(answer.response.status == 404 and not answer.endpoint for answer in each)
    return Finding(holds, "404 by the gateway itself", "; ".join(map(str, each)))


def each_pod(answers: Answers, app: Sequence[Pod], judge: Callable[[Answer], Finding]) -> Finding:
    """A judgement of each answer that holds when all do and each ready pod has answered, through each gateway's pod.

    Of several, those that are not as expected are told first, then how many are.
    """
    ready = {pod.ip: pod.name for pod in app if pod.living and pod.all_ready}
    reached = {(answer.gateway, answer.way, answer.host) for answer in answers.each}
    silent = [
        f"{name} ({ip}){_through(answers, *way)}"
        for way in answers.ways
        for ip, name in ready.items()
        if (*way, ip) not in reached
    ]
    silent += [
        f"{endpoint}{_through(answers, *way)}" for *way, endpoint in answers.missing if _host(endpoint) not in ready
    ]
    if not ready:
        return Finding(False, "an answer of each ready pod of the app", "no pod of the app is ready")
    known = {pod.ip for pod in app}
    strange = [each.endpoint for each in answers.each if each.endpoint and each.host not in known]
    finding = each_answer(answers, judge, ready)
    many = f", from each of {len(ready)} pods" if len(ready) > 1 else ""
    many += f", by each of {len(answers.ways)} ways into the gateway" if len(answers.ways) > 1 else ""
    told = f"{finding.observed}; no answer on a new connection from {', '.join(silent)}" if silent else finding.observed
    told += f"; answered by {', '.join(strange)}, which is no pod of the app" if strange else ""
    return Finding(finding.holds and not silent and not strange, finding.expected + many, told)


def each_answer(
    answers: Answers, judge: Callable[[Answer], Finding], names: Mapping[str, str] | None = None
) -> Finding:
    """A judgement of each answer, whoever gave it, that holds when there is one and all do; `names` by address."""
    findings = [(answer, judge(answer)) for answer in answers.each]
    if answers.strays:
        expected = findings[0][1].expected if findings else "an answer"
        seen = "; ".join(dict.fromkeys(finding.observed for _, finding in findings))
        led = f"the gateway may send requests for {answers.ask.host} to {', '.join(answers.strays)} as well"
        return Finding(False, f"{expected}, always through {answers.ask.to}…", f"{seen}; {led}")
    if len(findings) == 1:
        return findings[0][1]
    wrong = [(answer, finding) for answer, finding in findings if not finding.holds]
    told = [
        f"{(names or {}).get(answer.host, answer.endpoint)}{_through(answers, answer.gateway, answer.way)}: "
        f"{finding.observed}"
        for answer, finding in wrong or findings[:1]
    ]
    told.append(f"{len(findings) - len(wrong)} of {len(findings)} as expected")
    expected = findings[0][1].expected if findings else "an answer"
    return Finding(bool(findings) and not wrong, expected, "; ".join(told))


def _through(answers: Answers, gateway: str, way: str) -> str:
    """Which way an answer came, where there are several."""
    by = f" by load balancer {way}" if way else ""
    return f" through {gateway}{by}" if len(answers.ways) > 1 else ""


def answered(answer: Answer) -> bool:
    """Whether the app answered our very request with 200."""
    response = answer.response
    return response.status == 200 and response.received is not None and answer.marked and bool(answer.endpoint)


def header_of(answer: Answer) -> xfcc.Header:
    """The client certificate header that the app received; its last element is that of the hop into the app.

    Raises:
        Refuted: There is no header, or its last element cannot be read.
    """
    if answer.response.xfcc is None:
        raise Refuted(str(answer))
    return xfcc.nearest(answer.response.xfcc)


def _told_by_header(
    answers: Answers, app: Sequence[Pod], expected: str, told: Callable[[xfcc.Element], str]
) -> Finding:
    """Whether the header's last element says what is expected."""

    def judge(header: xfcc.Header) -> Finding:
        seen = told(header.last)
        return Finding(seen == expected, expected, seen)

    return _by_header(answers, app, expected, judge)


def _by_certificate(
    answers: Answers, app: Sequence[Pod], chains: Mapping[str, str], judge: Callable[[xfcc.Header, str], Finding]
) -> Finding:
    """A judgement of each header beside the certificate of the gateway's pod that its request went through."""

    def judge_answer(answer: Answer) -> Finding:
        chain = chains.get(answer.gateway)
        if chain is None:
            return Finding(False, "the certificate of the gateway's pod", f"none of {answer.gateway or 'no pod'}")
        return _of_header(answer, "X-Forwarded-Client-Cert", lambda header: judge(header, chain))

    return each_pod(answers, app, judge_answer)


def _by_header(answers: Answers, app: Sequence[Pod], expected: str, judge: Callable[[xfcc.Header], Finding]) -> Finding:
    """A judgement of each header."""
    return each_pod(answers, app, lambda answer: _of_header(answer, expected, judge))


def _of_header(answer: Answer, expected: str, judge: Callable[[xfcc.Header], Finding]) -> Finding:
    """A judgement of a header; where there is none that can be read, the answer is what was seen."""
    if not answered(answer):
        return Finding(False, expected, str(answer))
    try:
        return judge(header_of(answer))
    except Refuted as problem:
        return Finding(False, expected, str(problem))


def _with_handshakes(answer: Answer) -> str:
    return f"{answer}, {answer.handshakes} TLS handshake{'' if answer.handshakes == 1 else 's'} for its connection"


def _host(endpoint: str) -> str:
    return endpoint.rpartition(":")[0]


def _told(elements: Sequence[xfcc.Element]) -> set[str | None]:
    return {value for e in elements for value in (*e.by, *e.uri, *e.dns, e.hash, e.subject)}


def _identity(pods: Sequence[Pod], trust_domain: str) -> SpiffeId:
    accounts = {(pod.namespace, pod.service_account) for pod in pods if pod.living}
    if len(accounts) != 1:
        raise Refuted(f"identity: expected pods of one service account, found {sorted(accounts) or 'no pod'}")
    namespace, account = accounts.pop()
    return SpiffeId(trust_domain, namespace, account)
