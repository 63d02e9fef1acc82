"""Finds secrets in any text by their form, by their name or by what they decode to, and takes them out.

Certificates, hashes, ids and names of Secrets are public and stay. No secret scanner is used: they say on which line
something is that may be one, here it must be cut out to its end, in texts that are cut off, wrapped or escaped.
"""

from __future__ import annotations

import base64
import re
from binascii import unhexlify
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from meshproof.report.secret_objects import REDACTED, without_secret_values

DEPTH = 4


def without_secrets(text: str, depth: int = DEPTH) -> str:
    """The same text with `<redacted>` in the place of each secret, as far as one look at it tells.

    Args:
        text: Anything.
        depth: How many encodings within one another are looked into.
    """
    text = without_secret_values(text)
    text = _PEM.sub(REDACTED, text)
    text = _ENCODED.sub(lambda word: REDACTED if _hides_secret(word.group().encode(), depth) else word.group(), text)
    text = _FORM.sub(REDACTED, text)
    text = _DOCKER_AUTH.sub(lambda pair: _without_value(pair) if _is_login(pair["value"]) else pair.group(), text)
    for pattern in (_BEARER, _AUTHORIZATION, _COOKIE, _URL_PASSWORD):
        text = pattern.sub(rf"\g<lead>{REDACTED}", text)
    for pattern in (_NAMED, _SPOKEN, _OPTION, _ENVIRONMENT, _JWK):
        text = pattern.sub(_without_value, text)
    return text


# What is known by its form.

