import bz2
import gzip
import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lifelong.data.features import Feature
from lifelong.data.ids import (
    LEADING_ZEROS,
    MISSING_ID,
    NEGATIVE,
    NO_INTEGER,
    NUL,
    ROUNDED,
    TOO_LARGE,
    fingerprint,
    id_of,
)
from lifelong.data.logs import reading, text_lines
from lifelong.data.logs.config import LogColumns, LogConfig
from lifelong.data.logs.fields import Field, behavior_fields, item_fields
from lifelong.data.logs.format import Piece

GOOD = {"user": 1, "item": 2, "category": 3, "timestamp": 1500000000}
FORMATS = ("csv", "jsonl", "parquet")


def log_of(**options):
    """A log whose times may be small numbers."""
    return LogConfig(**{"earliest": "1970-01-01", **options})


def read(log, fields=None):
    fields = fields or behavior_fields(log, ())
    batches = list(reading.read_all(log, fields, "behaviors"))
    block = {
        key: np.concatenate([batch.block[key] for batch in batches]) for key in batches[0].block
    }
    return block, [row for batch in batches for row in batch.bad], batches


def only_bad(path, **log):
    block, bad, _ = read(log_of(files=path, **log))
    assert len(block["user"]) == 2, "the good rows around it stay"
    (row,) = bad
    assert row.file == path
    return row


OUTSIDE = "outside 1990-01-01 to 2025-01-01"
# A bad value, the column it stands in and the reason given.
BAD_VALUES = [
    ("user", None, "user: missing"),
    ("item", None, "item: missing"),
    ("category", None, "category: missing"),
    ("timestamp", None, "timestamp: missing"),
    ("user", -1, "user: negative"),
    ("item", -7, "item: negative"),
    ("category", -7, "category: negative"),
    ("timestamp", -5, f"timestamp: {OUTSIDE}"),
    ("timestamp", 1500000000000, f"timestamp: {OUTSIDE} (inside it if timestamp_unit is ms)"),
    ("timestamp", 20220408, f"timestamp: {OUTSIDE} (a date such as 20220408? write 2022-04-08)"),
]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(("column", "value", "reason"), BAD_VALUES)
def test_a_bad_value_is_quarantined_in_every_format(write_log, suffix, column, value, reason):
    path = write_log(f"log.{suffix}", [GOOD, {**GOOD, column: value}, {**GOOD, "user": 5}])
    row = only_bad(path, earliest="1990-01-01", latest="2025-01-01")
    assert row.reason == reason
    assert row.row == (3 if suffix == "csv" else 2)
    assert str(value) in row.text or value is None


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("text", ["yesterday", "2017-13-01", "2017-01-01 25:00:00", "1e9"])
def test_an_unreadable_time_is_quarantined(write_log, suffix, text):
    rows = [{**GOOD, "timestamp": t} for t in ("2017-01-02 03:04:05", text, "2017-01-02")]
    path = write_log(f"log.{suffix}", rows)
    assert only_bad(path).reason == "timestamp: unreadable"


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_label_must_be_0_or_1(write_log, suffix):
    rows = [{**GOOD, "label": label} for label in (0, 1, 2, None)]
    path = write_log(f"log.{suffix}", rows)
    fields = [Field("user", "user", "id"), Field("label", "label", "label")]
    block, bad, _ = read(log_of(files=path), fields)
    assert block["label"].tolist() == [0.0, 1.0]
    assert [row.reason for row in bad] == ["label: not 0 or 1", "label: missing"]


def test_boolean_and_text_labels(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"user": 1, "label": true}\n{"user": 1, "label": false}\n')
    fields = [Field("user", "user", "id"), Field("label", "label", "label")]
    assert read(log_of(files=str(path)), fields)[0]["label"].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("line", ["1,2,3", "1,2,3,4,5", "1"])
def test_csv_with_a_wrong_number_of_columns(tmp_path, line):
    path = tmp_path / "log.csv"
    path.write_text(f"user,item,category,timestamp\n1,2,3,4\n{line}\n5,6,7,8\n")
    row = only_bad(str(path))
    assert (row.row, row.reason, row.text) == (3, "wrong number of columns", line)


