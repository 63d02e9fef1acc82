"""What a Deployment says of the program that it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from meshproof.kube.raw import Raw

ELSEWHERE = "(from elsewhere)"  # a variable that is not given as a plain value
_VERSION = re.compile(r"v?\d+\.\d+.*")


def container(deployment: Raw, name: str) -> Raw:
    """The container of that name, or else the first: others may have been put before it."""
    parts = deployment.parts("spec.template.spec.containers")
    return next((part for part in parts if part.get("name", "") == name), parts[0])


def env(of: Raw) -> Mapping[str, str]:
    """The variables of a container."""
    return {
        entry.need("name", str): ELSEWHERE if entry.has("valueFrom") else entry.get("value", "")
        for entry in of.parts("env")
    }


def version(deployment: Raw, of: Raw) -> str:
    """The tag of its image; where that is no version, or a digest stands for it, what the chart says of itself."""
    image = of.need("image", str)
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    label = deployment.texts("metadata.labels").get("app.kubernetes.io/version", "")
    return (tag if _VERSION.fullmatch(tag) else label or tag or image).removeprefix("v")
