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

OPTIONS = (
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.answer_yes=True",  # one Ctrl-C ends it
    "--ServerApp.log_level=WARN",
    # Nobody asked it to look for news and newer versions elsewhere.
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
)


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

    options = [*OPTIONS, f"--ServerApp.root_dir={folder}", *(["--allow-root"] if os.geteuid() == 0 else [])]
    server = cast(Any, LabApp).initialize_server(options)
    server.default_url = f"/lab/tree/{INDEX}"  # the extension sets its own while it is initialized
    server.start()
    return errors.PROVEN


def copies(paths: Iterable[Path], root: Path) -> Path:
    """Copy the notebooks into a new folder below `root` and return it."""
    folder = new_run_folder(root, "lab", latest=False)
    for path in paths:
        shutil.copyfile(path, folder / path.name)
    return folder
