"""Every error that meshproof raises on purpose.

    MeshproofError             exit 1: the base of all
    ├── BadInput               exit 2: a choice, a file or a combination that cannot be used; nothing was changed
    │   ├── UnreadablePage     exit 2: a page whose markup leaves open what its blocks are (meshproof.page.remark)
    │   └── IncludesItself     exit 2: a text that is part of itself (meshproof.page.includes)
    ├── MachineCannot          exit 3: this machine lacks something that the run needs
    │   ├── CommandFailed      exit 3: a program that should have succeeded did not
    │   └── ClusterGone        exit 3: a cluster that was there does not answer any more
    ├── NotReady               exit 1: a state did not come in time; the last state seen is in the message
    │   ├── Inconclusive       exit 1: what was seen does not decide; it refutes nothing and proves nothing
    │   └── Elsewhere          exit 1: a cluster is not where a section of the page starts (meshproof.proof.position)
    ├── NotFound               exit 1: the API server knows no such object or kind (meshproof.kube.api)
    ├── Unseen                 exit 1: what a claim needs was not seen (meshproof.path.link)
    ├── Malformed              exit 1: an object of the API is not of the form that its kind has (meshproof.kube.raw)
    └── Refuted                exit 1: what was claimed is false
        ├── MalformedXfcc      exit 1: an x-forwarded-client-cert header that is none (meshproof.formats.xfcc)
        ├── EmptyXfcc          exit 1: such a header with nothing in it (meshproof.formats.xfcc)
        ├── NotARelease        exit 1: a Secret that holds no release of Helm's (meshproof.formats.helm)
        ├── MalformedSpiffeId  exit 1: an identity that is none (meshproof.formats.spiffe)
        └── NotACertificate    exit 1: a text that holds no certificate (meshproof.formats.certificate)

The message names the object, what was expected, what was seen and what to do next; its first line says enough alone.
"""

from __future__ import annotations

import shlex
from pathlib import PurePath
from textwrap import shorten

HEAD_WIDTH = 80
LAST_WORD_WIDTH = 200

PROVEN = 0
REFUTED = 1
BAD_INPUT = 2
MACHINE_CANNOT = 3
INTERRUPTED = 130


class MeshproofError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line returns for it."""

    exit_code = REFUTED

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback: IPython asks for it by this name."""
        return [f"{type(self).__name__}: {self}"]


class BadInput(MeshproofError):
    """A choice, file or combination that cannot be used. Nothing was changed."""

    exit_code = BAD_INPUT


class MachineCannot(MeshproofError):
    """This machine lacks something that the run needs; the message says what, and the remedy."""

    exit_code = MACHINE_CANNOT


class CommandFailed(MachineCannot):
    """A program failed.

    The message begins with the command in short, its exit code and its last word, a line that says "error" before
    others; below are the command, ready to paste, and its output.
    """

    def __init__(self, command: str, code: int, stdout: str, stderr: str, note: str = "") -> None:
        self.command = command
        self.code = code
        self.stdout = stdout
        self.stderr = stderr
        program, *arguments = shlex.split(command)
        head = shorten(shlex.join((PurePath(program).name, *arguments)), HEAD_WIDTH, placeholder=" …")
        said = (stderr.strip() or stdout.strip()).splitlines()
        errors = [line for line in said if line.lower().startswith("error")]
        last_word = [shorten(line, LAST_WORD_WIDTH, placeholder=" …") for line in (errors or said)[-1:]]
        parts = [": ".join((head, f"exit code {code}{note}", *last_word)), f"  {command}"]
        parts += [
            f"  {name}: {text.rstrip()}" for name, text in (("stdout", stdout), ("stderr", stderr)) if text.strip()
        ]
        super().__init__("\n".join(parts))


class ClusterGone(MachineCannot):
    """A cluster that a run or a notebook works on does not answer, or not any more."""


class NotReady(MeshproofError):
    """A state did not come before its deadline."""


class Inconclusive(NotReady):
    """What was seen does not decide: other traffic hides it, say. A claim that needs it is skipped."""


class Refuted(MeshproofError):
    """A claim is false; the message gives the claim, what was expected and what was seen."""
