"""pytest-kind's KindCluster, wrapped where it falls short: errors with kind's output, our tools, our engine."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path

import pytest_kind  # pyright: ignore[reportMissingTypeStubs]

from meshproof.engine.install import program
from meshproof.environment import tool_environment
from meshproof.errors import CommandFailed, MachineCannot
from meshproof.inotify import REMEDY, SYMPTOM
from meshproof.run import run

CREATE_TIMEOUT_S = 240.0
DELETE_TIMEOUT_S = 60.0
LOAD_TIMEOUT_S = 120.0
LOOK_TIMEOUT_S = 20.0


class KindCluster(pytest_kind.KindCluster):
    """A kind cluster.

    Args:
        name: The cluster's name.
        kubeconfig: Where its kubeconfig goes.
        image: The node image.
        tools: Folder with `kind` and `kubectl`, so that nothing is downloaded.
        env: What a client needs to talk to the engine; see `Engine.env`.
    """

    def __init__(self, name: str, kubeconfig: Path, image: str, tools: Path, env: Mapping[str, str]) -> None:
        # Not the base class's own: it makes a folder for downloads below the current one, which is the user's.
        self.name = name
        self.image = image
        self.kubeconfig_path = kubeconfig
        self.kind_path = tools / "kind"
        self.kubectl_path = tools / "kubectl"
        self._env = tool_environment(env)

    def exists(self) -> bool:
        """Whether the engine has a kind cluster of this name, whole or not."""
        listed = run(str(self.kind_path), "get", "clusters", "--quiet", env=self._env, timeout_s=30)
        return self.name in listed.stdout.split()

    def create(self, config_file: str | Path | None = None) -> None:
        """Create the cluster; it is usable when this returns, though not all of it is ready.

        Raises:
            CommandFailed: kind failed; its output is in the message, and what of the cluster is there remains.
            MachineCannot: It failed since the kernel's inotify instances are used up.
        """
        self.kubeconfig_path.touch(0o600, exist_ok=True)
        argv = [str(self.kind_path), "create", "cluster", "--quiet", "--retain", f"--name={self.name}"]
        argv += [f"--kubeconfig={self.kubeconfig_path}", f"--image={self.image}"]
        argv += [f"--config={config_file}"] if config_file else []
        try:
            run(*argv, env=self._env, timeout_s=CREATE_TIMEOUT_S)
        except CommandFailed as error:
            if told := self._symptom(str(error)):
                raise MachineCannot(
                    f"cluster {self.name}: could not be made, its node says {told!r}: the kernel's inotify instances "
                    f"are used up. Type, where the engine runs: {REMEDY}; or delete another cluster\n{error}"
                ) from error
            raise

    def _symptom(self, said: str) -> str:
        """The line that tells of a lack of inotify, in kind's output or in what only the node says; empty without."""
        docker, node = program("docker") or "docker", f"{self.name}-control-plane"
        for argv in ((docker, "logs", node), (docker, "exec", node, "journalctl", "--no-pager", "--lines=200")):
            with contextlib.suppress(CommandFailed):
                answer = run(*argv, env=self._env, timeout_s=LOOK_TIMEOUT_S, check=False)
                said += f"\n{answer.stdout}\n{answer.stderr}"
        return next((_plain(line) for line in said.splitlines() if SYMPTOM in line.lower()), "")

    def write_kubeconfig(self) -> None:
        """Write the kubeconfig anew, as kind knows it, over whatever is there.

        Raises:
            CommandFailed: There is no such cluster, or its node does not run.
        """
        given = run(str(self.kind_path), "get", "kubeconfig", f"--name={self.name}", env=self._env, timeout_s=30)
        fresh = self.kubeconfig_path.with_suffix(".new")
        fresh.touch(0o600)
        fresh.write_text(given.stdout)
        fresh.replace(self.kubeconfig_path)

    def load(self, archive: Path) -> None:
        """Give the nodes the images of an archive; those that they have already stay as they are.

        Raises:
            CommandFailed: kind failed.
        """
        argv = (str(self.kind_path), "load", "image-archive", "--quiet", str(archive), f"--name={self.name}")
        run(*argv, env=self._env, timeout_s=LOAD_TIMEOUT_S)

    def delete(self) -> None:
        """Delete the cluster; nothing happens when there is none."""
        argv = [str(self.kind_path), "delete", "cluster", "--quiet", f"--name={self.name}"]
        run(*argv, f"--kubeconfig={self.kubeconfig_path}", env=self._env, timeout_s=DELETE_TIMEOUT_S)


def _plain(line: str) -> str:
    """A line of systemd's without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", line).strip()
