"""The mesh as it is found: how istiod is reached, and what it calls things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshproof import yamls
from meshproof.errors import BadInput, NotReady
from meshproof.kube.api import Api
from meshproof.kube.kinds import SERVICE
from meshproof.kube.objects import Service
from meshproof.kube.raw import Raw
from meshproof.names import DEFAULT_REVISION, REVISION_LABEL, Names

XDS_PORT = 15012
TAG_LABEL = "istio.io/tag"
CLUSTER_ID, TRUST_DOMAIN = "Kubernetes", "cluster.local"  # Istio's defaults


@dataclass(frozen=True)
class Mesh:
    """How istiod is reached and what it calls its cluster.

    Attributes:
        address: `<service>.<namespace>.svc:15012`.
        cluster_id: What a client of istiod must say that it is in, or its certificate is refused.
        mesh_id: A name for the mesh; istiod does not check it.
    """

    address: str
    cluster_id: str = CLUSTER_ID
    mesh_id: str = TRUST_DOMAIN

    @classmethod
    def expected(cls, names: Names) -> Mesh:
        """What it is by Istio's defaults, before it is there."""
        return cls(f"{names.istiod.name}.{names.istio_namespace}.svc:{XDS_PORT}")


def istiod_address(api: Api, names: Names) -> str:
    """The address of istiod, from the one Service labelled app=istiod that serves its secure port for the revision.

    A revision tag has a Service too, which leads to the same pods; it is left out.

    Raises:
        NotReady: There is none.
        BadInput: There are others, of another revision, or several of this one.
    """
    revision = names.revision or DEFAULT_REVISION
    services = istiods(api, names)
    found = services.get(revision, ())
    if len(found) == 1:
        return f"{found[0].name}.{found[0].namespace}.svc:{XDS_PORT}"
    if not services:
        raise NotReady(
            f"istiod's Service: expected one labelled app=istiod with port {XDS_PORT} in {names.istio_namespace}, "
            "found none"
        )
    if not found:
        known = ", ".join(services)
        raise BadInput(
            f"REVISION={names.revision}: no istiod of revision {revision} is in {names.istio_namespace}, which has "
            f"{known}; choose one of these, or install that one"
        )
    raise BadInput(
        f"REVISION={names.revision}: expected one Service of istiod of revision {revision} in "
        f"{names.istio_namespace}, found {', '.join(each.name for each in found)}; leave one of them"
    )


def istiods(api: Api, names: Names) -> Mapping[str, tuple[Service, ...]]:
    """The Services of istiods in Istio's namespace, by revision."""
    found: dict[str, tuple[Service, ...]] = {}
    for raw in api.list(SERVICE.within(names.istio_namespace), labelSelector="app=istiod"):
        service = Service.from_dict(raw)
        if XDS_PORT in (port for _, port in service.ports) and TAG_LABEL not in service.labels:
            revision = service.labels.get(REVISION_LABEL, DEFAULT_REVISION)
            found[revision] = (*found.get(revision, ()), service)
    return found


def find_mesh(api: Api, names: Names) -> Mesh:
    """Look the mesh up in the cluster.

    Raises:
        NotReady: istiod's Service or its deployment is not there.
        BadInput: As `istiod_address`.
        Malformed: One of them is not as the API declares it.
    """
    address = istiod_address(api, names)
    deployment = api.find(names.istiod.path)
    if deployment is None:
        raise NotReady(f"istiod's deployment: expected {names.istio_namespace}/{names.istiod.name}, found none")
    containers = Raw.of("Deployment", deployment).parts("spec.template.spec.containers")
    env = {entry.need("name", str): entry.get("value", "") for part in containers for entry in part.parts("env")}
    return Mesh(address, cluster_id=env.get("CLUSTER_ID") or CLUSTER_ID)


def trust_domain(api: Api, names: Names) -> str:
    """The trust domain of the mesh, from istiod's mesh configuration; Istio's default where it names none."""
    config = Raw.of("ConfigMap", api.get(names.mesh_config.path))
    mesh = yamls.load(config.need("data.mesh", str), f"{config.name} data.mesh")
    named = [Raw(document, f"{config.name} data.mesh").get("trustDomain", "") for document in mesh[:1]]
    return "".join(named) or TRUST_DOMAIN
