"""The platform that this process runs on, as released programs are named for it."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass

_SYSTEMS = {"darwin": "macOS", "linux": "Linux"}
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Platform:
    """An operating system and a processor, as Go names them: linux or darwin, amd64 or arm64."""

    system: str
    machine: str

    @property
    def key(self) -> str:
        """Both, as a file of a release has them in its name."""
        return f"{self.system}-{self.machine}"

    @property
    def assembles(self) -> bool:
        """Whether images can be assembled from source here: the wheels and packages for it are of this platform."""
        return self.key == "linux-amd64"

    def __str__(self) -> str:
        return f"{_SYSTEMS.get(self.system, self.system)} on {self.machine}"


def here() -> Platform:
    """This process's own. A Python that is translated names what it was made for, and programs of that run as well."""
    machine = platform.machine().lower()
    return Platform(sys.platform, _MACHINES.get(machine, machine))
