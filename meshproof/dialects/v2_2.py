"""kgateway 2.2: names all of it as 2.4 does. Source: the same files in v2.2.0."""

from __future__ import annotations

from meshproof.dialects import v2_4

DIALECT = v2_4.DIALECT
