"""Links of the way of a request: each one thing to look at in a cluster, equal by value, and what was seen of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar, cast

from meshproof.errors import Inconclusive, MeshproofError
from meshproof.kube.api import Api, NotFound
from meshproof.kube.kinds import Ref
from meshproof.path.access import GatewayAccess
from meshproof.path.ask import Sender
from meshproof.run import Completed

T = TypeVar("T")
When = Literal["start", "beside", "once", "each"]


class Site(Protocol):
    """Where links are read: a cluster."""

    @property
    def api(self) -> Api:
        """The API server."""
        ...

    @property
    def work(self) -> Path:
        """Folder in which a run keeps its files."""
        ...

    def gateway(self, gateway: Ref) -> GatewayAccess:
        """The way in through a gateway's pods."""
        ...

    def balanced(self, gateway: Ref) -> Sequence[Sender]:
        """The way in through its load balancer, for each of its pods."""
        ...

    def run(self, *argv: str, stdin: str = "") -> Completed:
        """Run a program of the cluster's tools."""
        ...


@dataclass(frozen=True)
class Link(Generic[T]):
    """One thing to look at, as a frozen snapshot.

    Two links are the same when they have the same words and are of the same thing: whoever asks, it is read once.

    Attributes:
        what: A noun phrase for messages.
        of: What it is about.
        read: Reads it.
        watch: API paths of the lists whose changes change it.
        when: `each` time claims are judged; `once`, when the step is ready; at its `start`, before its commands; or,
            where it depends on nothing that the step changes, `beside` the waiting.
        sends: Whether it sends requests, whose answers others that send at the same time would blur.
    """

    what: str
    of: Hashable
    read: Callable[[Site], T] = field(compare=False, repr=False)
    watch: tuple[str, ...] = field(default=(), compare=False)
    when: When = "each"
    sends: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Missing:
    """What was looked for and is not there."""

    why: str


@dataclass(frozen=True)
class NotSeen:
    """What could not be looked at; where it is `unclear`, it was, and does not decide."""

    why: str
    unclear: bool = False


@dataclass(frozen=True)
class Bug:
    """A bug of ours, met on the way: it says nothing of the cluster."""

    met: Exception


class Unseen(MeshproofError):
    """Links that were not seen; `unclear` as in `NotSeen`."""

    def __init__(self, told: str, *, unclear: bool) -> None:
        self.unclear = unclear
        super().__init__(told)


@dataclass(frozen=True)
class Seen:
    """What was seen of some links: of each its snapshot, `Missing`, `NotSeen` or a `Bug`."""

    found: Mapping[Link[Any], Any] = field(default_factory=dict[Link[Any], Any])

    def of(self, link: Link[T]) -> T | Missing | NotSeen | Bug:
        """What was seen of one link."""
        return self.found.get(link, NotSeen("not looked at"))

    def one(self, link: Link[T]) -> T:
        """The snapshot of one link; as `need`."""
        [found] = self.need([link])
        return cast(T, found)

    def __or__(self, later: Seen) -> Seen:
        return Seen({**self.found, **later.found})

    def need(self, links: Sequence[Link[Any]]) -> list[Any]:
        """The snapshots of these links, in their order.

        Raises:
            Unseen: Not all of them were seen.
            Exception: A bug of ours, met by one of them.
        """
        seen = [(link, self.of(link)) for link in links]
        for _, it in seen:
            if isinstance(it, Bug):
                raise it.met
        missing = [(link, it) for link, it in seen if isinstance(it, Missing | NotSeen)]
        if missing:
            unclear = any(isinstance(it, NotSeen) and it.unclear for _, it in missing)
            raise Unseen("; ".join(f"{link.what}: {it.why}" for link, it in missing), unclear=unclear)
        return [it for _, it in seen]


def look_at(links: Sequence[Link[Any]], site: Site, at_once: int = 1) -> Seen:
    """Read links, each once: those that send requests one after the other, and beside them all others.

    Args:
        links: The links.
        site: Where they are read.
        at_once: How many are read at the same time; of more than one, none may send requests.
    """
    once = list(dict.fromkeys(links))
    if at_once > 1:
        with ThreadPoolExecutor(at_once) as pool:
            return Seen(dict(zip(once, pool.map(_read, once, repeat(site)), strict=True)))
    asks, others = [link for link in once if link.sends], [link for link in once if not link.sends]
    if not asks or not others:
        return Seen({link: _read(link, site) for link in once})
    with ThreadPoolExecutor(1) as beside:
        answers = beside.submit(lambda: [(link, _read(link, site)) for link in asks])
        return Seen({**{link: _read(link, site) for link in others}, **dict(answers.result())})


def _read(link: Link[Any], site: Site) -> Any:
    try:
        return link.read(site)
    except NotFound as problem:
        return Missing(str(problem))
    except MeshproofError as problem:
        return NotSeen(str(problem), unclear=isinstance(problem, Inconclusive))
    except Exception as bug:
        return Bug(bug)
