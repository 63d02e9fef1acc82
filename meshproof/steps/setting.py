"""What a step is made for: the parts, the dialect, the choices, and the mesh as it was found."""

from __future__ import annotations

from dataclasses import dataclass

from meshproof.choices import Choices
from meshproof.cluster import Cluster
from meshproof.dialects import Dialect, dialect
from meshproof.errors import NotReady
from meshproof.images import Parts
from meshproof.kube.objects import Service
from meshproof.kube.raw import Raw
from meshproof.releases import Cell

XDS_PORT = 15012


@dataclass(frozen=True)
class Mesh:
    """How istiod is reached and what it calls its cluster. The defaults are Istio's own.

    Attributes:
        address: `<service>.<namespace>.svc:15012`.
        cluster_id: What a client of istiod must say that it is in, or its certificate is refused.
        mesh_id: A name for the mesh; istiod does not check it.
    """

    address: str = f"istiod.istio-system.svc:{XDS_PORT}"
    cluster_id: str = "Kubernetes"
    mesh_id: str = "cluster.local"


@dataclass(frozen=True)
class Setting:
    """All that a step's text depends on."""

    parts: Parts
    dialect: Dialect
    choices: Choices
    mesh: Mesh = Mesh()

    @classmethod
    def of(cls, cell: Cell, parts: Parts, choices: Choices) -> Setting:
        """The setting before anything is known of the mesh."""
        return cls(parts, dialect(cell.dialect), choices)


def istiod_address(cluster: Cluster) -> str:
    """The address of istiod, from the one Service labelled app=istiod that serves its secure port.

    Raises:
        NotReady: There is none, or more than one.
    """
    services = map(
        Service.from_dict, cluster.api.list("/api/v1/namespaces/istio-system/services", labelSelector="app=istiod")
    )
    found = [service for service in services if XDS_PORT in (port for _, port in service.ports)]
    if len(found) != 1:
        names = ", ".join(service.name for service in found) or "none"
        raise NotReady(f"istiod's Service: expected one labelled app=istiod with port {XDS_PORT}, found {names}")
    return f"{found[0].name}.{found[0].namespace}.svc:{XDS_PORT}"


def find_mesh(cluster: Cluster) -> Mesh:
    """Look the mesh up in the cluster.

    Raises:
        NotReady: istiod's Service or its deployment is not there.
        Malformed: One of them is not as the API declares it.
    """
    address = istiod_address(cluster)
    name = address.split(".", 1)[0]
    deployment = cluster.api.find(f"/apis/apps/v1/namespaces/istio-system/deployments/{name}")
    if deployment is None:
        raise NotReady(f"istiod's deployment: expected istio-system/{name}, found none")
    containers = Raw.of("Deployment", deployment).parts("spec.template.spec.containers")
    env = {entry.need("name", str): entry.get("value", "") for part in containers for entry in part.parts("env")}
    return Mesh(address, cluster_id=env.get("CLUSTER_ID") or Mesh.cluster_id)