# A block whose end was cut off is taken out for as far as it looks like one.
_PEM = re.compile(
    r"-----BEGIN (?P<kind>[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----"
    r"(?:(?:(?!-----).)*-----END (?P=kind)-----|(?:(?:Proc-Type|DEK-Info): [^\n\\]*|[A-Za-z0-9+/=\s]|\\+[nrt])*)",
    re.DOTALL,
)
# Tokens of JWT, AWS with the secret that follows its id, GitHub, Slack, Google, and age's keys.
_FORM = re.compile(
    r"eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){2,4}"
    r"|(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))(?:"
    r"A(?:KIA|SIA)[A-Z0-9]{16}(?![A-Za-z0-9])(?:[\s,;:|\"'\\]{1,5}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+]))?"
    r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,}|xox[a-z]-[A-Za-z0-9-]{10,}"
    r"|AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])|AGE-SECRET-KEY-[A-Za-z0-9-]{20,})"
)
_BEARER = re.compile(r"(?P<lead>\bbearer[ \t]+)[a-z0-9._~+/-]{16,}=*", re.IGNORECASE)
# Between a header and its value: as it is sent, in Envoy's log, in JSON, in httpbin's lists.
_OPENS = r"\\*[\"']?[ \t]*[:=,][ \t]*(?:\[\s*)?\\*[\"']?"
_AUTHORIZATION = re.compile(
    rf"(?P<lead>\bauthorization{_OPENS}(?:basic|bearer|digest|negotiate|token)[ \t]+)[^\s\"'\\]+", re.IGNORECASE
)
_COOKIE = re.compile(rf"(?P<lead>\b(?:set-)?cookie{_OPENS})[^\s\"'\\{{}}=;,<]+=[^\n\"'\\]*", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?P<lead>://[^/\s:@\"']*:)[^/\s@\"']+(?=@)")

# What is known by its name.

_NAME = (
    r"(?:(?<![a-z0-9])(?:pass(?:word|wd|phrase)|secret|token|client-key-data|\.?dockerc(?:onfigjson|fg)"
    r"|(?:api|secret|private|secret[_-]?access|access|signing|encryption|account|shared|session|master)[_-]?key"
    r"|(?:client|shared|signing|session|webhook)secret|(?:access|refresh|id|auth|session)token)"
    r"|(?<=[_-])(?:pass|pwd)"
    r"|(?-i:(?<![A-Za-z0-9_])(?![A-Z0-9_]*PUBLIC)[A-Z][A-Z0-9_]*(?:PASS|PASSWORD|SECRET|TOKEN|_KEY)))"
)
# A scalar on the same line: in quotes, in the escaped quotes of JSON within JSON, or bare. Not `{`, `[`, a switch, or
# the path of a file.
_VALUE = (
    r"(?!\\*[\"']?/[a-z0-9._-]+/[a-z0-9._/-]+(?:[\s\"'\\,]|\Z))"
    r"(?P<value>\"(?:\\.|[^\"\\\n])+\"|'[^'\n]+'|\\+\"(?:(?!\\+\")[^\n])+\\+\""
    r"|(?!(?:true|false|null|none|nil)\b)[^\s\"'{}\[\]<>|&\\,][^\s\"',]*)"
)
_NAMED = re.compile(rf"(?P<lead>{_NAME}\\*[\"']?[ \t]*[:=][ \t]*(?:\[\s*)?){_VALUE}", re.IGNORECASE)
# As in a netrc file or a log; words of ordinary prose after it stay.
_SPOKEN = re.compile(
    r"(?P<lead>(?<![a-z0-9])pass(?:word|wd|phrase)[ \t]+)"
    r"(?!(?:a|an|and|are|as|at|auth\w*|be|by|can|cannot|credentials?|does|expired|field|file|for|from|has|hash\w*|if|in|"
    rf"incorrect|invalid|is|may|missing|must|not|of|on|or|policy|required|should|the|to|was|when|with|wrong)\b){_VALUE}",
    re.IGNORECASE,
)
_OPTION = re.compile(rf"(?P<lead>--(?:[a-z]+-)*{_NAME}[ \t]+){_VALUE}", re.IGNORECASE)
# An environment variable of a container: a name, then its value, as JSON or as YAML.
_ENVIRONMENT = re.compile(
    rf"(?P<lead>\bname\\*[\"']?:\s*\\*[\"']?[\w.-]*{_NAME}\\*[\"']?,?\s*\\*[\"']?value\\*[\"']?:[ \t]*){_VALUE}",
    re.IGNORECASE,
)
# The private members of a JSON web key; names of Kubernetes have no capitals.
_JWK = re.compile(
    r"(?P<lead>(?<![\w-])(?:dp?|dq|p|qi?|k)\\*[\"']?[ \t]*:[ \t]*)"
    r"(?P<value>(?P<quote>\\*[\"']|)(?=[a-z0-9_-]*[A-Z])[A-Za-z0-9_-]{22,}(?P=quote)(?=[\s,}\\]|\Z))"
)
_DOCKER_AUTH = re.compile(
    r"(?P<lead>\bauth\\*[\"']?[ \t]*:[ \t]*)(?P<value>(?P<quote>\\*[\"']|)[A-Za-z0-9+/=_-]{4,}(?P=quote))"
)


def _without_value(pair: re.Match[str]) -> str:
    value = pair["value"]
    quote = value[: len(value) - len(value.lstrip("\\")) + 1] if value[0] in "\"'\\" else ""
    return f"{pair['lead']}{quote}{REDACTED}{quote}"


def _is_login(value: str) -> bool:
    """Whether it is `user:password` in base64, as Docker keeps it."""
    word = value.strip("\\\"'").encode()
    return any(data.isascii() and b":" in data[1:-1] for data in _readings(word))


# What is known by what it decodes to.

# One word of base64, in hex or URL-encoded, with the lines that follow it where it was wrapped, in a log or elsewhere.
_LOG_TIME = r"(?:\d{4}-\d\d-\d\dT[\d:.]+Z )?"
_ENCODED = re.compile(
    r"(?<![A-Za-z0-9+/_%-])[A-Za-z0-9+/_%-]{20,}={0,2}"
    rf"(?:(?:\r?\n|(?:\\+r)?\\+n)[ \t]*{_LOG_TIME}[A-Za-z0-9+/_%-]+={{0,2}}(?=[\s\"'\\]|\Z))*"
)
_BREAKS = re.compile(rb"(?:\s|\\+[nr])+(?:\d{4}-\d\d-\d\dT[\d:.]+Z )?|=")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_OTHERS = re.sub(rb"[A-Za-z0-9+/_-]", b"", bytes(range(256)))
_SHORTEST = 40
_HEX = re.compile(rb"[0-9A-Fa-f]{%d,}" % _SHORTEST)

_LENGTH = rb"(?:[\x00-\x80]|\x81.|\x82..|\x83...)"
_KEY = re.compile(
    rb"PRIVATE[ +]KEY(?: BLOCK)?-----|openssh-key-v1\x00"
    # PKCS#1 and its like for DSA; SEC1.
    rb"|\x30%(len)b\x02\x01[\x00\x01](?:\x02(?:\x81.|\x82..)|\x04[\x10-\x48])"
    # PKCS#8 by the algorithms of keys (RFC 5958), which are not those of signatures: an old certificate begins alike.
    rb"|\x30%(len)b\x02\x01[\x00\x01]\x30%(len)b\x06"
    rb"(?:\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01[\x01\x0a]|\x07\x2a\x86\x48\xce(?:\x3d\x02|\x38\x04)\x01|\x03\x2b\x65.\x04)"
    # PKCS#8 under a password, PKCS#12.
    rb"|\x30%(len)b\x30%(len)b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05"
    rb"|\x30%(len)b\x02\x01\x03\x30%(len)b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07" % {b"len": _LENGTH},
    re.DOTALL,
)


def _hides_secret(word: bytes, depth: int) -> bool:
    """Whether a word decodes to a private key, whole or cut off, or to a text that has a secret in it."""
    return len(word) >= _SHORTEST and any(_KEY.search(data) or _is_secret(data, depth - 1) for data in _readings(word))


def _is_secret(data: bytes, depth: int) -> bool:
    text = data.decode("ascii", "ignore")  # the last letters may be those of a word on the next line
    return depth > 0 and len(text) > 0.9 * len(data) and without_secrets(text, depth) != text


def _readings(word: bytes) -> Iterator[bytes]:
    """What a word may stand for: URL-encoded, and in hex or base64 from wherever in it that begins."""
    word = _BREAKS.sub(b"", word)
    if b"%" in word:
        word = unquote_to_bytes(word)
        yield word
        word = _BREAKS.sub(b"", word)
    for digits in _HEX.findall(word):
        yield from (unhexlify(digits[lead : lead + (len(digits) - lead) // 2 * 2]) for lead in range(2))
    word = word.translate(_URL_SAFE, _OTHERS)
    yield from (base64.b64decode(word[lead : lead + (len(word) - lead) // 4 * 4]) for lead in range(4))
