"""The page's annotations as solo-io/docs-tests keeps them: blocks by fingerprint, each with the section that it tests.

Source: solo-io/docs-tests, README.md and products/*/annotations, format 1.
"""

from __future__ import annotations

from meshproof import yamls
from meshproof.page.block import SHELL_KINDS, Block, hash_of, normal
from meshproof.page.coverage import Coverage
from meshproof.page.reading import Page

FILE = "docs-tests.yaml"


def annotations_of(page: Page, coverage: Coverage) -> str:
    """An annotation file without any text of the page; its paths are the slugs of the steps.

    Only what is typed and known has a path: outputs are not extracted there, and a changed block is attached nowhere.
    """
    tags = [
        _tag(index, block, row.step)
        for index, (block, row) in enumerate(zip(page.blocks, coverage.blocks, strict=True))
        if row.step and block.kind in SHELL_KINDS
    ]
    listed = [f"{block.fingerprint} {block.language}".rstrip() for block in page.blocks]
    return yamls.dump({"format": 1, "source": page.origin, "previews": False, "blocks": listed, "tags": tags})


def _tag(index: int, block: Block, step: str) -> object:
    lines = [hash_of(line.strip(), 8) for line in normal(block.source).split("\n") if line.strip()]
    return {
        "paths": step,
        "block": index,
        "fingerprint": block.fingerprint,
        "lang": block.language,
        "lines": " ".join(lines),
        "form": {"attr": f'paths="{step}"', "only": True, "lead": " "},
    }
