"""The cells as jobs of a workflow, for many machines: .github/workflows/matrix.yml is what this prints."""

from __future__ import annotations

from meshproof import yamls
from meshproof.matrix.cells import slug
from meshproof.releases import CHOICES, cells

COMMAND = "make matrix WORKFLOW=1 > .github/workflows/matrix.yml"
_HEAD = f"""\
# The combinations of meshproof/releases.toml, a job each. Not to be edited; what writes it anew, when `make test` asks:
# {COMMAND}
"""
_CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
_UPLOAD = "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1"


def workflow() -> str:
    """The whole file."""
    jobs = [{"slug": slug(cell), **{part: getattr(cell, part) for part in CHOICES}} for cell in cells()]
    words = " ".join(f'{part.upper()}="${{{{ matrix.{part} }}}}"' for part in CHOICES)
    told = {
        "name": "matrix",
        "on": {"push": {"branches": ["main"]}, "workflow_dispatch": {}},
        "permissions": {"contents": "read"},
        "jobs": {
            "cell": {
                "name": "${{ matrix.slug }}",
                "runs-on": "ubuntu-24.04",
                "timeout-minutes": 90,
                "strategy": {"fail-fast": False, "matrix": {"include": jobs}},
                "steps": [
                    {"uses": _CHECKOUT, "with": {"persist-credentials": False}},
                    {"run": f"make e2e {words}"},
                    {
                        "uses": _UPLOAD,
                        "if": "always()",
                        "with": {"name": "${{ matrix.slug }}", "path": "artifacts/"},
                    },
                ],
            }
        },
    }
    # PyYAML writes no comments: it quotes the pins with theirs, and takes `on` for a boolean.
    return _HEAD + _with_comments(yamls.dump(told))


def _with_comments(text: str) -> str:
    for pin in (_CHECKOUT, _UPLOAD):
        text = text.replace(f"'{pin}'", pin)
    return text.replace("'on':", "on:", 1)
