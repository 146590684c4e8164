import functools

import pytest

from lifelong.data.logs import text_lines


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_blocks_and_ranges_hold_every_line_once(tmp_path, size, end):
    path = tmp_path / "log.txt"
    lines = [f"line {i} {'x' * (i % 30)}" for i in range(50)]
    path.write_text("\n".join(lines) + end)
    found = []
    for part in text_lines.byte_ranges(str(path), size * 3):
        for block in text_lines.read_lines(str(path), part, size):
            assert block.count == len(block.texts)
            found += list(enumerate(block.texts, start=block.first))
    assert found == list(enumerate(lines, start=1))


def test_first_row_and_byte_order_mark(tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(b"\xef\xbb\xbfuser,item\r\n1,2\r\n")
    assert (
        text_lines.first_row(str(path), functools.partial(text_lines.end_of_lines, limit=1))
        == "user,item"
    )
    (part,) = text_lines.byte_ranges(str(path))
    (block,) = text_lines.read_lines(str(path), part)
    assert block.texts == ["user,item", "1,2"]
    assert block.decodable


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "log.txt"
    path.write_bytes(b"caf\xe9\n")
    (block,) = text_lines.read_lines(str(path), text_lines.ByteRange(0, -1, 1))
    assert block.texts == ["caf\ufffd"]
    assert not block.decodable


@pytest.mark.parametrize(
    ("data", "limit", "end"),
    [
        (b"", 3, 0),
        (b"abc", 3, 0),
        (b"a\nbc", 3, 2),
        (b"a\nb\nc\nd\n", 3, 6),
        (b"a\nb\nc\n", 3, 6),
        (b"\n\n\n\n", 1, 1),
    ],
)
def test_end_of_lines(data, limit, end):
    assert text_lines.end_of_lines(data, limit) == end
