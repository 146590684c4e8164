import functools
import re

import pytest

from lifelong.data.features import Feature
from lifelong.data.ids import id_of
from lifelong.data.logs import reading, text_lines
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.csv_format import CsvFormat
from lifelong.data.logs.fields import behavior_fields
from lifelong.data.logs.format import Piece
from tests.data.logs.whole_logs import HEADER, NAMES, read_whole, told


@pytest.fixture
def csv(tmp_path):
    """Writes bytes or text to a CSV file; returns its path."""

    def write(data, name="log.csv"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return str(path)

    return write


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("note", ["a{}b", "{}{}", '5,6,7,8{}""5"",6,7,8{}', "{}5,6,7,8{}"])
def test_a_quoted_field_spans_lines_also_where_it_is_not_read(csv, end, note):
    text = note.replace("{}", end)
    rows = ["user,item,category,timestamp,note", f'1,2,3,4,"{text}"', '2,3,"a,b",5,', "9,9,9,9,x"]
    block, bad = read_whole(csv(end.join(rows) + end))
    assert (block["user"], bad) == ([1, 2, 9], [])


def test_a_quoted_field_that_spans_lines_is_one_text(csv):
    block, _ = read_whole(csv(f'{HEADER}1,2,"a\nb ""c""",4\n2,3,"d\r\n",5\n'))
    assert block["category"] == [id_of('a\nb "c"'), id_of("d")]


def test_a_row_of_several_lines_has_the_number_of_its_first_line(csv):
    text = f'{HEADER}1,2,"a\nb",4\n-1,2,"a\n\nb",4\n1,2,"\n",4,5\n-1,2,3,4\n'
    block, bad = read_whole(csv(text))
    assert block["user"] == [1]
    assert told(bad) == [
        (7, "wrong number of columns"),
        (4, "user: negative"),
        (9, "user: negative"),
    ]
    assert bad[1].text == '-1,2,"a\n\nb",4'
    assert bad[0].text == '1,2,"\n",4,5'


@pytest.mark.parametrize("line", ['1,2,"a,4', '"1,2,3,4', '1,2,3,"4', '1,"a"",3,4'])
@pytest.mark.parametrize("after", ["", "5,6,7,8\n", '5,6,"7",8\n', '5,6,"7\n",8\n'])
def test_a_quote_that_is_never_closed_costs_its_line_alone(csv, line, after):
    block, bad = read_whole(csv(f'{HEADER}1,2,"x\ny",4\n{line}\n{after}'))
    assert block["user"] == [1, 5] if after else [1]
    assert [(row.row, row.reason, row.text) for row in bad] == [(4, "unclosed quote", line)]


def test_ranges_and_blocks_are_cut_between_rows(csv):
    count = 20
    rows = [
        f'{i},1,"{i}\n-{i},1,1,1\n",{"x" * (i % 9)}-1\n' if i % 3 else f"{i},1,c,7\n"
        for i in range(1, count)
    ]
    path = csv(HEADER + "".join(rows))
    log = LogConfig(files=path, earliest="1970-01-01")
    fields = behavior_fields(log, ())
    (file,) = reading.log_files(log, fields, "behaviors")
    end_of_rows = functools.partial(CsvFormat().end_of_rows, log)
    parts = list(text_lines.byte_ranges(path, 60, end_of_rows))
    assert len(parts) > 5
    users = []
    for part in parts:
        for lines in text_lines.read_lines(path, part, 20, end_of_rows):
            raw = CsvFormat().parse(lines, file.names, log, NAMES)
            assert not raw.bad
            users += map(int, raw.columns["user"].to_pylist())
    assert users == list(range(1, count))
    tasks = [reading.ReadTask(file, Piece(lines=part)) for part in parts]
    batches = [batch for task in tasks for batch in reading.read_blocks(task, log, fields)]
    assert [u for batch in batches for u in batch.block["user"].tolist()] == list(
        range(3, count, 3)
    )
    starts = [2 + sum(row.count("\n") for row in rows[: i - 1]) for i in range(1, count) if i % 3]
    assert [row.row for batch in batches for row in batch.bad] == starts


@pytest.mark.parametrize(
    "header", ["user,item,item,category,timestamp", "item,user,category,timestamp, item "]
)
def test_a_wanted_column_that_stands_twice_is_refused(csv, header):
    path = csv(f"{header}\n1,2,3,4,5\n")
    message = rf"^{re.escape(path)} has the column 'item' twice \(read as item\); rename"
    with pytest.raises(ValueError, match=message):
        read_whole(path)
    with pytest.raises(ValueError, match="has the column 'item' twice"):
        read_whole(
            csv("1,2,3,4,5\n"), column_names=("user", "item", "item", "category", "timestamp")
        )


def test_a_column_that_is_not_read_may_stand_twice(csv):
    block, _ = read_whole(csv("price,user,item,category,price,timestamp,,\n1,2,3,4,5,6,7,8\n"))
    assert (block["user"], block["timestamp"]) == ([2], [6])


def test_a_header_may_have_quotes_and_lines(csv):
    block, _ = read_whole(csv('"user","item","category","a\nnote",timestamp\n1,2,3,"\n",4\n'))
    assert block["timestamp"] == [4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n1,2,3,4\n", "has no header: its first line is blank"),
        ("\ufeff", "has no header"),
        ('{"user": 1}\n', "holds JSON, not CSV; set `format` to jsonl"),
        ("user,item\ruser,item\n", "the header cannot be read"),
        ("user;item;category;timestamp\n", "has no column 'user'"),
        ('"user,item\n1,2\n', "the header cannot be read"),
    ],
)
def test_a_header_that_is_none_is_told_with_the_file(csv, text, message):
    path = csv(text)
    with pytest.raises(ValueError, match=f"^{re.escape(path)}.*{message}"):
        read_whole(path)


