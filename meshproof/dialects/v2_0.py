"""kgateway 2.0, the line that the page was written for.

Source: the repository of kgateway at 2025-02-24, internal/kgateway/helm/gloo-gateway, for Envoy's container, which has
the name of its chart; pull request #10930 for the variable. The rest as in 2.2.
"""

from __future__ import annotations

from dataclasses import replace

from meshproof.dialects import v2_2

DIALECT = replace(
    v2_2.DIALECT,
    proxy_container="gloo-gateway",
    unproven="no version of this line can be had as a module, so that none can be assembled",
)
