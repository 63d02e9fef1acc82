"""What `their-cluster` is told of meshproof: the engine, the tools, the images and the charts, as exports for bash.

Usage: their_cluster_environment.py FOLDER, an existing one, which gets kind's configuration and the values for Helm.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from meshproof import bring_up, yamls
from meshproof.choices import Choices
from meshproof.environment import tool_environment
from meshproof.progress import Progress


def main(folder: Path) -> None:
    """Have the parts of the default combination at hand and print where they are."""
    parts, engine = bring_up.parts_of(Choices(), Progress())
    nodes = [{"role": "control-plane"}, {"role": "worker"}]
    texts = {
        "KIND_CONFIG": {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": nodes, **parts.kind_config},
        "ISTIOD_VALUES": parts.istiod_values,
        "KGATEWAY_VALUES": parts.kgateway_values,
    }
    files = {name: folder / f"{name.lower()}.yaml" for name in texts}
    for name, path in files.items():
        path.write_text(yamls.dump(texts[name]))
    named = {f"{name}_CHART": chart for name, chart in parts.charts.items()}
    named |= {f"{name}_VERSION": version for name, version in parts.chart_versions.items()}
    named |= {f"{name}_IMAGE": parts.images[name] for name in ("httpbin", "curl")}
    exports = {
        **tool_environment(engine.env),
        **{name.upper().replace("-", "_"): value for name, value in named.items()},
        **{name: str(path) for name, path in files.items()},
        "NODE_IMAGE": parts.node_image,
        "GATEWAY_API_CRDS": parts.gateway_api_crds,
        "PATH": f"{parts.tools}{os.pathsep}{os.environ['PATH']}",
    }
    for name, value in sorted(exports.items()):
        if value != os.environ.get(name):
            print(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
