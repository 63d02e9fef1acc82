"""The rehearsal as a command: `python -m rehearsal [slow|faults] [WORD=VALUE ...]`, words as for `meshproof e2e`."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from meshproof.bring_up import cell_of
from meshproof.choices import Choices
from meshproof.cluster.node import Node
from meshproof.cluster.ours import LABEL
from meshproof.engine import Engine, ensure_engine
from meshproof.errors import BadInput, MeshproofError
from meshproof.images.mirror import MIRROR, Mirror
from meshproof.images.published import fetched_name
from meshproof.images.store import remove
from meshproof.paths import cache_dir
from meshproof.progress import Progress, clock_face
from meshproof.releases import RELEASES
from meshproof.run import Completed, run
from rehearsal.faults import FAULTS, Fault
from rehearsal.front import MEGABYTE, Behaviour, Front
from rehearsal.stock import Stock, serving, stock

PROOF, SLOW, SEED = "proof", "slow", "faults"
PROOFS = {PROOF: Behaviour(), SLOW: Behaviour(rate=8 * MEGABYTE)}
PORT = 5005  # the same each time: what was fetched from it is kept by its address
RUN_S = 1800.0


def main(argv: Sequence[str]) -> int:
    """Run the page with released names that are really pulled, or hold what a run says of each fault against it.

    Args:
        argv: Nothing, `slow`, or `faults` and names of some of them; and words of `meshproof e2e`.
    """
    words = [word for word in argv if "=" in word]
    asked, *names = [word for word in argv if "=" not in word] or [PROOF]
    try:
        choices = Choices.parse(dict(word.split("=", 1) for word in words), "e2e")
        chosen = _chosen(asked, names)
        progress = Progress()
        engine = ensure_engine(progress.say)
        goods = stock(cell_of(choices), progress)
        if asked in PROOFS:
            return _proof(PROOFS[asked], goods, engine, words)
        return max([_fault(fault, goods, engine, words, choices.name) for fault in chosen])
    except MeshproofError as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return error.exit_code


def _chosen(asked: str, names: Sequence[str]) -> Sequence[Fault]:
    """The faults that are named; all of them where none is.

    Raises:
        BadInput: There is none of that name, or something else is asked for.
    """
    if asked not in (*PROOFS, SEED) or (names and asked != SEED):
        raise BadInput(f"{' '.join((asked, *names))}: expected nothing, `slow`, `faults` or names of faults after it")
    known = {fault.name: fault for fault in FAULTS}
    if unknown := [name for name in names if name not in known]:
        raise BadInput(f"fault {unknown[0]}: is none; known: {', '.join(known)}")
    return [known[name] for name in names] or FAULTS


def _proof(behaviour: Behaviour, goods: Stock, engine: Engine, words: Sequence[str]) -> int:
    """The page; then what was pulled for it, as the mirror counted it."""
    with _mirror(goods, engine, behaviour) as front:
        began = time.monotonic()
        done = _run(goods, goods.cell, words)
        print(f"{clock_face(time.monotonic() - began)} in all; asked of the mirror:\n{front.log.table()}")
    pulled = {access.path for access in front.log.accesses if access.kind == "blobs" and access.size}
    if done.code == 0 and not pulled:
        print("rehearsal: nothing was pulled, so that nothing is shown", file=sys.stderr)
        return 1
    return done.code


def _fault(fault: Fault, goods: Stock, engine: Engine, words: Sequence[str], name: str) -> int:
    """A run that must fail: as it should, with the words that it should, and leaving nothing half made."""
    print(f"fault: {fault.name}")
    with tempfile.TemporaryDirectory() as folder, _mirror(goods, engine, fault.behaviour):
        cell = Path(folder, "releases.toml")
        cell.write_text(fault.spoil(goods.cell.read_text()))
        began = time.monotonic()
        done = _run(goods, cell, words)
        passed = clock_face(time.monotonic() - began)
    wrong = [] if done.code == fault.code else [f"exit code {done.code} instead of {fault.code}"]
    wrong += [] if re.search(fault.told, done.stdout) else [f"it does not say {fault.told!r}"]
    wrong += [f"{path.name} is left" for path in (cache_dir() / "images").glob(".unfinished-*")]
    nodes = engine.docker("ps", "--all", "--quiet", f"--filter=label={LABEL}={name}").stdout
    wrong += [f"cluster {name} is left"] if nodes else []
    print(f"  {'; '.join(wrong) or 'told by name, nothing left'}, {passed}\n")
    return int(bool(wrong))


def _run(goods: Stock, cell: Path, words: Sequence[str]) -> Completed:
    path = f"{goods.tools}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, MIRROR: f"http://127.0.0.1:{PORT}", RELEASES: str(cell), "PATH": path}
    argv = (sys.executable, "-m", "meshproof", "e2e", "IMAGES=published", *words)
    return run(*argv, env=env, timeout_s=RUN_S, check=False, on_line=print)


@contextmanager
def _mirror(goods: Stock, engine: Engine, behaviour: Behaviour) -> Generator[Front]:
    """The mirror, with nothing of an earlier rehearsal at hand that would be taken in place of what it has."""
    address = Node("", engine).host_address()
    _forget(goods, engine)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(goods.program, goods.storage, Path(folder, "registry.log")) as port,
        Front(("127.0.0.1", address), PORT, port, goods.files, behaviour) as front,
    ):
        try:
            yield front
        finally:
            _forget(goods, engine)


def _forget(goods: Stock, engine: Engine) -> None:
    """Drop what an earlier rehearsal has fetched; of a node image, the name too, so that its layers go."""
    mirror = Mirror(f"http://127.0.0.1:{PORT}")
    for form in goods.forms():
        remove(cache_dir() / "images" / fetched_name(mirror.applied(form)))
        engine.docker("image", "rm", mirror.image(form.node_image), check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
