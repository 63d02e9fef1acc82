"""The programs of our own engine, from Debian's packages, without the service that comes with them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from meshproof.engine.capabilities import NEEDED, ours
from meshproof.errors import CommandFailed, MachineCannot
from meshproof.run import run

# containerd, runc and docker-proxy come with docker.io
PACKAGES = {"dockerd": "docker.io", "iptables": "iptables", "ip": "iproute2"}
CLIENT_PACKAGES = ("docker.io", "docker-cli")  # newer releases ship the client on its own

# Debian starts and enables a Docker service when the package is configured. Leaving the service's files out while
# unpacking means that there is nothing to start, now or at the next boot; unlike a policy-rc.d or a masked unit, an
# interrupted installation leaves nothing behind that would have to be put back.
SERVICE_FILES = (
    "/etc/init.d/docker",
    *(
        f"{root}/systemd/system/{unit}"
        for root in ("/lib", "/usr/lib")
        for unit in ("docker.service", "docker.socket", "containerd.service")
    ),
)
APT_TIMEOUT_S = 600.0
ADMIN_PATH = ("/usr/sbin", "/sbin")


def search_path() -> str:
    """PATH with the administrator's folders, which a plain `su` leaves out."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), *ADMIN_PATH))


def program(name: str) -> str | None:
    """Where a program is, or None."""
    return shutil.which(name, path=search_path())


def missing_packages() -> tuple[str, ...]:
    """Debian packages whose programs are not on this machine yet."""
    return tuple(package for name, package in PACKAGES.items() if program(name) is None)


def why_not_ours(os_release: Path = Path("/etc/os-release")) -> str:
    """Why an engine of our own cannot be started on this machine; empty when it can."""
    release = os_release.read_text() if os_release.exists() else ""
    fields = dict(line.split("=", 1) for line in release.splitlines() if "=" in line)
    family = f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".replace('"', "").split()
    if not {"debian", "ubuntu"} & set(family) or shutil.which("apt-get") is None:
        return f"this is {fields.get('PRETTY_NAME', 'a system without /etc/os-release')}, which is not Debian-like"
    if os.geteuid() != 0:
        return f"this is user {os.geteuid()}, not root"
    if lacking := sorted(set(NEEDED) - ours()):
        return f"this root may not use {' and '.join(lacking)}, as in a container that is not privileged"
    return ""


def install_missing(announce: Callable[[str], None]) -> None:
    """Install what our own engine lacks; nothing happens when all of it is there.

    Raises:
        MachineCannot: apt-get could not install it; its output is in the message.
    """
    packages = missing_packages()
    if packages:
        announce(f"installing Debian's {', '.join(packages)} (programs only, no service)")
        _apt_install(packages)
    for package in CLIENT_PACKAGES:
        if program("docker") is None:
            _apt_install((package,))
    if program("docker") is None or missing_packages():
        raise MachineCannot(
            f"apt-get installed {', '.join(packages)}, yet docker, {', '.join(PACKAGES)} are not all on "
            f"{search_path()}; install a container engine by hand and start it"
        )


def _apt_install(packages: Sequence[str]) -> None:
    excludes = [part for path in SERVICE_FILES for part in ("-o", f"DPkg::Options::=--path-exclude={path}")]
    install = ("apt-get", "install", "-y", "-q", "--no-install-recommends", *excludes, *packages)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # lists may be absent or name versions that the mirror has since replaced: look again before giving up
    if run(*install, env=env, timeout_s=APT_TIMEOUT_S, check=False).code == 0:
        return
    try:
        run("apt-get", "update", "-q", env=env, timeout_s=APT_TIMEOUT_S)
        run(*install, env=env, timeout_s=APT_TIMEOUT_S)
    except CommandFailed as error:
        raise MachineCannot(
            f"no container engine answers, and Debian's {', '.join(packages)} could not be installed; check the "
            f"machine's package sources and free disk, or start an engine by hand\n{error}"
        ) from error
