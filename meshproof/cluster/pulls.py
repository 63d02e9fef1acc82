"""Released images in a node: pulled before anything is installed that needs them, so that no wait is for a download."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from meshproof.cluster.node import Node
from meshproof.errors import CommandFailed, MachineCannot
from meshproof.images.mirror import CERTS_D, Mirror, whole
from meshproof.images.published import PULL_S, cannot
from meshproof.progress import clock_face
from meshproof.run import end_all

AT_ONCE = 4
CTR = ("ctr", "--namespace", "k8s.io", "images")


def pull_images(images: Sequence[str], mirror: Mirror | None, node: Node, announce: Callable[[str], None]) -> None:
    """Have a node's containerd pull images, side by side; those that it has stay as they are.

    Args:
        images: Their references, by which pods name them.
        mirror: What they are pulled from, where it is not the registries that the references say.
        node: The node.
        announce: Told of each that has come.

    Raises:
        MachineCannot: One of them cannot be pulled; the message names it, and what was answered.
    """
    if not images:
        return
    if mirror:
        _lead_to(mirror, images, node)
    there = node.run(*CTR, "list", "--quiet").stdout.split()
    missing = [image for image in dict.fromkeys(map(whole, images)) if image not in there]
    if missing:
        announce(f"pulling {len(missing)} images into the node{f' from {mirror.address}' if mirror else ''}")
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pulling = {pool.submit(_pull, image, mirror, node): image for image in missing}
        try:
            for number, done in enumerate(as_completed(pulling), 1):
                done.result()
                passed = clock_face(time.monotonic() - began)
                announce(f"  pulled {pulling[done]} ({number} of {len(missing)}, {passed})")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise


def _pull(image: str, mirror: Mirror | None, node: Node) -> None:
    hosts = ("--hosts-dir", CERTS_D) if mirror else ()
    try:
        node.run(*CTR, "pull", *hosts, image, timeout_s=PULL_S)
    except CommandFailed as error:
        raise cannot(f"image {image}", "pulled", error) from error


def _lead_to(mirror: Mirror, images: Sequence[str], node: Node) -> None:
    """Tell the node's containerd of a mirror; it reads these files at each pull.

    Raises:
        MachineCannot: The mirror is on this machine's loopback, and the engine does not say how a node reaches that.
    """
    seen = mirror
    if mirror.loopback:
        address = node.host_address()
        if not address:
            raise MachineCannot(
                f"the mirror {mirror.address} is on this machine's loopback, which a node cannot reach, and the engine "
                "has no default bridge by whose address it could; name the mirror by another address of this machine"
            )
        seen = mirror.at_host(address)
    for path, text in seen.hosts_files(images).items():
        node.run("mkdir", "--parents", path.rpartition("/")[0])
        node.run("cp", "/dev/stdin", path, stdin=text)
