"""The page, one module per section, in page order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from meshproof.steps.before import before_you_begin
from meshproof.steps.clean_up import clean_up
from meshproof.steps.enable_integration import enable_integration
from meshproof.steps.exclude_service import exclude_service
from meshproof.steps.install_istio import install_istio
from meshproof.steps.model import Step
from meshproof.steps.route import route_over_mtls
from meshproof.steps.runner import fail_step, run_step, skip_step
from meshproof.steps.setting import Setting

PAGE: Mapping[str, Callable[[Setting], Step]] = {
    "before": before_you_begin,
    "istio": install_istio,
    "enable": enable_integration,
    "route": route_over_mtls,
    "exclude": exclude_service,
    "cleanup": clean_up,
}

# Those that are made for a mesh that is there.
IN_THE_MESH = frozenset({"enable", "route", "exclude"})

__all__ = ["IN_THE_MESH", "PAGE", "Setting", "Step", "fail_step", "run_step", "skip_step"]
