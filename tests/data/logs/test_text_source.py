import bz2
import gzip
import io
import re
import tarfile
import zipfile

import pyarrow as pa
import pytest

from lifelong.data.ids import id_of
from lifelong.data.logs import text_source
from tests.data.logs.whole_logs import HEADER, read_whole, told

CSV = f"{HEADER}1,2,käse,4\n-1,2,3,4\n".encode()


def zstd(data):
    return pa.compress(data, "zstd", asbytes=True)


def lz4(data):
    return pa.compress(data, "lz4", asbytes=True)


PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "zst": zstd, "lz4": lz4}


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz", "log.csv.bz2"])
@pytest.mark.parametrize("packer", [*PACKERS.values(), lambda data: data])
def test_archives_are_known_by_their_bytes_whatever_the_suffix(tmp_path, name, packer):
    path = tmp_path / name
    path.write_bytes(packer(CSV))
    block, bad = read_whole(str(path))
    assert block["category"] == [id_of("käse")]
    assert told(bad) == [(3, "user: negative")]


def test_an_archive_of_several_parts_is_read_to_its_end(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(gzip.compress(CSV) + gzip.compress(b"7,2,3,4\n"))
    assert read_whole(str(path))[0]["user"] == [1, 7]


@pytest.mark.parametrize("packer", PACKERS.values())
@pytest.mark.parametrize("name", ["log.csv", "log.jsonl"])
def test_an_archive_that_was_cut_off_is_told_with_its_file(tmp_path, packer, name):
    path = tmp_path / name
    line = CSV if name.endswith("csv") else b'{"user":1,"item":2,"category":3,"timestamp":4}\n'
    # What does not repeat does not shrink: the cut lies within the data.
    data = packer(line + bytes(range(32, 127)) * 50 + b"\n" + line * 50)
    path.write_bytes(data[: len(data) - 12])
    with pytest.raises(ValueError, match=rf"^{re.escape(str(path))} is damaged or cut off"):
        read_whole(str(path))


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le"]
)
@pytest.mark.parametrize("packer", [lambda data: data, gzip.compress])
def test_other_encodings_are_read_or_told(tmp_path, encoding, packer):
    path = tmp_path / "log.csv"
    path.write_bytes(packer(CSV.decode().encode(encoding)))
    if encoding in ("utf-8-sig", "utf-16", "utf-32"):
        block, bad = read_whole(str(path))
        assert (block["user"], block["category"]) == ([1], [id_of("käse")])
        assert told(bad) == [(3, "user: negative")]
    else:
        with pytest.raises(ValueError, match=r"log\.csv is no text in UTF-8.* iconv "):
            read_whole(str(path))


def test_utf16_that_ends_in_the_middle_of_a_character_is_told(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(CSV.decode().encode("utf-16") + b"\0")
    with pytest.raises(ValueError, match=r"log\.csv is no valid UTF-16"):
        read_whole(str(path))


def test_carriage_returns_alone_end_lines(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(CSV.replace(b"\n", b"\r"))
    block, bad = read_whole(str(path))
    assert (block["user"], told(bad)) == ([1], [(3, "user: negative")])


def zipped(data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("log.csv", data)
    return file.getvalue()


def tarred(data):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        info = tarfile.TarInfo("log.csv")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (zipped(CSV), "is a zip archive.*; unpack it"),
        (b"\xfd7zXZ\x00..", "is an xz archive; unpack it"),
        (tarred(CSV), "is a tar archive; unpack it"),
        (b"Obj\x01avro", "is an Avro file; write it as Parquet"),
        (b"ORC....", "is an ORC file; write it as Parquet"),
    ],
    # Archives hold the time, and workers have to call a test alike.
    ids=["zip", "xz", "tar", "avro", "orc"],
)
@pytest.mark.parametrize("name", ["log.csv", "log.jsonl", "log.csv.gz"])
def test_what_is_no_text_is_called_by_its_name(tmp_path, data, message, name):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))} {message}"):
        read_whole(str(path))


def test_an_archive_of_nothing_is_empty(tmp_path):
    for name in ("log.csv", "log.jsonl"):
        (tmp_path / name).write_bytes(gzip.compress(b""))
        with pytest.raises(ValueError, match=r"log\.(csv has no header|jsonl is empty)"):
            read_whole(str(tmp_path / name))


def test_only_plain_text_is_read_in_ranges(tmp_path):
    path = tmp_path / "log"
    for data, is_plain in [(CSV, True), (CSV.decode().encode("utf-16"), False), (b"a\r", False)]:
        path.write_bytes(data)
        assert text_source.kind_of(str(path)).is_plain == is_plain
