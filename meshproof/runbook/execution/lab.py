"""`make lab`: JupyterLab on the index, over copies of the notebooks, so that those of the checkout keep no outputs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from meshproof import errors
from meshproof.paths import artifacts_dir
from meshproof.report.files import write_text
from meshproof.report.run_folder import new_run_folder
from meshproof.runbook.execution.kernel import register_kernel
from meshproof.runbook.notebooks import INDEX, notebook_paths

OPTIONS = (
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.answer_yes=True",  # one Ctrl-C ends it
    "--Application.log_level=ERROR",  # the address is told nevertheless
    "--LabApp.extension_manager=readonly",
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

    without_news(Path(os.environ["JUPYTER_CONFIG_DIR"]))  # ours, see `register_kernel`
    # Tabs of an earlier lab would open again, and start a kernel each.
    own = [f"--ServerApp.root_dir={folder}", f"--LabApp.workspaces_dir={folder / '.workspaces'}"]
    options = [*OPTIONS, *own, *(["--allow-root"] if os.geteuid() == 0 else [])]
    server = cast(Any, LabApp).initialize_server(options)
    server.default_url = f"/lab/tree/{INDEX}"  # the extension sets its own while it is initialized
    server.start()
    return errors.PROVEN


def copies(paths: Iterable[Path], root: Path) -> Path:
    """Copy the notebooks into a new folder below `root` and return it."""
    folder = new_run_folder(root, "lab")
    for path in paths:
        shutil.copyfile(path, folder / path.name)
    return folder


def without_news(config: Path) -> None:
    """Keep JupyterLab from looking elsewhere for news and newer versions, and from asking whether it may."""
    folder = config / "labconfig"
    folder.mkdir(exist_ok=True)
    page = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    write_text(folder / "page_config.json", json.dumps(page))
