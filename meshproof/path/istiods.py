"""The istiods of a cluster, and what each calls things."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from meshproof import yamls
from meshproof.kube.kinds import DEPLOYMENT, Ref
from meshproof.kube.objects import Service
from meshproof.kube.raw import Raw
from meshproof.kube.selectors import Selector, any_matches
from meshproof.kube.workloads import Deployment
from meshproof.names import DEFAULT_REVISION, REVISION_LABEL
from meshproof.path.deployed import container, env, version
from meshproof.path.mesh import CLUSTER_ID, TAG_LABEL, TRUST_DOMAIN, XDS_PORT

Objects = Iterable[Mapping[str, Any]]


@dataclass(frozen=True)
class Istiod:
    """An istiod and the mesh that it serves.

    Attributes:
        deployment: Its Deployment.
        revision: Its revision; `default` where it has none.
        version: The tag of its image.
        cluster_id: What its clients must say that they are in.
        trust_domain: The mesh's trust domain.
        proxy_image: The sidecar that it injects.
        selectors: The namespaces that it serves, by their labels; all where there are none.
        ready: Whether it is rolled out.
    """

    deployment: Ref
    revision: str
    version: str
    cluster_id: str
    trust_domain: str
    proxy_image: str
    selectors: tuple[Selector, ...] = ()
    ready: bool = True

    @property
    def namespace(self) -> str:
        """Where it is."""
        return self.deployment.namespace

    @property
    def chosen(self) -> str:
        """Its revision as REVISION= has it: empty where it has none."""
        return "" if self.revision == DEFAULT_REVISION else self.revision

    def serves(self, labels: Mapping[str, str]) -> bool:
        """Whether it serves a namespace with these labels."""
        return any_matches(self.selectors, labels)


def istiods(services: Iterable[Service], deployments: Objects, configs: Objects) -> Iterator[Istiod]:
    """The istiod behind each Service, which is called as its Deployment is.

    Args:
        services: Services, among others its own.
        deployments: Deployments as the API has them, among others its own.
        configs: ConfigMaps, among others those of its mesh; without them it has Istio's defaults.
    """
    known = {_ref(raw): raw for raw in deployments}
    told = {_ref(raw): Raw.of("ConfigMap", raw) for raw in configs}
    for service in filter(_serves, services):
        raw = known.get((service.namespace, service.name))
        if raw is not None:
            yield _istiod(service, raw, told)


def _ref(raw: Mapping[str, Any]) -> tuple[str, str]:
    meta = Raw.of("object", raw)
    return meta.get("metadata.namespace", ""), meta.need("metadata.name", str)


def _is_istiods(service: Service) -> bool:
    return service.labels.get("app") == "istiod" and XDS_PORT in (port for _, port in service.ports)


def _serves(service: Service) -> bool:
    """A revision tag has a Service too, which leads to the same pods."""
    return _is_istiods(service) and TAG_LABEL not in service.labels


def _istiod(service: Service, raw: Mapping[str, Any], configs: Mapping[tuple[str, str], Raw]) -> Istiod:
    revision = service.labels.get(REVISION_LABEL, DEFAULT_REVISION)
    suffix = "" if revision == DEFAULT_REVISION else f"-{revision}"
    deployment, rolled_out = Raw.of("Deployment", raw), Deployment.from_dict(raw)
    discovery = container(deployment, "discovery")
    mesh = _document(configs.get((service.namespace, f"istio{suffix}")), "data.mesh")
    injector = _document(configs.get((service.namespace, f"istio-sidecar-injector{suffix}")), "data.values")
    return Istiod(
        deployment=Ref(DEPLOYMENT, service.namespace, service.name),
        revision=revision,
        version=version(deployment, discovery),
        cluster_id=env(discovery).get("CLUSTER_ID") or CLUSTER_ID,
        trust_domain=mesh.get("trustDomain", TRUST_DOMAIN),
        proxy_image=_proxy(injector, mesh),
        selectors=tuple(Selector.from_dict(part.data, part.name) for part in mesh.parts("discoverySelectors")),
        ready=rolled_out.rolled_out and rolled_out.available > 0,
    )


def _document(config: Raw | None, path: str) -> Raw:
    """A YAML or JSON text within a ConfigMap; empty where there is none."""
    if config is None or not config.has(path):
        return Raw({}, path)
    name = f"{config.name} {path}"
    [document, *_] = [*yamls.load(config.need(path, str), name), {}]
    return Raw(document, name)


def _proxy(values: Raw, mesh: Raw) -> str:
    """The image of the sidecar, as istiod's injection template puts it together.

    Source: ProxyImage and imageURL in pkg/kube/inject/webhook.go of istio/istio.
    """
    image = values.get("global.proxy.image", "") or "proxyv2"
    if "/" in image:
        return image
    tag = _text(values, "global.tag")
    variant = mesh.get("defaultConfig.image.imageType", "") or values.get("global.variant", "")
    if variant:
        plain = tag.removesuffix("-distroless").removesuffix("-debug")
        tag = plain if variant == "default" else f"{plain}-{variant}"
    return f"{values.get('global.hub', '')}/{image}:{tag}"


def _text(values: Raw, path: str) -> str:
    """A value that Helm may have taken for a number, such as the tag 1.30."""
    return str(values.need(path, object)) if values.has(path) else ""
