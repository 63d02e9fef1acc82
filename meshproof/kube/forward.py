"""Port-forwards: kubectl's own, started once and ready in a fraction of a second."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from meshproof.environment import STARTED_FOR
from meshproof.errors import MachineCannot
from meshproof.processes import arguments, end, started_with
from meshproof.run import Background
from meshproof.wait import wait_for

READY_TIMEOUT_S = 10.0
_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) -> (\d+)")


def end_forwards(kubeconfig: Path) -> None:
    """End the port-forwards to a cluster that outlived whoever started them."""
    for pid in started_with(STARTED_FOR, str(kubeconfig)):
        if "port-forward" in arguments(pid):
            end(pid)


class PortForward:
    """A running `kubectl port-forward` to one target; a context manager.

    Args:
        env: The whole environment, with KUBECONFIG and PATH of the cluster's tools.
        namespace: Namespace of the target.
        target: What kubectl takes: `pod/NAME`, `deployment/NAME`, `service/NAME`.
        ports: Pairs `LOCAL:REMOTE`, or `:REMOTE` for any free local port.

    Raises:
        MachineCannot: kubectl ended, or opened no port in time.
    """

    def __init__(self, env: Mapping[str, str], namespace: str, target: str, ports: Sequence[str]) -> None:
        # Where its other temporary files go, so that a killed run leaves nothing elsewhere.
        folder = Path(tempfile.mkdtemp(prefix="meshproof-forward-", dir=env.get("TMPDIR")))
        argv = ("kubectl", "port-forward", "-n", namespace, target, "--address", "127.0.0.1", *ports)
        self._process = Background(*argv, env=env, log_path=folder / "log")
        try:
            self._local = self._await_ports(f"port-forward to {namespace}/{target}", len(ports))
        except BaseException:
            self.stop()
            raise

    def _await_ports(self, what: str, count: int) -> dict[int, int]:
        def look() -> dict[int, int]:
            output = self._process.output()
            if not self._process.running():
                raise MachineCannot(f"{what}: kubectl ended: {output.strip()}")
            return {int(remote): int(local) for local, remote in _FORWARDING.findall(output)}

        return wait_for(look, lambda ports: len(ports) == count, what=what, timeout_s=READY_TIMEOUT_S, every_s=0.03)

    def url(self, remote_port: int) -> str:
        """Base URL of a forwarded port, as `http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._local[remote_port]}"

    def alive(self) -> bool:
        """Whether kubectl still runs; it may have lost its pod all the same."""
        return self._process.running()

    def stop(self) -> None:
        """End it."""
        self._process.stop()
        self._process.log_path.unlink(missing_ok=True)
        if self._process.log_path.parent.exists():
            self._process.log_path.parent.rmdir()

    def __enter__(self) -> PortForward:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
