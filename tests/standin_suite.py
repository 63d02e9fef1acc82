"""The suite on a stand-in for a cluster, as a program of its own: `standin_suite.py e2e|pytest FAULT [ARGUMENT...]`.

FAULT is what is wrong with one step: `broken` when it did not come to its end though its checks hold, `refuted`,
`interrupted`, `warning` when a file is left open, or `none`.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from page_runs import result_of
from snapshots import PARTS, always

from meshproof import bring_up
from meshproof.choices import Choices
from meshproof.cluster import Cluster
from meshproof.names import Names
from meshproof.path.mesh import Mesh
from meshproof.proof import Proof
from meshproof.proof import proof as proof_module
from meshproof.releases import cells
from meshproof.results import StepResult
from meshproof.run import Completed, run
from meshproof.steps import Step
from meshproof.suite import IMPORTED_ALREADY, SUITE, run_suite

FAULTY = "cleanup"  # the last one: pytest alone would call the session passed


def session(folder: Path, entry: str, fault: str, *arguments: str, **environment: str) -> Completed:
    """Run this program with `folder` as its current one, where artifacts go."""
    env = {"PYTHONPATH": str(SUITE.parent), "PYTEST_ADDOPTS": "", **environment}
    return run(sys.executable, str(Path(__file__)), entry, fault, *arguments, cwd=folder, env=env, check=False)


@dataclass
class Reachable:
    """A cluster as far as a proof asks for it."""

    parts: Any = PARTS
    api: Any = None  # where the mesh would be looked up

    def kubectl(self, *args: str) -> Completed:
        """What the page's app is in after `route`, in answer to the question of docs/use-the-fixtures.md alone."""
        asked = ("get", "namespaces", "--selector=istio-injection=enabled", "--output=name")
        return Completed(args, 0, "namespace/httpbin\n" if args == asked else "", "", 0.0)


def main(entry: str, fault: str, *arguments: str) -> int:
    """Run the suite as the command does, or as who types pytest does."""

    def run_step(step: Step, _: object) -> StepResult:
        faulty = step.slug == FAULTY
        if faulty and fault == "interrupted":
            raise KeyboardInterrupt
        if faulty and fault == "warning":
            Path(__file__).open()  # noqa: SIM115 - left open, as by a careless caller
        status = "refuted" if faulty and fault == "refuted" else "proven"
        error = "namespace/istio-system: not gone after 90 s" if faulty and fault == "broken" else ""
        return result_of(step, status, error)

    @contextlib.contextmanager
    def proof_of(choices: Choices, *_: object) -> Generator[Proof]:
        proof = Proof(cast(Cluster, Reachable()), cells()[0], choices, print)
        yield proof
        proof.write()

    bring_up.proof_of = proof_of
    proof_module.run_step = run_step
    proof_module.find_mesh = always(Mesh.expected(Names()))
    proof_module.diagnostics.gather = always(Path("diagnostics"))
    if entry == "e2e":
        return run_suite(Choices(name="stand-in"))
    return int(pytest.main([*arguments, *IMPORTED_ALREADY]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
