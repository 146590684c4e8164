import csv
import io
import itertools
import random

import pytest

from lifelong.data.logs import quoting
from lifelong.data.logs.quoting import rows_of


def texts(data, delimiter=b","):
    """The rows of all lines, and the indices of those whose quote is never closed."""
    rows = rows_of(data, delimiter)
    lines = data.split(b"\n")
    bounds = [*rows.starts.tolist(), len(lines) - data.endswith(b"\n")]
    assert rows.end == len(data)
    return [b"\n".join(lines[a:b]) for a, b in itertools.pairwise(bounds)], [
        rows.starts.tolist().index(line) for line in rows.open_lines
    ]


@pytest.mark.parametrize(
    ("rows", "open_rows"),
    [
        ([b"1,2", b"3,4"], []),
        ([b'"a",b', b'"",""', b'"a""b","c"'], []),
        ([b'1,"a\nb",2', b"3,4"], []),
        ([b'"a\r\nb"\r', b'"\n\n"'], []),
        ([b'1,"a\n""b"",\n""",2', b'"x\n","y\n"'], []),
        ([b'1,"a\nb" \t,2', b'"c\nd" ', b"3,4"], []),
        ([b'5" disk,1', b'say "a,1', b'a""",b'], []),
        ([b'1,"a', b"3,4", b"5,6"], [0]),
        ([b"3,4", b'1,"a'], [1]),
        # The next quote does not end a field, so it cannot be the one that was forgotten.
        ([b'1,"a', b'3,"b"', b"5,6"], [0]),
        ([b'1,"a', b'"b', b"5,6"], [0, 1]),
        ([b'"a', b'"b\nc",1', b'"d'], [0, 2]),
    ],
)
def test_rows_of_lines(rows, open_rows):
    for end in (b"", b"\n"):
        assert texts(b"\n".join(rows) + end) == (rows, open_rows)


def test_a_delimiter_of_several_characters():
    assert texts(b'1::"a\nb"::2\n1:"a\n', b"::") == ([b'1::"a\nb"::2', b'1:"a'], [])


@pytest.mark.parametrize("seed", range(20))
def test_written_rows_are_found_again_however_they_are_cut(seed):
    chance = random.Random(seed)
    file = io.StringIO()
    written = csv.writer(file, lineterminator="\n")
    starts = []
    for _ in range(30):
        starts.append(file.getvalue().count("\n"))
        written.writerow(
            ["".join(chance.choices('a",\n', k=chance.randrange(5))) for _ in range(3)]
        )
    data = file.getvalue().encode()
    rows = rows_of(data, b",")
    assert (rows.starts.tolist(), rows.open_lines) == (starts, [])
    for cut in chance.sample(range(len(data)), 20):
        first = rows_of(data[:cut], b",", is_last=False)
        assert first.starts.tolist() == starts[: len(first.starts)]
        rest = rows_of(data[first.end :], b",")
        assert len(first.starts) + len(rest.starts) == len(starts)


@pytest.mark.parametrize("seed", range(20))
def test_rows_do_not_depend_on_where_data_is_cut(seed, monkeypatch):
    monkeypatch.setattr(quoting, "LONGEST_ROW", 15)
    chance = random.Random(seed)
    data = bytes(chance.choices(b'"",a \n', k=80))
    whole = rows_of(data, b",").starts.tolist()
    starts, rest = [], b""
    for byte in range(len(data)):
        rest += data[byte : byte + 1]
        rows = rows_of(rest, b",", is_last=byte == len(data) - 1)
        line = data.count(b"\n", 0, byte + 1 - len(rest))
        starts += [line + start for start in rows.starts.tolist()]
        rest = rest[rows.end :]
    assert starts == whole


def test_a_quote_that_is_closed_too_late_is_not_closed(monkeypatch):
    monkeypatch.setattr(quoting, "LONGEST_ROW", 10)
    assert texts(b'"345\n7890"\nx\n') == ([b'"345\n7890"', b"x"], [])
    assert texts(b'"345\n78901"\nx\n') == ([b'"345', b'78901"', b"x"], [0])
    # Whether it is closed in time is not known before that many bytes are there.
    assert rows_of(b'x\n"345\n789', b",", is_last=False).end == 2
    assert rows_of(b'x\n"345\n789012\n4', b",", is_last=False).open_lines == [1]


def test_what_has_not_come_yet_is_left():
    for data in (b'1\n"a\nb', b'1\n"a\nb"', b'1\n"a\nb"\r', b'1\n"a\nb",c', b"1\n2"):
        assert rows_of(data, b",", is_last=False).end == 2
    assert rows_of(b"", b",").starts.tolist() == []