@pytest.mark.parametrize("line", ['"1,2,3,4', '1,2,3,"4', '1,"a"",3,4'])
def test_an_unclosed_quote_swallows_no_other_row(tmp_path, line):
    path = tmp_path / "log.csv"
    path.write_text(f"user,item,category,timestamp\n1,2,3,4\n{line}\n5,6,7,8\n")
    row = only_bad(str(path))
    assert (row.row, row.reason) == (3, "unclosed quote")
    path.write_text(f"user,item,category,timestamp\n1,2,3,4\n5,6,7,8\n{line}")
    assert only_bad(str(path)).row == 4, "at the end of the file, too"


def test_csv_quotes_blank_lines_crlf_bom_and_row_numbers(tmp_path):
    path = tmp_path / "log.csv"
    text = (
        "\ufeffuser,item,category,timestamp\r\n"
        '1,2,"a,b",4\r\n\r\n5,6,say ""x"",8\r\n-1,6,7,8\r\n9,9,"q""q",9'
    )
    path.write_text(text, newline="")
    block, bad, _ = read(log_of(files=str(path)))
    assert block["user"].tolist() == [1, 5, 9]
    assert block["category"].tolist() == [id_of(t) for t in ("a,b", 'say ""x""', 'q"q')]
    assert [(row.row, row.reason) for row in bad] == [(5, "user: negative")]


