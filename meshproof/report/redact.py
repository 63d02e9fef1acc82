"""Takes secrets out of text and leaves the rest as it is: private keys, tokens, passwords, what Secrets hold.

Certificates are public and stay. Redacting twice is the same as redacting once.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace

from meshproof.report.secret_objects import REDACTED, without_secret_values
from meshproof.results import CheckResult, Moment, RunResult, StepResult

PASSES = 8


def redact(text: str) -> str:
    """The same text with `<redacted>` in the place of each secret."""
    for _ in range(PASSES):  # what is taken out may show that what is beside it was a secret as well
        before, text = text, _redact_once(text)
        if text == before:
            break
    return text


def _redact_once(text: str) -> str:
    text = without_secret_values(text)
    text = _PEM.sub(REDACTED, text)
    text = _BASE64_RUN.sub(_without_encoded_key, text)
    text = _JWT.sub(REDACTED, text)
    for pattern in (_BEARER, _AUTHORIZATION, _URL_PASSWORD):
        text = pattern.sub(rf"\g<lead>{REDACTED}", text)
    for pattern in (_NAMED, _OPTION, _ENVIRONMENT):
        text = pattern.sub(_without_value, text)
    return text


def redact_run(run: RunResult) -> RunResult:
    """A run with every text in it redacted; ids and slugs are this project's own and stay."""
    return replace(
        run,
        versions=_mapping(run.versions),
        choices=_mapping(run.choices),
        steps=tuple(_step(step) for step in run.steps),
    )


# A block whose end was cut off is taken out for as far as it looks like one.
_PEM = re.compile(
    r"-----BEGIN (?P<kind>[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----"
    r"(?:(?:(?!-----).)*-----END (?P=kind)-----|(?:(?:Proc-Type|DEK-Info): [^\n\\]*|[A-Za-z0-9+/=\s]|\\+[nrt])*)",
    re.DOTALL,
)
# One word of base64, with the lines that follow it where it was wrapped.
_BASE64_RUN = re.compile(
    r"[A-Za-z0-9+/]{20,}={0,2}(?:(?:\r?\n|\\+n)[ \t]*[A-Za-z0-9+/]+={0,2}(?=[\s\"'\\]|\Z))*",
)
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){2,4}")
_BEARER = re.compile(r"(?P<lead>\bbearer[ \t]+)[a-z0-9._~+/-]{16,}=*", re.IGNORECASE)
_AUTHORIZATION = re.compile(
    r"(?P<lead>\bauthorization\\*[\"']?[ \t]*[:=][ \t]*\\*[\"']?(?:basic|bearer|digest|negotiate|token)[ \t]+)"
    r"[^\s\"'\\]+",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(?P<lead>://[^/\s:@\"']*:)[^/\s@\"']+(?=@)")

_NAME = (
    r"(?:password|passwd|token|client-key-data|api[_-]?key|secret[_-]?key|private[_-]?key"
    r"|client[_-]?secret|accesstoken|refreshtoken|idtoken)"
)
# A scalar on the same line: in quotes, in the escaped quotes of JSON within JSON, or bare. Not `{`, `[` or a switch.
_VALUE = (
    r"(?P<value>\"(?:\\.|[^\"\\\n])+\"|'[^'\n]+'|\\+\"(?:(?!\\+\")[^\n])+\\+\""
    r"|(?!(?:true|false|null|none|nil)\b)[^\s\"'{}\[\]<>|&\\,][^\s\"',]*)"
)
_NAMED = re.compile(rf"(?P<lead>(?<![a-z0-9]){_NAME}\\*[\"']?[ \t]*[:=][ \t]*){_VALUE}", re.IGNORECASE)
_OPTION = re.compile(rf"(?P<lead>--(?:[a-z]+-)*{_NAME}[ \t]+){_VALUE}", re.IGNORECASE)
# An environment variable of a container: a name, then its value, as JSON or as YAML.
_ENVIRONMENT = re.compile(
    rf"(?P<lead>\bname\\*[\"']?:\s*\\*[\"']?\w*{_NAME}\\*[\"']?,?\s*\\*[\"']?value\\*[\"']?:[ \t]*){_VALUE}",
    re.IGNORECASE,
)


def _marks(word: bytes) -> tuple[str, ...]:
    """How a word reads inside base64, in each of the three ways it can lie there."""
    return tuple(
        base64.b64encode(bytes(lead) + word).decode()[-(-lead * 8 // 6) : (lead + len(word)) * 8 // 6]
        for lead in range(3)
    )


_KEY_MARKS = _marks(b" PRIVATE KEY-----")
_BREAKS = re.compile(r"\s|\\+n")


def _without_encoded_key(run: re.Match[str]) -> str:
    text = _BREAKS.sub("", run.group())
    return REDACTED if any(mark in text for mark in _KEY_MARKS) else run.group()


def _without_value(pair: re.Match[str]) -> str:
    value = pair["value"]
    quote = value[: len(value) - len(value.lstrip("\\")) + 1] if value[0] in "\"'\\" else ""
    return f"{pair['lead']}{quote}{REDACTED}{quote}"


def _mapping(texts: Mapping[str, str]) -> dict[str, str]:
    return {redact(name): redact(text) for name, text in texts.items()}


def _texts(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(redact(text) for text in texts)


def _step(step: StepResult) -> StepResult:
    return replace(
        step,
        section=redact(step.section),
        commands=_texts(step.commands),
        checks=tuple(_check(check) for check in step.checks),
        departures=_texts(step.departures),
        moments=tuple(_moment(moment) for moment in step.moments),
        error=redact(step.error),
    )


def _check(check: CheckResult) -> CheckResult:
    return replace(
        check,
        claim=redact(check.claim),
        expected=redact(check.expected),
        observed=redact(check.observed),
        reason=redact(check.reason),
    )


def _moment(moment: Moment) -> Moment:
    return replace(moment, label=redact(moment.label), output=redact(moment.output))
