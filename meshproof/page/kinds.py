"""What a block really is: a fence's language does not say it, and often there is none."""

from __future__ import annotations

import json
import re

from meshproof.page.block import Kind

_SHELL = frozenset({"sh", "bash", "shell", "zsh", "ksh"})
_YAML = frozenset({"yaml", "yml"})
_PLAIN = frozenset(
    {"", "console", "shell-session", "text", "txt", "plain", "plaintext", "output", "log", "json", "none"}
)
# Programs and words of the shell with which the commands of such pages begin; nothing else is taken for a command.
# fmt: off
_PROGRAMS = frozenset({
    "kubectl", "helm", "istioctl", "curl", "wget", "kind", "docker", "minikube", "git", "make", "jq", "yq",
    "openssl", "export", "cat", "echo", "cd", "mkdir", "rm", "cp", "mv", "sudo", "source", "set", "unset", "until",
    "while", "for", "if", "open", "grpcurl", "hey", "fortio", "aws", "gcloud", "az", "eksctl", "meshctl", "glooctl",
})
# fmt: on
_FIRST = re.compile(r"^[ \t]*(?:(?!#)\w+=\S*[ \t]+)*([\w.-]+)(?=[ \t\n]|$)", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*#.*$|^[ \t]*$", re.MULTILINE)
_OBJECT = (re.compile(r"^[ \t]*apiVersion:", re.MULTILINE), re.compile(r"^[ \t]*kind:", re.MULTILINE))
_PIECE = re.compile(r"^(?:spec|status|metadata|data|kind|apiVersion|rules):|^- |\A *[.…]", re.MULTILINE)
_HERE_DOCUMENT = re.compile(r"<<-?\s*['\"\\]?\w")
_PROMPT = re.compile(r"\A\s*\$ ")


def kind_of(language: str, text: str) -> Kind:
    """What a block is, by its text; its language decides only where the text does not."""
    if language in _SHELL:
        if _is_json(text):
            return "sample output"
        return "session" if _PROMPT.match(text) else _of_shell(text)
    if language in _YAML:
        if begins_as_command(text):
            return _of_shell(text)
        return "manifest" if _has_object(text) else "fragment" if _PIECE.search(text) else "values"
    if language in _PLAIN:
        if _PROMPT.match(text):
            return "session"
        return _of_shell(text) if begins_as_command(text) else "sample output"
    return "other"


def begins_as_command(text: str) -> bool:
    """Whether the first word that is no comment is a program's, or the shell's own."""
    first = _FIRST.match(_COMMENT.sub("", text[:2000]).lstrip("\n"))
    return bool(first) and first.group(1) in _PROGRAMS


def _of_shell(text: str) -> Kind:
    return "manifest in a command" if _HERE_DOCUMENT.search(text) and _has_object(text) else "command"


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _has_object(text: str) -> bool:
    return all(each.search(text) for each in _OBJECT)