def test_a_carriage_return_within_a_line_costs_that_line_alone(csv):
    reason = "carriage return within a line (end lines with \\n or \\r\\n)"
    block, bad = read_whole(csv(f'{HEADER}1,2,3,4\n1,2,3\r5,6,7,8\n5,6,"\r",8\r\n9,6,"a\rb",8\r'))
    assert block["user"] == [1, 9]
    assert told(bad) == [(3, reason), (4, "category: missing")]


def test_separators_of_several_characters(csv):
    path = csv('1::10::A::B::4\n2::20::"A::B"::x::5\n3::30::a:b::"\n"::6\n4::1\n', "ratings.dat")
    names = ("user", "item", "category", "note", "timestamp")
    block, bad = read_whole(path, format="csv", delimiter="::", column_names=names)
    assert block["user"] == [1, 2, 3]
    assert block["category"] == [id_of(text) for text in ("A", "A::B", "a:b")]
    assert told(bad) == [(5, "wrong number of columns")]
    path = csv('user¦item¦category¦timestamp\n1¦2¦"a¦b"¦4\n', "bars.csv")
    assert read_whole(path, delimiter="¦")[0]["category"] == [id_of("a¦b")]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_movielens_own_files(csv, end):
    text = end.join(
        ["1::1193::Animation|Children's|Comedy::978300760", "1::661::Drama::978302109", ""]
    )
    block, bad = read_whole(
        csv(text, "ratings.dat"),
        format="csv",
        delimiter="::",
        column_names=NAMES,
        category_separator="|",
    )
    assert block["category"] == [id_of("Animation"), id_of("Drama")]
    assert (block["timestamp"], bad) == ([978300760, 978302109], [])


def test_nul_bytes_cost_their_row_alone(csv):
    block, bad = read_whole(csv(f"{HEADER}1,2,3,4\n1,2,a\0b,4\n5,6,7,8\n"))
    assert block["user"] == [1, 5]
    assert [row.row for row in bad] == [3]


def test_event_features_and_ids_of_rows_that_span_lines_agree(csv):
    path = csv('user,item,category,timestamp,price\n1,2,"c\nd",4,"1\n.5"\n1,2,"c\nd",5,2.5\n')
    features = (Feature("price", "event", "numeric"),)
    block, bad = read_whole(path, features)
    assert block["history_price"] == [2.5]
    assert told(bad) == [(2, "price: unreadable")]
