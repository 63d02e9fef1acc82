"""Helm's record of a release, as it keeps it in a Secret of the release's namespace."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshproof.errors import Refuted

# Source: https://helm.sh/docs/topics/advanced/#storage-backends
SECRET_TYPE = "helm.sh/release.v1"  # noqa: S105 - a type, no secret


class NotARelease(Refuted):
    """A text that is no record of a release."""


@dataclass(frozen=True)
class Release:
    """What a release was made of: its chart, as `NAME-VERSION`, and the values that were given."""

    chart: str
    values: Mapping[str, Any]


def release(data: str) -> Release:
    """Read the field `release` of such a Secret, as the API serves it: JSON, in gzip, in base64, in base64.

    Raises:
        NotARelease: It is something else.
    """
    try:
        record = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(data))))
        metadata = record["chart"]["metadata"]
        return Release(f"{metadata['name']}-{metadata['version']}", record.get("config") or {})
    except (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError, AttributeError) as error:
        raise NotARelease(f"Helm's record of a release: cannot be read: {error!r}") from error
