"""What a step of the page is: commands, what must be ready after them, what is then claimed, and how it is undone."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from meshproof.checks.finding import Finding
from meshproof.cluster import Cluster
from meshproof.kube.kinds import Ref
from meshproof.path.link import Link

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")


@dataclass(frozen=True)
class Command:
    """One command as a reader types it; `text` is made from what runs, so that the two cannot differ.

    Attributes:
        argv: Program and arguments.
        stdin: Text that the reader gives as a here-document.
        save_as: File in the work folder that takes the command's output, or, without `argv`, `stdin`.
        unless: True when the cluster is already as the command would leave it; it is then not run.
        timeout_s: Seconds until it is ended.
    """

    argv: tuple[str, ...]
    stdin: str = ""
    save_as: str = ""
    unless: Callable[[Cluster], bool] | None = None
    timeout_s: float = 120.0

    @property
    def text(self) -> str:
        """The shell text."""
        line = " ".join(map(_typed, self.argv)) if self.argv else "cat"
        if self.save_as:
            line += f" > {shlex.quote(self.save_as)}"
        if not self.stdin:
            return line
        end = "EOF"
        while end in self.stdin.split("\n"):
            end += "_"
        body = self.stdin.removesuffix("\n")
        return f"{line} <<'{end}'\n{body}\n{end}"

    def run(self, cluster: Cluster) -> str:
        """Run it and return what it printed.

        Raises:
            CommandFailed: It failed.
        """
        if not self.argv:
            (cluster.work / self.save_as).write_text(self.stdin)
            return ""
        done = cluster.run(*self.argv, stdin=self.stdin, timeout_s=self.timeout_s)
        if self.save_as:
            (cluster.work / self.save_as).write_text(done.stdout)
        return done.stdout + done.stderr


def _typed(word: str) -> str:
    """A word of a command as it is typed: quoted where the shell needs it, a path from home on where it is below it."""
    home = f"{Path.home()}/"
    return f"~/{shlex.quote(word.removeprefix(home))}" if word.startswith(home) else shlex.quote(word)


@dataclass(frozen=True)
class Together:
    """Commands that do not depend on each other and run side by side."""

    commands: tuple[Command, ...]


@dataclass(frozen=True, eq=False)
class Claim:
    """What must be true: a sentence, the links to look at, and a pure judgement of what was seen of them.

    Attributes:
        links: By value: two claims that name the same one share what was seen.
        judge: Takes one argument for each link, in their order.
        until: Slug of the section that ends it on purpose; the way back does where it is empty.
    """

    id: str
    sentence: str
    links: tuple[Link[Any], ...]
    judge: Callable[..., Finding]
    until: str = ""


@dataclass(frozen=True, eq=False)
class Ready(Generic[T]):
    """A state to wait for before anything is claimed."""

    link: Link[T]
    judge: Callable[[T], Finding]
    timeout_s: float = 90.0


@dataclass(frozen=True, eq=False)
class Step:
    """A section of the page.

    Attributes:
        slug: Short name, used for the fixture, the notebook and the ids of its claims.
        section: The section's heading in our words.
        commands: What a reader types, in order.
        ready: What is waited for afterwards.
        then: What a reader types once it is ready.
        claims: What is then claimed.
        undo: Commands that take the cluster back.
        departures: Where the page's own words have no effect or are wrong, and what is done instead.
        prepare: What is noted down before the commands, for a later step to compare with.
        settle_timeout_s: Seconds in which the claims must come to hold, once the step is ready.
    """

    slug: str
    section: str
    commands: tuple[Command | Together, ...]
    ready: tuple[Ready[Any], ...]
    claims: tuple[Claim, ...]
    then: tuple[Command, ...] = ()
    undo: tuple[Command | Together, ...] = ()
    departures: tuple[str, ...] = ()
    prepare: Callable[[Cluster], None] | None = None
    settle_timeout_s: float = 30.0

    @property
    def documented(self) -> tuple[Command, ...]:
        """All commands one by one, in the order a reader types them."""
        return (*flatten(self.commands), *self.then)


def where(condition: object, *of_it: T) -> tuple[T, ...]:
    """Some commands or claims where a condition holds, none where it does not."""
    return of_it if condition else ()


def flatten(commands: Sequence[Command | Together]) -> tuple[Command, ...]:
    """Commands one by one, groups taken apart."""
    return tuple(
        command for entry in commands for command in (entry.commands if isinstance(entry, Together) else (entry,))
    )


def shell(*argv: str, stdin: str = "", unless: Callable[[Cluster], bool] | None = None) -> Command:
    """A command with its arguments, as the reader types it."""
    return Command(argv, stdin=stdin, unless=unless)


def delete(ref: Ref) -> Command:
    """`kubectl delete` of one object, which may be gone."""
    return shell("kubectl", "delete", *ref.typed, "--ignore-not-found")


def apply(text: str) -> Command:
    """`kubectl apply` of a manifest's text."""
    return Command(("kubectl", "apply", "-f", "-"), stdin=text)


def write(name: str, text: str) -> Command:
    """A file that the reader writes."""
    return Command((), stdin=text, save_as=name)


@overload
def claim(
    id_: str, sentence: str, links: tuple[Link[A]], judge: Callable[[A], Finding], *, until: str = ""
) -> Claim: ...
@overload
def claim(
    id_: str, sentence: str, links: tuple[Link[A], Link[B]], judge: Callable[[A, B], Finding], *, until: str = ""
) -> Claim: ...
@overload
def claim(
    id_: str,
    sentence: str,
    links: tuple[Link[A], Link[B], Link[C]],
    judge: Callable[[A, B, C], Finding],
    *,
    until: str = "",
) -> Claim: ...
@overload
def claim(
    id_: str,
    sentence: str,
    links: tuple[Link[A], Link[B], Link[C], Link[D]],
    judge: Callable[[A, B, C, D], Finding],
    *,
    until: str = "",
) -> Claim: ...
@overload
def claim(
    id_: str,
    sentence: str,
    links: tuple[Link[A], Link[B], Link[C], Link[D], Link[E]],
    judge: Callable[[A, B, C, D, E], Finding],
    *,
    until: str = "",
) -> Claim: ...
def claim(
    id_: str, sentence: str, links: tuple[Link[Any], ...], judge: Callable[..., Finding], *, until: str = ""
) -> Claim:
    """A claim whose judgement takes exactly what its links give."""
    return Claim(id_, sentence, links, judge, until)
