"""What a run may choose, read from the command line and checked before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshproof.errors import BadInput

_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "ACCESS": ("port-forward",),
    "IMAGES": ("auto", "source", "published"),
    "CLUSTER": ("kind",),
    "KEEP": ("", "1"),
    "REVISION": ("",),
}
_VERSIONS = ("KGATEWAY", "ISTIO", "KUBERNETES")


@dataclass(frozen=True)
class Choices:
    """The choices of one run. An empty version is the default cell's; an empty revision is revisionless Istio."""

    kgateway: str = ""
    istio: str = ""
    kubernetes: str = ""
    revision: str = ""
    access: str = "port-forward"
    images: str = "auto"
    cluster: str = "kind"
    keep: bool = False

    @classmethod
    def parse(cls, words: Mapping[str, str]) -> Choices:
        """Read `NAME=value` words, as `make e2e` passes them.

        Raises:
            BadInput: An unknown name, or a value that is not one of those allowed.
        """
        for name, value in words.items():
            if name not in _ALLOWED and name not in _VERSIONS:
                raise BadInput(f"{name}: unknown choice; known are {', '.join((*_VERSIONS, *_ALLOWED, 'NAME'))}")
            allowed = _ALLOWED.get(name)
            if allowed and value not in allowed:
                named = ", ".join(word or "(empty)" for word in allowed)
                raise BadInput(f"{name}={value}: not supported; allowed: {named}")
        values = {name.lower(): value for name, value in words.items() if name != "KEEP"}
        return cls(**values, keep=words.get("KEEP", "") == "1")

    def named(self) -> Mapping[str, str]:
        """The choices that are not versions, for the report."""
        return {
            "revision": self.revision,
            "access": self.access,
            "images": self.images,
            "cluster": self.cluster,
        }
