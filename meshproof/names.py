"""What things are called. The defaults are the page's, and no other module has them.

What is found in a cluster rather than chosen, such as istiod's address and trust domain, is in `meshproof.path.mesh`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from meshproof.kube.kinds import (
    BACKEND,
    CONFIG_MAP,
    DEPLOYMENT,
    GATEWAY,
    GATEWAY_PARAMETERS,
    HTTP_ROUTE,
    NAMESPACE,
    POD,
    SERVICE,
    Labelled,
    Ref,
)

DEFAULT_REVISION = "default"  # what istiod calls itself where it has no revision
INJECTION_LABEL, REVISION_LABEL = "istio-injection", "istio.io/rev"


# The Gateway API's, on the pods of a Gateway. Source: https://gateway-api.sigs.k8s.io/geps/gep-1762/
GATEWAY_LABEL = "gateway.networking.k8s.io/gateway-name"


def pods_of_gateway(gateway: Ref) -> Labelled:
    """The pods of a Gateway, by the label that the Gateway API gives them."""
    return Labelled(POD, gateway.namespace, f"{GATEWAY_LABEL}={gateway.name}")


def service_of_gateway(gateway: Ref) -> Ref:
    """The Service that kgateway makes for a Gateway: it is called the same."""
    return replace(gateway, kind=SERVICE)


def root_certificate_in(namespace: str) -> Ref:
    """istiod's root certificate, as it gives it to a namespace."""
    return Ref(CONFIG_MAP, namespace, "istio-ca-root-cert")


@dataclass(frozen=True)
class Names:
    """What the objects of one run are called; equal by value.

    Attributes:
        gateway: The Gateway; its Deployment, Service and service account are called the same.
        parameters: The GatewayParameters through which it joins the mesh.
        controller: kgateway's Deployment.
        release: kgateway's Helm release; the one of its CRDs has `-crds` behind it.
        app: The sample app's Deployment; its service account is called the same.
        app_containers: The containers of its pods, without a sidecar.
        service: The app's Service.
        excluded: A second Service over the same pods, which is excluded from mutual TLS.
        backend: The Backend that is, in the page's form.
        route: The HTTPRoute of `host`; `backend_route` and `service_route` are those of the other two hosts.
        host: The host that reaches the app over mutual TLS.
        backend_host: The host of the excluded Backend.
        service_host: The host of the excluded Service.
        istio_namespace: Where istiod is.
        revision: istiod's revision; empty where it has none.
    """

    gateway: Ref = field(default=Ref(GATEWAY, "kgateway-system", "http"))
    parameters: Ref = field(default=Ref(GATEWAY_PARAMETERS, "kgateway-system", "http-istio"))
    controller: Ref = field(default=Ref(DEPLOYMENT, "kgateway-system", "kgateway"))
    release: str = "kgateway"
    app: Ref = field(default=Ref(DEPLOYMENT, "httpbin", "httpbin"))
    app_containers: tuple[str, ...] = ("go-httpbin", "curl", "hey")
    service: Ref = field(default=Ref(SERVICE, "httpbin", "httpbin"))
    excluded: Ref = field(default=Ref(SERVICE, "httpbin", "httpbin-plaintext"))
    backend: Ref = field(default=Ref(BACKEND, "kgateway-system", "httpbin"))
    route: Ref = field(default=Ref(HTTP_ROUTE, "httpbin", "httpbin"))
    backend_route: Ref = field(default=Ref(HTTP_ROUTE, "kgateway-system", "exclude-automtls"))
    service_route: Ref = field(default=Ref(HTTP_ROUTE, "httpbin", "exclude-service"))
    host: str = "www.example.com"
    backend_host: str = "disable-automtls.example"
    service_host: str = "plain.example"
    istio_namespace: str = "istio-system"
    revision: str = ""

    @property
    def crds_release(self) -> str:
        """The Helm release of kgateway's CRDs."""
        return f"{self.release}-crds"

    @property
    def gateway_namespace(self) -> Ref:
        """The namespace of gateway and controller."""
        return Ref(NAMESPACE, "", self.gateway.namespace)

    @property
    def istiod(self) -> Ref:
        """istiod's Deployment; its Service is called the same."""
        return Ref(DEPLOYMENT, self.istio_namespace, f"istiod-{self.revision}" if self.revision else "istiod")

    @property
    def mesh_config(self) -> Ref:
        """istiod's mesh configuration."""
        name = f"istio-{self.revision}" if self.revision else "istio"
        return Ref(CONFIG_MAP, self.istio_namespace, name)

    @property
    def app_namespace(self) -> Ref:
        """The app's namespace."""
        return Ref(NAMESPACE, "", self.app.namespace)

    @property
    def root_certificate(self) -> Ref:
        """istiod's root certificate as it is in the gateway's namespace."""
        return root_certificate_in(self.gateway.namespace)

    @property
    def gateway_pods(self) -> Labelled:
        """The gateway's pods."""
        return pods_of_gateway(self.gateway)

    @property
    def controller_pods(self) -> Labelled:
        """kgateway's own pods."""
        return Labelled(POD, self.controller.namespace, f"app.kubernetes.io/instance={self.release}")

    @property
    def app_pods(self) -> Labelled:
        """The app's pods."""
        return Labelled(POD, self.app.namespace, f"app={self.app.name}")

    @property
    def istiod_pods(self) -> Labelled:
        """The pods of this run's istiod."""
        return Labelled(POD, self.istio_namespace, f"app=istiod,{REVISION_LABEL}={self.revision or DEFAULT_REVISION}")

    @property
    def injection(self) -> tuple[str, str]:
        """The label, and its value, by which a namespace asks this run's istiod for sidecars."""
        return (REVISION_LABEL, self.revision) if self.revision else (INJECTION_LABEL, "enabled")

    @property
    def excluded_routes(self) -> tuple[Ref, Ref]:
        """The routes of the section that excludes a service."""
        return self.backend_route, self.service_route

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces that the page is about."""
        all_of = (self.gateway.namespace, self.controller.namespace, self.app.namespace, self.istio_namespace)
        return tuple(dict.fromkeys(all_of))

    def marks(self) -> dict[str, str]:
        """What manifests have marks for."""
        return {
            "gateway": self.gateway.name,
            "gateway_namespace": self.gateway.namespace,
            "parameters": self.parameters.name,
            "app": self.app.name,
            "app_namespace": self.app.namespace,
            "service": self.service.name,
            "excluded": self.excluded.name,
            "backend": self.backend.name,
            "route": self.route.name,
            "backend_route": self.backend_route.name,
            "service_route": self.service_route.name,
            "host": self.host,
            "backend_host": self.backend_host,
            "service_host": self.service_host,
        }
