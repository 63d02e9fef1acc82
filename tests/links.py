"""Follows the links of a page as a browser would, as far as they stay on this machine."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """A page's ids, and where its links lead."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            elif name in ("href", "src"):
                self.links.append(value or "")

    def dead(self) -> list[str]:
        """The links that lead nowhere: to no file, or to no place in one."""
        return [link for link in self.links if not self._leads_somewhere(link)]

    def _leads_somewhere(self, link: str) -> bool:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            return True
        target = self.path.parent / unquote(parts.path) if parts.path else self.path
        if not target.is_file():
            return False
        return not parts.fragment or unquote(parts.fragment) in Page(target).ids