def test_csv_without_a_header_and_with_tabs(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text("1\t2\tbuy\t3\t4\n")
    log = log_of(
        files=str(path),
        format="csv",
        delimiter="\t",
        column_names=("user", "item", "action", "category", "timestamp"),
        columns=LogColumns(behavior="action"),
    )
    block, _, _ = read(log)
    assert {key: column.tolist() for key, column in block.items()} == {
        "user": [1],
        "item": [2],
        "category": [3],
        "timestamp": [4],
        "history_behavior": [id_of("buy")],
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [("{broken", "malformed JSON"), ("[1, 2]", "not a JSON object"), ("7", "not a JSON object")],
)
def test_malformed_json(tmp_path, line, reason):
    path = tmp_path / "log.jsonl"
    good = '{"user": 1, "item": 2, "category": "x", "timestamp": 4}'
    path.write_text(f"{good}\n\n{line}\n{good}\n")
    row = only_bad(str(path))
    assert (row.row, row.reason, row.text) == (3, reason, line)


def test_json_values_of_several_types_are_read_by_their_own_type(tmp_path):
    path = tmp_path / "log.jsonl"
    users = ['"7"', "7", "7.0", "7.5", "null", '"a"', "[7]", "-7", '"2017-01-01"', str(2**63)]
    users += ['"\\ud800"', '"a\\u0000"', f"{2**53}.0"]
    rows = [f'{{"user": {u}, "item": 1, "category": 1, "timestamp": 1}}\n' for u in users]
    path.write_text("".join(rows))
    block, bad, _ = read(log_of(files=str(path)))
    assert block["user"].tolist() == [7, 7, 7, id_of("a"), id_of("2017-01-01")]
    assert {row.row: row.reason for row in bad} == {
        4: f"user: {NO_INTEGER}",
        5: "user: missing",
        7: "user: unreadable",
        8: f"user: {NEGATIVE}",
        10: f"user: {TOO_LARGE}",
        11: "user: unreadable",
        12: f"user: {NUL}",
        13: f"user: {ROUNDED}",
    }


def test_a_text_column_of_json_that_looks_like_times_stays_text(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(
        '{"user": 1, "item": "2017-01-01", "category": 1, "timestamp": "1970-01-01T00:01:00"}\n'
    )
    block, _, _ = read(log_of(files=str(path)))
    assert block["item"].tolist() == [id_of("2017-01-01")]
    assert block["timestamp"].tolist() == [60]


def test_bytes_that_are_not_utf8_are_quarantined(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(b"user,item,category,timestamp\n1,2,good,4\n1,2,caf\xe9,4\n1,3,good,4\n")
    assert only_bad(str(path)).reason == "not UTF-8"


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("carry", [int, str, "{}.0".format])
def test_an_id_is_the_same_in_every_format_and_type(write_log, suffix, carry):
    ids = [1017, 0, 7, 123_456_789]
    rows = [{**GOOD, **dict.fromkeys(("user", "item", "category"), carry(i))} for i in ids]
    block, bad, _ = read(log_of(files=write_log(f"log.{suffix}", rows)))
    assert not bad
    for key in ("user", "item", "category"):
        assert block[key].tolist() == ids


@pytest.mark.parametrize("suffix", FORMATS)
def test_ids_that_may_be_others_are_quarantined_with_the_reason(write_log, suffix):
    texts = ["007", str(2**63), "-1", "a\0b", str(2**63 - 1)]
    rows = [{**GOOD, "item": text} for text in texts]
    block, bad, _ = read(log_of(files=write_log(f"log.{suffix}", rows)))
    assert block["item"].tolist() == [2**63 - 1]
    reasons = [row.reason.removeprefix("item: ") for row in bad]
    assert reasons == [LEADING_ZEROS, TOO_LARGE, NEGATIVE, NUL]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_column_declared_text_keeps_leading_zeros(write_log, suffix):
    path = write_log(f"log.{suffix}", [{**GOOD, "item": text} for text in ("007", "7", "x")])
    block, bad, _ = read(log_of(files=path, text_columns=("item",)))
    assert not bad
    assert block["item"].tolist() == [fingerprint(text) for text in ("007", "7", "x")]
    assert block["user"].tolist() == [1] * 3


@pytest.mark.parametrize(
    ("unit", "value"), [("s", 60), ("ms", 60_999), ("us", 60_000_001), ("ns", 60_999_999_999)]
)
def test_units_of_integer_times(write_log, unit, value):
    for suffix in FORMATS:
        path = write_log(f"log.{suffix}", [{**GOOD, "timestamp": value}])
        block, _, _ = read(log_of(files=path, timestamp_unit=unit))
        assert block["timestamp"].tolist() == [60]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86400),
        ("1970-01-01 00:01", 60),
        ("1970-01-01T00:01:00", 60),
        ("1970-01-01 00:01:00.75", 60),
        ("1970-01-01T00:01:00Z", 60),
        ("1970-01-01T02:01:00+02:00", 60),
        ("1970-01-01T02:01:00.5+0200", 60),
    ],
)
def test_times_as_text(write_log, text, seconds):
    for suffix in FORMATS:
        path = write_log(f"log.{suffix}", [{**GOOD, "timestamp": text}])
        assert read(log_of(files=path))[0]["timestamp"].tolist() == [seconds]


@pytest.mark.parametrize(
    "kind",
    [
        pa.timestamp("ns"),
        pa.timestamp("ms", "Europe/Berlin"),
        pa.timestamp("s"),
        pa.date32(),
        pa.date64(),
    ],
)
def test_parquet_timestamp_types(tmp_path, kind):
    times = pa.array([86400], pa.timestamp("s")).cast(kind)
    table = pa.table({"user": [1], "item": [1], "category": [1], "timestamp": times})
    pq.write_table(table, tmp_path / "log.parquet")
    block, _, _ = read(log_of(files=str(tmp_path / "log.parquet")))
    assert block["timestamp"].tolist() == [86400]


def test_parquet_ids_of_other_types(tmp_path):
    table = pa.table(
        {
            "user": pa.array([1.0, 2.5, None, float("nan")]),
            "item": pa.array([2**64 - 1, 2, 3, 4], pa.uint64()),
            "category": pa.array(["a", "b", None, "a"]).dictionary_encode(),
            "timestamp": pa.array([1, 2, 3, 4], pa.int32()),
        }
    )
    pq.write_table(table, tmp_path / "log.parquet")
    log = log_of(files=str(tmp_path / "log.parquet"))
    _, bad, _ = read(log)
    assert [row.reason for row in bad] == [
        f"item: {TOO_LARGE}",
        f"user: {NO_INTEGER}",
        "user: missing",
        "user: missing",
    ]
    nested = pa.table({name: [[1]] for name in ("user", "item", "category", "timestamp")})
    pq.write_table(nested, tmp_path / "log.parquet")
    with pytest.raises(ValueError, match=r"log\.parquet: column 'user': .*list"):
        read(log)


