"""What stands in the pages of the repository: blocks of code, code within lines, links."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [
    README,
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "serving" / "deploy" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
_MARKDOWN = MarkdownIt("commonmark").enable("table")
_IMAGE = re.compile(r'<img src="([^"]+)"')


class Block(NamedTuple):
    """A block of code.

    Attributes:
        page: Where it stands.
        language: What it says it is; empty for indented ones.
        text: The code.
        line: Where it begins, from 1.
    """

    page: Path
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


def name_of(page: Path) -> str:
    """Returns a page's path in the repository."""
    return str(page.relative_to(ROOT))


def blocks_of(page: Path, *languages: str) -> list[Block]:
    """Returns the blocks of code of a page that are of one of the languages."""
    found = []
    for token in _tokens(page):
        if token.type in ("fence", "code_block") and token.info.strip() in languages:
            found.append(Block(page, token.info.strip(), token.content, token.map[0] + 1))
    return found


def blocks(*languages: str) -> list[Block]:
    """Returns the blocks of all pages that are of one of the languages."""
    return [block for page in PAGES for block in blocks_of(page, *languages)]


def codes_of(page: Path) -> list[str]:
    """Returns the code within the lines of a page."""
    return [token.content for token in _inner(page) if token.type == "code_inline"]


def links_of(page: Path) -> list[str]:
    """Returns what a page links to, pictures too."""
    links = [token.attrs["href"] for token in _inner(page) if token.type == "link_open"]
    links += [token.attrs["src"] for token in _inner(page) if token.type == "image"]
    return links + _IMAGE.findall(page.read_text())


def anchors_of(page: Path) -> set[str]:
    """Returns the anchors of a page's headings, as GitHub and MyST make them."""
    tokens = list(_tokens(page))
    return {
        re.sub(r"[^\w\- ]", "", heading.content.lower()).replace(" ", "-")
        for opening, heading in itertools.pairwise(tokens)
        if opening.type == "heading_open"
    }


def _tokens(page: Path) -> list[Token]:
    return _MARKDOWN.parse(page.read_text())


def _inner(page: Path) -> Iterator[Token]:
    for token in _tokens(page):
        yield from token.children or ()
