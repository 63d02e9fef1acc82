"""Files from the internet: bounded in size and time, tried again where that may help, kept only with the right hash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from meshproof.errors import MachineCannot, NotReady
from meshproof.wait import Clock, wait_for

TRIES = 3
AGAIN_S = 2.0
SILENCE_S = 20.0
WHOLE_S = 900.0  # 60 MB by a slow line
LARGEST = 200 * 10**6


@dataclass(frozen=True)
class Attempt:
    """One attempt: what went wrong, empty where it did not, and whether trying again may help."""

    trouble: str = ""
    again: bool = False

    def __str__(self) -> str:
        return self.trouble or "it is here"


def download(
    what: str,
    address: str,
    sha256: str,
    place: Path,
    otherwise: str,
    *,
    largest: int = LARGEST,
    clock: Clock | None = None,
) -> None:
    """Have a file. Where it cannot be had nothing of it stays.

    Args:
        what: What it is, for messages.
        address: Where it is; proxies and certificates are those of the environment.
        sha256: Its hash.
        place: Where it goes; there is nothing yet.
        otherwise: What to do where it cannot be had.
        largest: How many bytes it may have.
        clock: Source of time and pauses; the real one by default.

    Raises:
        MachineCannot: It cannot be had; the message is one line.
    """
    clock = clock or Clock()
    until, tries, last = clock.now() + WHOLE_S, 0, Attempt()

    def attempt() -> Attempt:
        nonlocal tries, last
        tries += 1
        last = _fetch(address, sha256, place, largest, lambda: clock.now() > until)
        return last

    try:
        wait_for(
            attempt,
            lambda seen: not seen.trouble,
            what=what,
            timeout_s=WHOLE_S,
            every_s=AGAIN_S,
            failed=lambda seen: seen.trouble if seen.trouble and not (seen.again and tries < TRIES) else None,
            clock=clock,
        )
    except NotReady as error:
        tried = f" ({tries} times)" if tries > 1 else ""
        raise MachineCannot(f"{what} cannot be downloaded: {address} {last.trouble}{tried}; {otherwise}") from error
    finally:
        if last.trouble:
            place.unlink(missing_ok=True)


def _fetch(address: str, sha256: str, place: Path, largest: int, late: Callable[[], bool]) -> Attempt:
    digest, size = hashlib.sha256(), 0
    try:
        with (
            httpx.stream("GET", address, timeout=SILENCE_S, follow_redirects=True) as answer,
            place.open("wb") as file,
        ):
            if refused := _refused(answer):
                return refused
            for chunk in answer.iter_bytes():
                digest.update(chunk)
                size += len(chunk)
                if size > largest:
                    return Attempt(f"sends more than the {largest} bytes that it may have")
                if late():
                    return Attempt(f"has sent {size} bytes in {WHOLE_S:g} s, and not all")
                file.write(chunk)
    except httpx.TransportError as error:
        how = f"broke off after {size} bytes" if size else "does not answer"
        return Attempt(f"{how} ({type(error).__name__}: {error})", again=True)
    except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError) as error:  # all but the first: of a proxy's URL
        return Attempt(f"cannot be asked ({type(error).__name__}: {error})")
    except OSError as error:
        return Attempt(f"cannot be kept in {place.parent} ({error})")
    if digest.hexdigest() != sha256:
        return Attempt(
            f"sends another file than was released: its SHA-256 is {digest.hexdigest()}, expected {sha256}; "
            "it was deleted, since something on the way changes what is sent"
        )
    return Attempt()


def _refused(answer: httpx.Response) -> Attempt | None:
    """What is wrong with an answer before its content is read, if anything is."""
    if not answer.is_success:
        again = answer.is_server_error or answer.status_code in (httpx.codes.TOO_MANY_REQUESTS,)
        return Attempt(f"answers {answer.status_code} {answer.reason_phrase}", again=again)
    if answer.headers.get("content-type", "").startswith("text/html"):
        return Attempt("answers with a web page, as a proxy does that wants a login, and not with the file")
    return None
