"""meshproof: proof on a real cluster that kgateway's Istio sidecar integration works as documented.

What another program needs is here, and is imported when it is asked for, since all of it together takes half a second.

Example::

    from meshproof import Choices, Progress, proof_of

    with proof_of(Choices(), Progress()) as proof:
        proof.step("cleanup")  # the last section, and with it all before it
        print(proof.result().verdict)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshproof.bring_up import proof_of as proof_of
    from meshproof.choices import Choices as Choices
    from meshproof.errors import MeshproofError as MeshproofError
    from meshproof.progress import Progress as Progress
    from meshproof.proof import Proof as Proof
    from meshproof.results import CheckResult as CheckResult
    from meshproof.results import RunResult as RunResult
    from meshproof.results import StepResult as StepResult

_HOMES = {
    "CheckResult": "results",
    "Choices": "choices",
    "MeshproofError": "errors",
    "Progress": "progress",
    "Proof": "proof",
    "RunResult": "results",
    "StepResult": "results",
    "proof_of": "bring_up",
}

if not TYPE_CHECKING:  # a checker that saw it would believe in every name

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
