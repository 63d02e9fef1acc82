"""One cluster, as steps see it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from meshproof.cluster.node import Node
from meshproof.environment import STARTED_FOR, tool_environment
from meshproof.errors import NotReady
from meshproof.images import Parts
from meshproof.kube.api import Api
from meshproof.kube.forward import PortForward
from meshproof.kube.kinds import Ref
from meshproof.kube.objects import Service
from meshproof.names import service_of_gateway
from meshproof.path.access import GatewayAccess
from meshproof.path.ask import Sender
from meshproof.path.load_balancer import LoadBalancer, from_here
from meshproof.run import Completed, run


@dataclass(frozen=True)
class Cluster:
    """A cluster and the parts it is made of.

    Attributes:
        name: The kind cluster's name.
        kubeconfig: Its own kubeconfig, never the user's.
        parts: Images, charts and tools.
        work: Folder in which commands run and keep their files.
        node: Its node, where kind made it.
        further: Kubeconfigs that stand behind its own, as KUBECONFIG has them: those of whoever made the cluster.
    """

    name: str
    kubeconfig: Path
    parts: Parts
    work: Path
    node: Node | None = None
    further: str = ""

    @property
    def api(self) -> Api:
        """The API server."""
        return self._api

    @cached_property
    def _api(self) -> Api:
        return Api(self.kubeconfigs)

    @property
    def kubeconfigs(self) -> str:
        """Its kubeconfigs, as KUBECONFIG has them."""
        return os.pathsep.join(filter(None, (str(self.kubeconfig), self.further)))

    @cached_property
    def _gateways(self) -> dict[Ref, GatewayAccess]:
        return {}

    def gateway(self, gateway: Ref) -> GatewayAccess:
        """The way in through a gateway."""
        if gateway not in self._gateways:
            self._gateways[gateway] = GatewayAccess(self.api, self.env, gateway)
        return self._gateways[gateway]

    def balanced(self, gateway: Ref) -> Sequence[Sender]:
        """The way in through a gateway's load balancer, for each of its ready pods.

        Connections begin inside the node where there is one, so that they are the same on every system.

        Raises:
            NotReady: No pod of it is ready, or its Service has no address.
        """
        access = self.gateway(gateway)
        service = Service.from_dict(self.api.get(service_of_gateway(gateway).path))
        if not service.address:
            raise NotReady(f"Service {gateway.namespace}/{gateway.name}: no load balancer has given it an address")
        balancer = LoadBalancer(service.address, access.listener_port, self.node.connect if self.node else from_here)
        return balancer.senders(access.senders())

    @property
    def env(self) -> Mapping[str, str]:
        """The environment of all that runs against it: its kubeconfig, its tools before others, its temporary files.

        What is started in it is known as the cluster's, so that it goes with it, whoever was killed.
        """
        path = f"{self.parts.tools}{os.pathsep}{os.environ['PATH']}"
        known_by = {STARTED_FOR: str(self.kubeconfig)}
        return tool_environment({"KUBECONFIG": self.kubeconfigs, "PATH": path, **known_by, "TMPDIR": str(self.work)})

    def run(self, *argv: str, stdin: str = "", timeout_s: float = 120.0, check: bool = True) -> Completed:
        """Run a program of the cluster's tools in its work folder; see `meshproof.run.run`."""
        return run(*argv, cwd=self.work, env=self.env, stdin=stdin, timeout_s=timeout_s, check=check)

    def kubectl(self, *args: str, check: bool = True, timeout_s: float = 60.0) -> Completed:
        """Run kubectl against this cluster."""
        return self.run("kubectl", *args, timeout_s=timeout_s, check=check)

    def forward(self, namespace: str, target: str, port: int) -> ForwardedPort:
        """A context manager that gives a base URL for one port of a pod, deployment or service."""
        return ForwardedPort(PortForward(self.env, namespace, target, [f":{port}"]), port)

    def answers(self) -> bool:
        """Whether its API server says that it is ready."""
        return self.kubeconfig.exists() and self.api.answers()

    def close(self) -> None:
        """Stop what was started to reach the cluster; nothing is made for that, a half made cluster has no API yet."""
        for gateway in self._gateways.values():
            gateway.close()


@dataclass(frozen=True)
class ForwardedPort:
    """One forwarded port; entering gives its base URL, leaving ends the forward."""

    process: PortForward
    port: int

    def __enter__(self) -> str:
        return self.process.url(self.port)

    def __exit__(self, *_: object) -> None:
        self.process.stop()
