"""All faults, in the order in which they are seeded: by section, and within one by the way of a request."""

from __future__ import annotations

from collections.abc import Mapping

from meshproof.errors import BadInput
from meshproof.faults.fault import Fault
from meshproof.faults.gateway import of_gateway
from meshproof.faults.injection import of_injection
from meshproof.faults.integration import of_integration
from meshproof.faults.requests import of_requests
from meshproof.faults.sections import of_sections
from meshproof.steps import PAGE, RESTORE
from meshproof.steps.setting import Setting
from meshproof.word import nearest


def catalogue(setting: Setting) -> Mapping[str, Fault]:
    """Every fault by name, made for a setting."""
    makers = (of_requests, of_integration, of_gateway, of_injection, of_sections)
    each = [fault for make in makers for fault in make(setting)]
    order = [*PAGE, RESTORE.slug]
    return {fault.name: fault for fault in sorted(each, key=lambda fault: order.index(fault.after))}


def find(name: str, setting: Setting) -> Fault:
    """One fault.

    Raises:
        BadInput: There is none of that name.
    """
    known = catalogue(setting)
    if name not in known:
        raise BadInput(f"FAULT={name}: no such fault{nearest(name, known)}; those of the catalogue: {', '.join(known)}")
    return known[name]
