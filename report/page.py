"""The page itself: what it is made of, and how that becomes one HTML file that needs no other."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import altair as alt
import jinja2
from markupsafe import Markup

from lifelong.report.charts import NARROW, WIDE, draw

_TEMPLATES = Path(__file__).with_name("templates")


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """Text."""

    kind: ClassVar = "paragraph"

    text: str


@dataclasses.dataclass(frozen=True)
class Notice:
    """Text that must not be overlooked."""

    kind: ClassVar = "notice"

    text: str


@dataclasses.dataclass(frozen=True)
class Facts:
    """Names and their values.

    Attributes:
        rows: Pairs of name and value.
    """

    kind: ClassVar = "facts"

    rows: Sequence[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Table:
    """A table; what is in its first column names the row.

    Attributes:
        caption: What it shows.
        head: Names of the columns.
        rows: Cells of each row, as text.
        texts: How many columns hold text, the first ones; the others hold numbers.
    """

    kind: ClassVar = "table"

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1


@dataclasses.dataclass(frozen=True)
class Figure:
    """A chart with what it shows and what would be good.

    Attributes:
        caption: What it shows, in a few words.
        text: A sentence or two: how to read it.
        chart: Of `lifelong.report.charts`.
    """

    kind: ClassVar = "figure"

    caption: str
    text: str
    chart: alt.TopLevelMixin

    def drawing(self, width: int) -> Markup:
        """Returns the chart as SVG.

        Args:
            width: In pixels.
        """
        # Vega escapes what it writes.
        return Markup(draw(self.chart, width, self.caption))


@dataclasses.dataclass(frozen=True)
class Disclosure:
    """Long text that is shown when asked for.

    Attributes:
        summary: What is shown at first.
        text: The text, as it is.
    """

    kind: ClassVar = "disclosure"

    summary: str
    text: str


Block = Paragraph | Notice | Facts | Table | Figure | Disclosure


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        name: For links to it, a word.
        title: Its heading.
        blocks: What it shows.
    """

    name: str
    title: str
    blocks: Sequence[Block]


@dataclasses.dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        title: What it is about.
        subtitle: When, how long.
        good: Whether there is a model to serve.
        verdict: What became of the model, a line or more.
        tiles: The figures to see first: name, value, and what the value is compared with.
        sections: The rest.
    """

    title: str
    subtitle: str
    good: bool
    verdict: str
    tiles: Sequence[tuple[str, str, str]]
    sections: Sequence[Section]


def render(page: Page) -> str:
    """Returns a page as HTML: styles, script and charts are in it, and nothing is loaded."""
    return template("page.html").render(page=page)


def template(name: str, *folders: Path) -> jinja2.Template:
    """Returns a template that escapes what it is given, and knows the widths of charts.

    Args:
        name: Its file.
        folders: Where it is looked for before the folder of the report's own, whose styles, script and
            figures it may include.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader((*folders, _TEMPLATES)),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals |= {"wide": WIDE, "narrow": NARROW}
    return environment.get_template(name)


def number(value: float | None, digits: int = 4) -> str:
    """Returns a number as a table shows it; a dash where it is not defined."""
    return "-" if value is None or value != value else f"{value:.{digits}f}"


def share(value: float) -> str:
    """Returns a share in percent; a dash where it is not defined."""
    return "-" if value != value else f"{100 * value:.1f}%"
