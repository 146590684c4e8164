"""Charts of the page, drawn as SVG whose colours the page's styles decide, light or dark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import vl_convert

# Of a desktop's column and of a phone's: text keeps its size on both.
WIDE, NARROW = 720, 340
_HEIGHT = {WIDE: 300, NARROW: 260}
# Of more places, points are small.
_MANY = 20
# Field of what a mark is described by.
_TOLD = "told"
_SERIES = [f"var(--series-{number})" for number in range(1, 5)]
# Where it is drawn, room for labels is measured by the first of them; almost all readers have one as wide.
_FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"
_CONFIG: dict[str, Any] = {
    "background": None,
    "font": _FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "gridColor": "var(--grid)",
        "domainColor": "var(--axis)",
        "tickColor": "var(--axis)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "labelOverlap": True,
    },
    "axisX": {"grid": False},
    "axisDiscrete": {"labelOverlap": False},
    "legend": {
        "orient": "top",
        "title": None,
        "labelColor": "currentColor",
        "labelFontSize": 12,
        "labelLimit": 300,
        "symbolStrokeWidth": 2,
    },
    "range": {"category": _SERIES},
    "bar": {"fill": _SERIES[0]},
    "line": {"stroke": _SERIES[0], "strokeWidth": 2},
    "point": {"filled": True, "size": 60, "opacity": 1},
}

Rows = Sequence[dict[str, Any]]


def draw(chart: alt.TopLevelMixin, width: int, description: str) -> str:
    """Draws a chart.

    Args:
        chart: One view, or layers.
        width: `WIDE` or `NARROW`.
        description: What a reader who does not see it is told.

    Returns:
        An SVG element.
    """
    spec = chart.to_dict()
    del spec["config"]
    spec |= {"width": width, "autosize": {"type": "fit", "contains": "padding"}}
    spec.setdefault("height", _HEIGHT[width])
    legend = _CONFIG["legend"] | {"columns": 3 if width == WIDE else 2}
    svg = vl_convert.vegalite_to_svg(spec, config=_CONFIG | {"legend": legend})
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def lines(
    rows: Rows, x: tuple[str, str], y: tuple[str, str], series: str, whole: bool = False
) -> alt.LayerChart:
    """Returns lines with their points, one for each series; y need not begin at 0.

    Args:
        rows: Dictionaries that have all that is named.
        x: Field and title of the horizontal axis.
        y: Likewise, of the vertical one.
        series: Field that tells lines apart.
        whole: Whether each x has a tick.
    """
    places = sorted({row[x[0]] for row in rows})
    ticks: dict[str, Any] = {"values": places, "format": "d"} if whole else {}
    ends: dict[str, Any] = {"domain": [places[0], places[-1]], "nice": False, "padding": 8}
    base = _chart(rows, x, y, series).encode(
        x=alt.X(x[0], type="quantitative", title=x[1]).axis(**ticks).scale(**ends),
        y=alt.Y(y[0], type="quantitative", title=y[1]).scale(zero=False),
        color=_color(rows, series),
    )
    # Points tell their values one by one.
    size = 60 if len(places) <= _MANY else 16
    return base.mark_line(aria=False) + base.mark_point(size=size)


def bars(
    rows: Rows, x: tuple[str, str], y: tuple[str, str], series: str, percent: bool = True
) -> alt.Chart:
    """Returns bars side by side, a group for each x in the order of the rows.

    Args:
        rows: Dictionaries that have all that is named.
        x: Field and title of the groups.
        y: Likewise, of the heights.
        series: Field that tells bars of a group apart.
        percent: Whether heights are shares, to be read as percent.
    """
    return (
        _chart(rows, x, y, series, percent)
        .mark_bar()
        .encode(
            x=alt.X(x[0], type="nominal", title=x[1], sort=None).axis(labelAngle=-35),
            xOffset=alt.XOffset(series, type="nominal", sort=None),
            y=alt.Y(y[0], type="quantitative", title=y[1]).axis(format=".0%" if percent else "~g"),
            color=_color(rows, series),
        )
    )


def bars_about(rows: Rows, x: tuple[str, str], y: tuple[str, str], middle: float) -> alt.LayerChart:
    """Returns bars from a line that they should end near.

    Args:
        rows: Dictionaries that have both fields, x a whole number.
        x: Field and title of the horizontal axis.
        y: Likewise, of the vertical one, from 0 to 1.
        middle: Where the line is.
    """
    drawn = (
        _chart(rows, x, y)
        .transform_calculate(middle=str(middle))
        .mark_bar()
        .encode(
            x=alt.X(x[0], type="ordinal", title=x[1]).axis(labelAngle=0, labelOverlap=True),
            y=alt.Y(y[0], type="quantitative", title=y[1]).scale(domain=[0, 1]),
            y2="middle:Q",
        )
    )
    line = alt.Chart(alt.Data(values=[{}])).mark_rule(stroke="var(--axis)", aria=False)
    return drawn + line.encode(y=alt.datum(middle))


def dots(rows: Rows, x: tuple[str, str], y: tuple[str, str], series: str) -> alt.LayerChart:
    """Returns a dot for each group and series, those of a series joined; y need not begin at 0."""
    base = _chart(rows, x, y, series).encode(
        x=alt.X(x[0], type="nominal", title=x[1], sort=None).axis(labelAngle=0),
        y=alt.Y(y[0], type="quantitative", title=y[1]).scale(zero=False),
        color=_color(rows, series),
    )
    return base.mark_line(aria=False, strokeDash=[3, 3]) + base.mark_point()


def horizontal_bars(rows: Rows, name: str, value: tuple[str, str]) -> alt.Chart:
    """Returns a bar for each row, from top to bottom.

    Args:
        rows: Dictionaries that have both fields.
        name: Field of the names.
        value: Field and title of the lengths.
    """
    return (
        _chart(rows, (name, "of"), value)
        .mark_bar()
        .encode(
            y=alt.Y(name, type="nominal", title=None, sort=None).axis(labelLimit=170),
            x=alt.X(value[0], type="quantitative", title=value[1]).axis(grid=True),
        )
        .properties(height=18 * len(rows) + 50)
    )


def against_diagonal(rows: Rows, x: tuple[str, str], y: tuple[str, str]) -> alt.LayerChart:
    """Returns points and the line on which both values are equal; low values are drawn apart.

    Args:
        rows: Dictionaries that have both fields, from 0 to 1.
        x: Field and title of the horizontal axis.
        y: Likewise, of the vertical one.
    """
    end = max(1e-9, *(row[field] for row in rows for field in (x[0], y[0])))
    # Most scores are low: a square root gives them room.
    scale: dict[str, Any] = {"type": "sqrt", "domain": [0, 1.05 * end], "nice": False}
    axis: dict[str, Any] = {"format": ".2~f", "tickCount": 6}
    points = (
        _chart(rows, x, y)
        .mark_point(fill=_SERIES[0])
        .encode(
            x=alt.X(x[0], type="quantitative", title=x[1]).scale(**scale).axis(**axis),
            y=alt.Y(y[0], type="quantitative", title=y[1]).scale(**scale).axis(**axis),
        )
    )
    equal = (
        alt.Chart(alt.Data(values=[{x[0]: value, y[0]: value} for value in (0, 1.05 * end)]))
        .mark_line(stroke="var(--axis)", strokeDash=[4, 4], strokeWidth=1, aria=False)
        .encode(x=f"{x[0]}:Q", y=f"{y[0]}:Q")
    )
    return equal + points


def _chart(
    rows: Rows, x: tuple[str, str], y: tuple[str, str], series: str = "", percent: bool = False
) -> alt.Chart:
    """Returns a chart of rows, each of which is told in words, too: its mark is described by them."""

    def told(row: dict[str, Any]) -> str:
        values = [(x[1], _text(row[x[0]], False)), (y[1], _text(row[y[0]], percent))]
        texts = [row[series]] if series else []
        return "; ".join([*texts, *(f"{title}: {value}" for title, value in values)])

    described = [{**row, _TOLD: told(row)} for row in rows]
    return alt.Chart(alt.Data(values=described)).encode(description=f"{_TOLD}:N")


def _text(value: Any, percent: bool) -> str:
    if percent:
        return f"{value:.1%}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _color(rows: Rows, series: str) -> alt.Color:
    names = list(dict.fromkeys(row[series] for row in rows))
    return alt.Color(series, type="nominal").scale(domain=names, range=_SERIES[: len(names)])
