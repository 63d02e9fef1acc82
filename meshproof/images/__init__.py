"""Images: published ones, or assembled here from language packages, a Go toolchain and Debian."""

from __future__ import annotations

from meshproof.images.parts import Parts, cached, cached_tools, form_of, prepare
from meshproof.images.published import pull_node_image

__all__ = ["Parts", "cached", "cached_tools", "form_of", "prepare", "pull_node_image"]
