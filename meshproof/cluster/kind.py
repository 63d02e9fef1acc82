"""pytest-kind's KindCluster, wrapped where it falls short: errors with kind's output, our tools, our engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest_kind  # pyright: ignore[reportMissingTypeStubs]

from meshproof.environment import tool_environment
from meshproof.run import run

CREATE_TIMEOUT_S = 240.0
DELETE_TIMEOUT_S = 60.0


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
            CommandFailed: kind failed; its output is in the message.
        """
        self.kubeconfig_path.touch(0o600, exist_ok=True)
        argv = [str(self.kind_path), "create", "cluster", "--quiet", f"--name={self.name}"]
        argv += [f"--kubeconfig={self.kubeconfig_path}", f"--image={self.image}"]
        argv += [f"--config={config_file}"] if config_file else []
        run(*argv, env=self._env, timeout_s=CREATE_TIMEOUT_S)

    def delete(self) -> None:
        """Delete the cluster; nothing happens when there is none."""
        argv = [str(self.kind_path), "delete", "cluster", "--quiet", f"--name={self.name}"]
        run(*argv, f"--kubeconfig={self.kubeconfig_path}", env=self._env, timeout_s=DELETE_TIMEOUT_S)
