"""`make lab`: JupyterLab on the index, over copies of the notebooks, so that those of the checkout keep no outputs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from meshproof import errors
from meshproof.paths import artifacts_dir
from meshproof.report.artifacts import new_run_folder
from meshproof.runbook.kernel import INDEX, notebook_paths, register_kernel


def lab() -> int:
    """Run JupyterLab until it is ended; only this machine can reach it.

    Raises:
        BadInput: The notebooks or the runbook's packages are missing.
        MachineCannot: The copies cannot be written.
    """
    paths = notebook_paths()
    register_kernel()
    folder = copies(paths, artifacts_dir())
    print(f"The notebooks are open as copies in {folder}: what you run and change stays there.", flush=True)
    from jupyterlab.labapp import LabApp  # pyright: ignore[reportMissingTypeStubs]

    options = ["--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={folder}", "--ServerApp.answer_yes=True"]
    server = cast(Any, LabApp).initialize_server([*options, *(["--allow-root"] if os.geteuid() == 0 else [])])
    server.default_url = f"/lab/tree/{INDEX}"  # the extension sets its own while it is initialized
    server.start()
    return errors.PROVEN


def copies(paths: Iterable[Path], root: Path) -> Path:
    """Copy the notebooks into a new folder below `root` and return it."""
    folder = new_run_folder(root, "lab", latest=False)
    for path in paths:
        shutil.copyfile(path, folder / path.name)
    return folder