def test_features_missing_and_unreadable(write_log):
    features = (Feature("price", "event", "numeric"), Feature("color", "event", column="colour"))
    rows = [
        {**GOOD, "price": "1.5", "colour": "red"},
        {**GOOD, "price": None, "colour": None},
        {**GOOD, "price": "cheap", "colour": "red"},
        {**GOOD, "price": "inf", "colour": "red"},
    ]
    for suffix in FORMATS:
        log = log_of(files=write_log(f"log.{suffix}", rows))
        block, bad, batches = read(log, behavior_fields(log, features))
        assert block["history_price"].tolist() == [1.5, 0.0]
        assert block["history_price"].dtype == np.float32
        assert block["history_color"].tolist() == [id_of("red"), MISSING_ID]
        assert [row.reason for row in bad] == ["price: unreadable"] * 2
        missing = sum((batch.missing for batch in batches), start=type(batches[0].missing)())
        assert missing == {"history_price": 1, "history_color": 1}


def test_vectors_missing_and_unreadable(tmp_path, write_log):
    features = (Feature("image", "item", "vector", size=2),)
    rows = [
        {"item": 1, "image": [0.5, -1]},
        {"item": 2, "image": None},
        {"item": 3, "image": [0.5]},
        {"item": 4, "image": [1, None]},
    ]
    paths = [write_log("items.parquet", rows), write_log("items.jsonl", rows)]
    texts = [" ".join(map(str, row["image"] or [])) for row in rows]
    as_text = [{**row, "image": text} for row, text in zip(rows, texts, strict=True)]
    paths += [write_log("items.csv", as_text), write_log("texts.jsonl", as_text)]
    for path in paths:
        log = log_of(files=path, columns=LogColumns(category=""))
        block, bad, batches = read(log, item_fields(log, features))
        assert block["item_image"].tolist() == [[0.5, -1], [0, 0]]
        assert block["item_image"].dtype == np.float32
        reasons = ["image: not 2 numbers", "image: unreadable"]
        assert [(row.row - bad[0].row, row.reason) for row in bad] == list(enumerate(reasons))
        assert sum(batch.missing["item_image"] for batch in batches) == 1


def test_an_item_table_without_categories_says_so(write_log):
    log = log_of(files=write_log("items.csv", [{"item": 1}]))
    message = r"items\.csv has no column 'category' .* Set behaviors\.columns\.category, to \"\" if"
    with pytest.raises(ValueError, match=message):
        read(log, item_fields(log, ()))


