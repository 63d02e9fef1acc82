"""`make bench`."""

from __future__ import annotations

import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from meshproof import bring_up, yamls
from meshproof.choices import Choices
from meshproof.environment import tool_environment
from meshproof.errors import INTERRUPTED, MeshproofError
from meshproof.images import Parts
from meshproof.manifests import manifest
from meshproof.path.access import free_port
from meshproof.progress import Progress
from meshproof.run import run
from meshproof.steps import Setting
from meshproof.steps.before import sample_app
from meshproof.steps.enable_integration import parameters

ROUNDS = 3
TIMEOUT_S = 600.0
PLAIN = ("gateway.yaml", "gateway-with-parameters.yaml", "app-route.yaml", "excluded-backend.yaml")


def main() -> int:
    """Run both in turn and print the table for the README."""
    progress = Progress()
    choices = Choices()
    parts, engine = bring_up.parts_of(choices, progress)
    setting = Setting.of(bring_up.cell_of(choices), parts, choices)
    proof_s: list[float] = []
    by_hand_s: list[float] = []
    for number in range(1, ROUNDS + 1):
        with tempfile.TemporaryDirectory() as folder:
            env = tool_environment({**engine.env, **_by_hand(setting, parts, Path(folder))})
            by_hand_s.append(_timed(["bash", str(files("meshproof.bench") / "by-hand.sh")], env, progress))
        argv = [sys.executable, "-m", "meshproof", "e2e", "NAME=bench-proof", f"IMAGES={parts.form}"]
        proof_s.append(_timed(argv, {**os.environ, **engine.env}, progress))
        progress.say(f"round {number} of {ROUNDS}: by hand {by_hand_s[-1]:.1f} s, proof {proof_s[-1]:.1f} s")
    print(table(proof_s, by_hand_s))
    return 0


def table(proof_s: list[float], by_hand_s: list[float]) -> str:
    """The figures as a Markdown table; ratios are taken pair by pair, since the machine's speed drifts."""
    ratios = [one / other for one, other in zip(proof_s, by_hand_s, strict=True)]
    rows = [("by hand, s", by_hand_s, ".1f"), ("proof, s", proof_s, ".1f"), ("proof / by hand", ratios, ".2f")]
    lines = ["| | min | median | max |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {name} | {min(values):{form}} | {statistics.median(values):{form}} | {max(values):{form}} |"
        for name, values, form in rows
    ]
    return "\n".join(lines) + f"\n\n{len(ratios)} rounds in turn, {os.cpu_count()} cores."


def _timed(argv: list[str], env: Mapping[str, str], progress: Progress) -> float:
    began = time.monotonic()
    run(*argv, env=env, timeout_s=TIMEOUT_S, on_line=lambda line: progress.say(f"  {line}"))
    return time.monotonic() - began


def _by_hand(setting: Setting, parts: Parts, folder: Path) -> Mapping[str, str]:
    """Files and variables for the script: the same images, charts, values and manifests as the proof's."""
    marks = setting.names.marks()
    texts = {name: manifest(name, marks) for name in PLAIN}
    routes = yamls.load(manifest("excluded-routes.yaml", marks))
    # The page has the one route of its Backend; the second is ours.
    texts["excluded-routes.yaml"] = yamls.dump(routes[0])
    texts["app.yaml"] = sample_app(setting)
    texts["gateway-parameters.yaml"] = parameters(setting)
    texts["istiod-values.yaml"] = yamls.dump(parts.istiod_values)
    texts["kgateway-values.yaml"] = yamls.dump(parts.kgateway_values)
    head = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [{"role": "control-plane"}]}
    texts["kind.yaml"] = yamls.dump({**head, **parts.kind_config})
    for name, text in texts.items():
        (folder / name).write_text(text)
    charts = {name.upper().replace("-", "_"): reference for name, reference in parts.charts.items()}
    return {
        **charts,
        "NAME": "bench-by-hand",
        "NODE_IMAGE": parts.node_image,
        "KIND_CONFIG": str(folder / "kind.yaml"),
        "KUBECONFIG": str(folder / "kubeconfig"),
        "LOCAL_PORT": str(free_port()),
        "GATEWAY_API_CRDS": parts.gateway_api_crds,
        "ISTIOD_VALUES": str(folder / "istiod-values.yaml"),
        "KGATEWAY_VALUES": str(folder / "kgateway-values.yaml"),
        "MANIFESTS": str(folder),
        "PATH": f"{parts.tools}{os.pathsep}{os.environ['PATH']}",
    }


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except MeshproofError as error:
        print(f"meshproof: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
