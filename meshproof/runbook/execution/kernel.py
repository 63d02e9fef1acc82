"""The kernel that runs the notebooks, registered in this Python environment only."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from meshproof.carried import SET_UP
from meshproof.errors import BadInput
from meshproof.paths import state_dir
from meshproof.report.files import write_text

KERNEL = "meshproof"
# Run by each new kernel before any cell.
FIRST_LINE = "from meshproof.runbook.execution.placeholders import book, section, there"
JUPYTER_FOLDERS = ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR", "MPLCONFIGDIR")


def register_kernel() -> None:
    """Let Jupyter know a kernel of this name that runs this Python, and keep its files out of the user's folders.

    Raises:
        BadInput: The runbook's packages are not installed.
    """
    try:
        from ipykernel.kernelspec import get_kernel_dict  # part of the runbook's extra
    except ImportError as error:
        raise BadInput(f"the runbook needs packages that are not installed ({error}); {SET_UP}") from error
    # Its log has nothing for a reader: what goes wrong in a cell is shown in the cell.
    arguments = ["--log-level=CRITICAL", f"--IPKernelApp.exec_lines={FIRST_LINE}"]
    spec = {**get_kernel_dict(extra_arguments=arguments), "display_name": KERNEL}
    folder = Path(sys.prefix) / "share" / "jupyter" / "kernels" / KERNEL
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "kernel.json", json.dumps(spec, indent=1))
    home = state_dir() / "jupyter"
    for variable in JUPYTER_FOLDERS:
        folder = home / variable.removesuffix("DIR").strip("_").lower()
        folder.mkdir(parents=True, exist_ok=True)
        os.environ[variable] = str(folder)
