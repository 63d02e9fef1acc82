"""The environment of the tools: this process's, less what would lead them to another cluster, engine or setting."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from meshproof.paths import cache_dir

STARTED_FOR = "MESHPROOF_CLUSTER"  # of every program that is started for a cluster: that cluster's own kubeconfig
# Whole families are left out rather than known names: each release of a tool reads new ones, and one that is missed
# may install into, or delete from, somebody else's cluster. All else passes: PATH, HOME, proxies, certificates, TMPDIR.
# KUBE is without a dash: KUBECONFIG, KUBERC, KUBECTL_*, and KUBERNETES_SERVICE_*, which stands in for a kubeconfig.
FAMILIES = ("HELM_", "KUBE", "KIND_", "DOCKER_", "BUILDX_", "BUILDKIT_")
# How a docker client finds an engine and proves who it is; kept for an engine that is the user's own.
ENGINE_ADDRESS = frozenset(
    f"DOCKER_{name}" for name in ("HOST", "CONTEXT", "CONFIG", "CERT_PATH", "TLS", "TLS_VERIFY", "API_VERSION")
)


def tool_environment(added: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment in which helm, kubectl, kind, docker and its daemon run.

    Args:
        added: What this tool needs beside that: the kubeconfig of a cluster, the address of an engine, a PATH.
    """
    # Helm derives its repositories', registries' and plugins' files from these three.
    homes = {f"HELM_{name}_HOME": str(cache_dir() / "helm" / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
    ours = {**homes, "KUBERC": "off", "KUBECACHEDIR": str(cache_dir() / "kubectl")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FAMILIES)}
    return {**kept, **ours, **(added or {})}


def engine_address() -> dict[str, str]:
    """What the user's environment says of a container engine."""
    return {name: value for name, value in os.environ.items() if name in ENGINE_ADDRESS}


def ignored(kept: Collection[str]) -> tuple[str, ...]:
    """Names of variables that are set and that no tool is given, except `kept`, which a client of the engine is."""
    return tuple(sorted(name for name in os.environ if name.startswith(FAMILIES) and name not in kept))
