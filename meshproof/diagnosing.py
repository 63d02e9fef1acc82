"""`meshproof diagnose`: from choices to a cluster that is read, and from a diagnosis to what is printed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from meshproof import yamls
from meshproof.choices import Choices
from meshproof.cluster import Record
from meshproof.diagnose import Diagnosis, diagnose, told
from meshproof.environment import STARTED_FOR, tool_environment
from meshproof.errors import BadInput
from meshproof.images import cached_tools
from meshproof.kube.api import Api
from meshproof.report.table import wants_colour
from meshproof.survey.existing import kubeconfigs


def run_diagnose(choices: Choices) -> int:
    """Diagnose and print; the exit code is the verdict's, in every format.

    Raises:
        BadInput: There is no such cluster, or no way of that host to follow.
        MachineCannot: The cluster cannot be reached.
    """
    kubeconfig, flags = _kubeconfig(choices)
    api = Api(kubeconfig, choices.context)
    asks = choices.ask == "1"
    if choices.format == "text":
        sends = f"a handful of GET requests for {choices.host} are sent" if asks else "no request is sent"
        print(f"cluster {api.server}, context {api.context}: read only; {sends}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="meshproof-diagnose-") as folder:
        found = diagnose(
            api,
            choices.host,
            env=_environment(kubeconfig, api.context, Path(folder)),
            ask=asks,
            skip=tuple(filter(None, choices.skip.split(","))),
            gateway=choices.gateway,
            kubectl=("kubectl", *flags),
        )
    print(_printed(found, choices.format))
    return found.exit_code


def _printed(found: Diagnosis, form: str) -> str:
    if form == "json":
        return found.to_json()
    return told.short(found) if form == "short" else told.text(found, colour=wants_colour(sys.stdout))


def _kubeconfig(choices: Choices) -> tuple[str, tuple[str, ...]]:
    """The kubeconfig that leads to the cluster, and what kubectl must be told to come there."""
    record = Record(choices.name)
    if not choices.existing and record.kubeconfig.exists():
        return str(record.kubeconfig), ("--kubeconfig", str(record.give_kubeconfig()))
    if not choices.existing and choices.name != Choices().name:
        raise BadInput(f"NAME={choices.name}: there is no cluster of that name; `meshproof clusters` lists them")
    given = ("--kubeconfig", choices.kubeconfig) if choices.kubeconfig else ()
    context = ("--context", choices.context) if choices.context else ()
    return kubeconfigs(choices), (*given, *context)


def _environment(kubeconfig: str, context: str, folder: Path) -> Mapping[str, str] | None:
    """The environment of a kubectl that reaches this context: the user's own, or else one of ours; None without any."""
    path = os.pathsep.join(filter(None, (os.environ.get("PATH", ""), str(cached_tools() or ""))))
    if shutil.which("kubectl", path=path) is None:
        return None
    first = folder / "context"  # the first of several kubeconfigs has the say of the context; no credential is copied
    first.write_text(yamls.dump({"kind": "Config", "current-context": context}))
    both = f"{first}{os.pathsep}{kubeconfig}"
    return tool_environment({"KUBECONFIG": both, "PATH": path, "TMPDIR": str(folder), STARTED_FOR: str(first)})