def test_vectors_of_odd_json(tmp_path):
    odd = [
        "1",
        "true",
        "[true, 1]",
        '["1", 2]',
        "[1e400, 1]",
        "[1" + "0" * 400 + ", 1]",
        "{}",
        "[[1], 2]",
    ]
    lines = [
        f'{{"item": {i}, "image": {value}}}' for i, value in enumerate([*odd, "[1, 2.5]", "null"])
    ]
    path = tmp_path / "items.jsonl"
    path.write_text("\n".join(lines))
    log = log_of(files=str(path), columns=LogColumns(category=""))
    block, bad, _ = read(log, item_fields(log, (Feature("image", "item", "vector", size=2),)))
    assert {row.reason for row in bad} == {"image: unreadable"}
    assert block["item"].tolist() == [len(odd), len(odd) + 1]
    assert block["item_image"].tolist() == [[1, 2.5], [0, 0]]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_large_text_files_are_read_in_parts_with_right_row_numbers(tmp_path, suffix):
    rows = [(i, i * 2) if i % 7 else (-1, i) for i in range(200)]
    path = tmp_path / f"log.{suffix}"
    if suffix == "csv":
        lines = ["user,item,category,timestamp", *(f"{u},{i},x,9" for u, i in rows)]
    else:
        lines = [f'{{"user": {u}, "item": {i}, "category": "x", "timestamp": 9}}' for u, i in rows]
    path.write_text("\n".join(lines))
    log = log_of(files=str(path))
    parts = list(text_lines.byte_ranges(str(path), 500))
    assert len(parts) > 4
    assert parts[0].start == 0
    assert [part.start for part in parts[1:]] == [part.end for part in parts[:-1]]
    (file,) = reading.log_files(log, behavior_fields(log, ()), "behaviors")
    items, bad = [], []
    for part in parts:
        task = reading.ReadTask(file, Piece(lines=part))
        for batch in reading.read_blocks(task, log, behavior_fields(log, ())):
            items += batch.block["item"].tolist()
            bad += [row.row for row in batch.bad]
    assert items == [i for u, i in rows if u >= 0]
    first = 2 if suffix == "csv" else 1
    assert bad == [first + n for n, (u, _) in enumerate(rows) if u < 0]


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress)])
def test_compressed_text(tmp_path, suffix, pack):
    path = tmp_path / f"log.csv.{suffix}"
    path.write_bytes(pack(b"user,item,category,timestamp\n1,2,3,4\n-1,2,3,4\n"))
    block, bad, _ = read(log_of(files=str(path)))
    assert block["user"].tolist() == [1]
    assert bad[0].row == 3


def test_several_globs(write_log):
    one, two = write_log("a-1.csv", [GOOD]), write_log("b.jsonl", [{**GOOD, "user": 9}])
    block, _, _ = read(log_of(files=f"{one.replace('a-1', 'a-*')}, {two}"))
    assert block["user"].tolist() == [1, 9]


def test_what_cannot_be_read_at_all_is_said_clearly(tmp_path, write_log):
    def fails(error, match, **log):
        with pytest.raises(error, match=match):
            read(log_of(**log))

    fails(FileNotFoundError, r"behaviors\.files: no file matches '.*none-\*", files="none-*.csv")
    path = write_log("log.csv", [{"user": 1, "item": 2, "kind": 3, "timestamp": 4}])
    match = r"log\.csv has no column 'category' .* it has user, item, kind, timestamp\. Set "
    fails(ValueError, match, files=path)
    match = r"log\.jsonl has no column 'category'"
    fails(ValueError, match, files=write_log("log.jsonl", [{"user": 1, "item": 2}]))
    (tmp_path / "empty.csv").write_text("")
    fails(ValueError, "empty.csv is empty", files=str(tmp_path / "empty.csv"))
    (tmp_path / "bad.parquet").write_text("no parquet")
    fails(ValueError, "bad.parquet is not a Parquet file", files=str(tmp_path / "bad.parquet"))
    (tmp_path / "log.dat").write_text("1")
    fails(ValueError, r"set behaviors\.format", files=str(tmp_path / "log.dat"))


def test_large_ids_beside_a_fraction_keep_all_digits(tmp_path):
    path = tmp_path / "log.jsonl"
    rows = [{**GOOD, "user": 2**53 + 1}, {**GOOD, "user": 1.5}, {**GOOD, "user": 2**63 - 1}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    block, bad, _ = read(log_of(files=str(path)))
    assert block["user"].tolist() == [2**53 + 1, 2**63 - 1]
    assert [row.reason for row in bad] == [f"user: {NO_INTEGER}"]


def test_json_of_any_depth_is_only_malformed(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n{'[' * 100_000}\n{json.dumps(GOOD)}\n")
    assert only_bad(str(path)).reason == "malformed JSON"


@pytest.mark.parametrize("sign", [";", "\t", "|", "::"])
def test_a_header_with_another_delimiter_is_told_with_it(tmp_path, sign):
    path = tmp_path / "log.csv"
    path.write_text(sign.join(GOOD) + "\n" + sign.join(map(str, GOOD.values())) + "\n")
    with pytest.raises(ValueError, match=rf"Set behaviors\.delimiter to {re.escape(repr(sign))}"):
        read(log_of(files=str(path)))
    assert read(log_of(files=str(path), delimiter=sign))[0]["item"].tolist() == [2]
