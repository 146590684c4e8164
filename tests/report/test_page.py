"""The page in a browser: what it is made of stands in it as text, charts are drawn, nothing is loaded."""

import re

import pytest
from selenium.webdriver import ActionChains

from lifelong.report.charts import against_diagonal, bars, bars_about, dots, horizontal_bars, lines
from lifelong.report.page import (
    Disclosure,
    Facts,
    Figure,
    Notice,
    Page,
    Paragraph,
    Section,
    Table,
    number,
    render,
    share,
)
from tests.browser import DESKTOP, PHONE, complaints, needs_browser, open_browser, scrolls_sideways

HOSTILE = "<script>document.title = 'broken'</script>&<b>\"'"
ROWS = [
    {"x": x, "bucket": f"{x}-{x + 1} days", "y": x / 5, "of": name}
    for name in ("found", "all")
    for x in range(4)
]
X, BUCKET, Y = ("x", "epoch"), ("bucket", "age"), ("y", "share of events")
# How many marks each draws that tell a value.
CHARTS = {
    "lines": (lines(ROWS, X, Y, "of", whole=True), 8),
    "bars": (bars(ROWS, BUCKET, Y, "of"), 8),
    "dots": (dots(ROWS, BUCKET, Y, "of"), 8),
    "horizontal bars": (horizontal_bars(ROWS[:4], "bucket", Y), 4),
    "bars about": (bars_about(ROWS[:4], X, Y, 0.5), 4),
    "diagonal": (against_diagonal(ROWS[:4], ("y", "score"), ("y", "positives")), 4),
}
LONG = "/a/folder/" + "that/lies/deep/" * 30


@pytest.fixture(scope="module")
def html():
    figures = [Figure(f"{name} {HOSTILE}", "Read it.", c) for name, (c, _) in CHARTS.items()]
    table = Table(HOSTILE, ("log", "place", "rows"), [(HOSTILE, LONG, "12")] * 3, texts=2)
    blocks = [
        Paragraph(HOSTILE),
        Notice(f"warning: {HOSTILE}"),
        Facts([(HOSTILE, LONG)]),
        table,
        *figures,
        Disclosure("configuration", f"text: {HOSTILE}\n{LONG}"),
    ]
    sections = [Section("data", "Data", blocks), Section("more", "More", [])]
    tiles = [("AUC", "0.8336", "gate: at least 0.6")] * 5
    return render(Page(f"eta {HOSTILE}", "today", False, f"no:\n- {HOSTILE}", tiles, sections))


def test_nothing_is_loaded_from_anywhere(html):
    assert set(re.findall(r'(?:src|href)="([^#"][^"]*)"', html)) == {"data:,"}
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(", html)


def test_what_comes_from_logs_is_no_markup(html):
    assert html.count("<script>") == 1
    assert "<b>" not in html


@needs_browser
@pytest.mark.parametrize(
    ("size", "dark"), [(PHONE, True), (DESKTOP, False)], ids=["phone, dark", "desktop, light"]
)
def test_the_page_in_a_browser(html, size, dark, tmp_path):
    page = tmp_path / "report.html"
    page.write_text(html)
    with open_browser(tmp_path, size, dark) as driver:
        driver.get(page.as_uri())
        assert driver.title == f"eta {HOSTILE}"
        assert not scrolls_sideways(driver)
        for selector, text in (
            (".notice", f"warning: {HOSTILE}"),
            (".verdict", f"no:\n- {HOSTILE}"),
            ("tbody th", HOSTILE),
        ):
            assert driver.find_element("css selector", selector).text == text
        colors = driver.execute_script(
            "const style = getComputedStyle(document.body); return [style.color, style.backgroundColor];"
        )
        # A dark page's text is lighter than what it stands on.
        assert (brightness(colors[0]) > brightness(colors[1])) == dark
        drawn = [
            it for it in driver.find_elements("css selector", "figure svg") if it.size["width"]
        ]
        assert len(drawn) == len(CHARTS)
        for svg, (name, (_, count)) in zip(drawn, CHARTS.items(), strict=True):
            marks = svg.find_elements("css selector", VALUES)
            assert len(marks) == count, name
            fills = {mark.value_of_css_property("fill") for mark in marks}
            assert all(fill.startswith("rgb") for fill in fills), name
            # Each of two series has a colour of its own.
            assert len(fills) == count // 4, name
            assert svg.get_attribute("aria-label") == f"{name} {HOSTILE}"
        told = driver.find_element("css selector", "#told")
        assert not told.is_displayed()
        bar = drawn[1].find_elements("css selector", VALUES)[2]
        driver.execute_script(SCROLL, bar)
        driver.execute_async_script(WAIT_FOR_FRAMES)
        ActionChains(driver).move_to_element(bar).perform()
        assert told.text == "found\nage: 2-3 days\nshare of events: 40.0%"
        assert not complaints(driver)


VALUES = '[role="graphics-symbol"]:is([aria-roledescription="point"], [aria-roledescription="bar"])'
SCROLL = "arguments[0].scrollIntoView({behavior: 'instant', block: 'center'})"
# Until the page has been told that it was scrolled.
WAIT_FOR_FRAMES = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"


def brightness(color):
    return sum(map(float, re.findall(r"[\d.]+", color)[:3]))


def test_what_is_not_defined_is_a_dash():
    assert (number(None), number(float("nan")), number(0.5)) == ("-", "-", "0.5000")
    assert (share(float("nan")), share(0.123)) == ("-", "12.3%")
