"""Assemble by hand: `python -m meshproof.images [auto|source|published]`."""

from __future__ import annotations

import sys
from dataclasses import asdict

from meshproof import yamls
from meshproof.engine import ensure_engine
from meshproof.errors import INTERRUPTED, MeshproofError
from meshproof.images import prepare
from meshproof.progress import Progress
from meshproof.releases import find_cell


def main() -> int:
    """Prepare the default cell, print its parts; the exit code."""
    progress = Progress()
    choice = sys.argv[1] if len(sys.argv) > 1 else "auto"
    try:
        parts = prepare(find_cell(), choice, lambda: ensure_engine(progress.say), progress)
    except MeshproofError as error:
        progress.say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        progress.say("interrupted; what was complete is kept, the next run goes on from there")
        return INTERRUPTED
    plain = {name: str(value) if name in ("tools", "bom") else value for name, value in asdict(parts).items()}
    sys.stdout.write(yamls.dump(plain))
    return 0


if __name__ == "__main__":
    sys.exit(main())
