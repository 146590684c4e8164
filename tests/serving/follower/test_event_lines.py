import dataclasses
import json

import numpy as np
import pytest

from lifelong.data.ids import LEADING_ZEROS, MISSING_ID, NO_INTEGER, TOO_LARGE, id_of
from lifelong.data.logs.csv_format import CsvFormat
from lifelong.data.logs.fields import behavior_fields
from lifelong.data.logs.item_categories import ItemCategories
from lifelong.data.logs.json_lines_format import JsonLinesFormat
from lifelong.data.logs.text_lines import end_of_lines
from lifelong.serving.follower.chunk import Chunk, opening_of
from lifelong.serving.follower.event_lines import EventLines

GOOD = {"user": 1, "item": 2, "category": 3, "timestamp": 1500000000, "channel": "web", "qty": 1.5}


def chunk_of(*lines, first=1, offset=0, opening=None):
    data = b"".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines
    )
    return Chunk("events", opening or opening_of(data, end_of_lines), data, first, offset)


def test_lines_become_columns_of_the_store(parser):
    text = {**GOOD, "user": "u1", "item": "i", "category": "c", "timestamp": "2017-07-14T02:40:01Z"}
    parsed = parser.parse(chunk_of(GOOD, text))
    assert {name: column.tolist() for name, column in parsed.events.items()} == {
        "user": [1, id_of("u1")],
        "item": [2, id_of("i")],
        "category": [3, id_of("c")],
        "timestamp": [1500000000, 1500000001],
        "channel": [id_of("web")] * 2,
        "quantity": [1.5, 1.5],
    }
    assert parsed.count == 2
    assert parsed.bad == []


def test_missing_features_are_counted(parser):
    parsed = parser.parse(chunk_of({**GOOD, "qty": None}, {k: GOOD[k] for k in list(GOOD)[:4]}))
    assert parsed.events["channel"].tolist() == [id_of("web"), MISSING_ID]
    assert parsed.events["quantity"].tolist() == [0, 0]
    assert parsed.missing == {"history_channel": 1, "history_quantity": 2}


BAD_LINES = [
    (b"{\n", "malformed JSON"),
    (b"17\n", "not a JSON object"),
    (b"\xff\n", "malformed JSON"),
    (b"\0\0\0\n", "malformed JSON"),
    (b"[" * 100_000 + b"\n", "malformed JSON"),
    ({**GOOD, "user": None}, "user: missing"),
    ({**GOOD, "user": 1.5}, f"user: {NO_INTEGER}"),
    ({**GOOD, "user": 2**64}, f"user: {TOO_LARGE}"),
    ({**GOOD, "user": "007"}, f"user: {LEADING_ZEROS}"),
    ({**GOOD, "item": -1}, "item: negative"),
    ({**GOOD, "category": [3]}, "category: unreadable"),
    ({**GOOD, "timestamp": 1500000000000}, "timestamp: outside 1990-01-01 to "),
    ({**GOOD, "qty": "many"}, "qty: unreadable"),
    ({**GOOD, "channel": "\ud800"}, "channel: unreadable"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_LINES)
def test_a_bad_line_does_not_hurt_the_others(parser, line, reason):
    big = {**GOOD, "user": 2**53 + 1}
    before = chunk_of(GOOD, big).data
    parsed = parser.parse(chunk_of(GOOD, big, line, big, GOOD, big, first=7, offset=1000))
    assert parsed.events["user"].tolist() == [1, 2**53 + 1, 2**53 + 1, 1, 2**53 + 1]
    (bad,) = parsed.bad
    assert reason in bad.reason
    assert (bad.file, bad.line, bad.offset) == ("events", 9, 1000 + len(before))
    assert len(bad.text) <= 10_000


def test_blank_lines_are_no_lines(parser):
    parsed = parser.parse(chunk_of(b"\n", GOOD, b"  \n"))
    assert (parsed.count, parsed.bad) == (1, [])


def test_a_last_line_without_end(parser):
    line = json.dumps(GOOD).encode()
    assert parser.parse(chunk_of(GOOD, line)).count == 2
    parsed = parser.parse(chunk_of(b"17\n", line[:-5]))
    assert [bad.reason for bad in parsed.bad] == [
        "not a JSON object",
        "malformed JSON; the last line has no end",
    ]


def test_a_line_that_is_too_long(parser):
    chunk = dataclasses.replace(chunk_of(b"x" * 50_000), too_long=True)
    (bad,) = parser.parse(chunk).bad
    assert (bad.reason, bad.text) == ("longer than 4 MiB", "x" * 10_000)


HEADER = b"user,item,category,timestamp,channel,qty,more\r\n"
ROW = b"1,2,3,1500000000,web,1.5,\r\n"


@pytest.fixture
def csv(tree):
    return EventLines(tree.behaviors, tree.fields, CsvFormat())


def test_csv_with_a_header(csv):
    for chunk in (
        chunk_of(b"\xef\xbb\xbf" + HEADER, ROW),
        chunk_of(ROW, first=5, offset=99, opening=HEADER.rstrip()),
    ):
        parsed = csv.parse(chunk)
        assert parsed.events["user"].tolist() == [1]
        assert parsed.events["channel"].tolist() == [id_of("web")]
        assert parsed.events["quantity"].tolist() == [1.5]


def test_csv_without_a_header(tree):
    log = dataclasses.replace(
        tree.behaviors, column_names=tuple(HEADER.decode().strip().split(","))
    )
    parsed = EventLines(log, tree.fields, CsvFormat()).parse(chunk_of(ROW, ROW))
    assert parsed.events["user"].tolist() == [1, 1]


def test_categories_that_the_item_table_tells(tree):
    columns = dataclasses.replace(tree.behaviors.columns, category="")
    log = dataclasses.replace(tree.behaviors, columns=columns)
    fields = behavior_fields(log, tree.features)
    categories = ItemCategories(np.array([2]), np.array([30]))
    parser = EventLines(log, fields, CsvFormat(), categories)
    parsed = parser.parse(chunk_of(HEADER, ROW, ROW.replace(b"1,2", b"1,4")))
    assert parsed.events["category"].tolist() == [30, MISSING_ID]
    assert parsed.missing == {"category": 1}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1,2\n", "wrong number of columns"),
        (b'"1,2,3,1500000000,web,1.5,\n', "unclosed quote"),
        (b"1,2,3,1500000000,web,1.5,\r4,5,6,1500000000,web,1,\n", "carriage return within a line"),
        (b"1,2,3,15000x0000,web,1.5,\n", "timestamp: unreadable"),
        (b"1,2,3,1500000000,\xff,1.5,\n", "not UTF-8"),
        (b"\0\n", "wrong number of columns"),
    ],
)
def test_a_bad_row_does_not_hurt_the_others(csv, line, reason):
    parsed = csv.parse(chunk_of(HEADER, ROW, line, ROW, ROW))
    assert parsed.events["user"].tolist() == [1, 1, 1]
    (bad,) = parsed.bad
    assert reason in bad.reason
    assert (bad.line, bad.offset) == (3, len(HEADER + ROW))


def test_a_header_that_lacks_a_column(csv):
    with pytest.raises(ValueError, match="events has no column 'qty'"):
        csv.parse(chunk_of(b"user,item,category,timestamp,channel\n", ROW))


def test_the_folders_of_a_file_tell_columns(csv, parser):
    rows = HEADER.replace(b",category", b""), b"1,2,1500000000,web,1.5,\n"
    chunk = dataclasses.replace(chunk_of(*rows), name="/log/category=12/live.csv")
    assert csv.parse(chunk).events["category"].tolist() == [12]
    row = {name: value for name, value in GOOD.items() if name != "category"}
    chunk = dataclasses.replace(chunk_of(row), name="/log/category=12/live.jsonl")
    assert parser.parse(chunk).events["category"].tolist() == [12]


def test_rows_that_span_lines(csv):
    data = [HEADER, b'1,2,"a\r\n3,4,5,6,7,8,9\r\n",1500000000,web,1.5,\r\n', b"-1,2,3,4,5,6,\n"]
    parsed = csv.parse(chunk_of(*data))
    assert parsed.events["category"].tolist() == [id_of("a\r\n3,4,5,6,7,8,9\r\n")]
    (bad,) = parsed.bad
    assert (bad.line, bad.offset, bad.reason) == (5, len(data[0] + data[1]), "user: negative")


def test_the_first_of_several_categories(tree):
    log = dataclasses.replace(tree.behaviors, category_separator="|")
    parsed = EventLines(log, tree.fields, JsonLinesFormat()).parse(
        chunk_of({**GOOD, "category": "A|B"}, {**GOOD, "category": ["C", "D"]}, GOOD)
    )
    assert parsed.events["category"].tolist() == [id_of("A"), id_of("C"), 3]


def test_a_key_that_stands_twice(parser):
    line = json.dumps(GOOD).replace("}", ', "item": 9}\n').encode()
    parsed = parser.parse(chunk_of(GOOD, line))
    assert parsed.count == 1
    assert [bad.reason for bad in parsed.bad] == ["key 'item' stands twice"]


@pytest.mark.parametrize(
    ("opening", "message"),
    [
        (b"\x1f\x8b\x08\0...", r"events is compressed; pipe it in \(zcat"),
        ('{"user": 1'.encode("utf-16"), "events is UTF-16 or UTF-32; pipe it in"),
        ('{"user": 1'.encode("utf-16-le"), "events is no text in UTF-8"),
        (b"PK\x03\x04...", "events is a zip archive"),
        (b"PAR1...", "events is a Parquet file"),
    ],
)
def test_what_is_no_text_in_utf8_is_refused(parser, csv, opening, message):
    for lines in (parser, csv):
        with pytest.raises(ValueError, match=message):
            lines.parse(chunk_of(opening))


@pytest.mark.parametrize("count", [1, 2])
def test_a_wanted_column_that_stands_twice_is_refused(csv, count):
    header = HEADER.replace(b"more", b"item")
    with pytest.raises(ValueError, match="events has the column 'item' twice"):
        csv.parse(chunk_of(header, *[ROW] * count))
