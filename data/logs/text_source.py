"""Opens text files: unpacked, in UTF-8 and with line feeds, whatever their names say."""

from __future__ import annotations

import codecs
import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import pyarrow as pa

from lifelong.data.logs import files
from lifelong.data.logs.file_error import FileError

# How much of a file is looked at to learn what it is.
HEAD_BYTES = 1 << 16
_CODECS = {
    "gzip": re.compile(rb"\x1f\x8b\x08"),
    "bz2": re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", re.DOTALL),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
    "lz4": re.compile(rb"\x04\x22\x4d\x18"),
}
_OTHERS = {
    b"PK\x03\x04": "a zip archive (or a spreadsheet); unpack it, or write gzip",
    b"PK\x05\x06": "an empty zip archive",
    b"\xfd7zXZ\x00": "an xz archive; unpack it (unxz), or write gzip",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it, or write gzip",
    b"Rar!\x1a\x07": "a rar archive; unpack it, or write gzip",
    b"\xff\x06\x00\x00sNaPpY": "a snappy archive; unpack it, or write gzip",
    b"PAR1": "a Parquet file; set `format` to parquet or auto",
    b"ORC": "an ORC file; write it as Parquet",
    b"Obj\x01": "an Avro file; write it as Parquet",
    b"ARROW1\x00\x00": "an Arrow (Feather) file; write it as Parquet",
    b"SQLite format 3\x00": "an SQLite database; export the table as CSV",
    b"%PDF-": "a PDF file",
}
# In this order: the mark of UTF-32 begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# A tar archive has this here.
_TAR, _TAR_AT = b"ustar", 257


class Source(Protocol):
    """What text is read from."""

    def read(self, size: int, /) -> bytes:
        """Returns the next bytes, some `size` of them; none only at the end."""


@dataclasses.dataclass(frozen=True)
class TextKind:
    """How a text file is written.

    Attributes:
        codec: Its compression as PyArrow calls it; empty: none.
        encoding: UTF-16 or UTF-32; empty: UTF-8.
        has_returns: Whether lines end with carriage returns alone.
    """

    codec: str = ""
    encoding: str = ""
    has_returns: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether the file can be read from any line on, not only from its start."""
        return self == TextKind()


def codec_of(head: bytes) -> str:
    """Returns the compression that a file's first bytes tell; empty: none that is read."""
    return next((name for name, magic in _CODECS.items() if magic.match(head)), "")


def is_parquet(path: str) -> bool:
    """Whether a file's first bytes are those of Parquet."""
    with files.open_file(path) as file:
        return bytes(file.read(4)) == b"PAR1"


def kind_of(path: str) -> TextKind:
    """Looks at the beginning of a file.

    Raises:
        FileError: It is no text, or a damaged or unknown archive.
    """
    with _opened(path, TextKind()) as plain:
        head = plain.read(HEAD_BYTES)
    codec = codec_of(head)
    if codec:
        with _opened(path, TextKind(codec)) as unpacked:
            head = unpacked.read(HEAD_BYTES)
    check_head(path, head)
    encoding = next((name for mark, name in _MARKS.items() if head.startswith(mark)), "")
    if encoding:
        with _opened(path, TextKind(codec, encoding)) as decoded:
            head = decoded.read(HEAD_BYTES)
    return TextKind(codec, encoding, b"\r" in head and b"\n" not in head)


def check_head(path: str, head: bytes) -> None:
    """Checks that bytes are the beginning of a text.

    Args:
        path: Their file.
        head: The file's first bytes, unpacked.

    Raises:
        FileError: They are those of something else.
    """
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            raise FileError(path, f" is {what}")
    if head[_TAR_AT:].startswith(_TAR):
        raise FileError(path, " is a tar archive; unpack it")
    if not head.startswith(tuple(_MARKS)) and head.count(0) * 5 > len(head):
        raise FileError(
            path,
            " is no text in UTF-8, so many bytes are 0 (UTF-16 without a byte order mark?); "
            "write it as UTF-8, such as with iconv -f UTF-16LE -t UTF-8",
        )


def check_appended(path: str, head: bytes) -> None:
    """Checks the beginning of a text that is read as it grows, which cannot be converted.

    Args:
        path: Its file.
        head: The file's first bytes, at most one row.

    Raises:
        FileError: It is no text, packed, or not in UTF-8 with line feeds.
    """
    codec = codec_of(head)
    if codec:
        unpack = {"gzip": "zcat", "bz2": "bzcat", "zstd": "zstdcat", "lz4": "lz4cat"}[codec]
        raise FileError(path, f" is compressed; pipe it in ({unpack} FILE | ... -)")
    if head.startswith(tuple(_MARKS)):
        raise FileError(path, " is UTF-16 or UTF-32; pipe it in (iconv -t UTF-8 FILE | ... -)")
    check_head(path, head)
    if head.count(b"\r") - head.count(b"\r\n") > 1:
        raise FileError(
            path,
            " has lines that end with carriage returns alone; write \\n, such as with: "
            "tr '\\r' '\\n'",
        )


@contextmanager
def open_text(path: str, kind: TextKind | None = None) -> Iterator[Source]:
    """Opens a text file at its start.

    Args:
        path: The file.
        kind: How it is written; found out if it is not known.

    Raises:
        FileError: It is no text, or is damaged.
    """
    with _opened(path, kind or kind_of(path)) as source:
        yield source


@contextmanager
def _opened(path: str, kind: TextKind) -> Iterator[Source]:
    with files.open_stream(path, kind.codec or None) as stream:
        source: Source = _Stream(path, stream, kind)
        if kind.encoding:
            source = _Decoded(path, source, kind.encoding)
        yield _LineFeeds(source) if kind.has_returns else source


class _Stream:
    """Reads a file, unpacked."""

    def __init__(self, path: str, stream: pa.NativeFile, kind: TextKind) -> None:
        self._path = path
        self._stream = stream
        self._codec = kind.codec

    def read(self, size: int, /) -> bytes:
        try:
            return self._stream.read(size)
        except OSError as error:
            what = f"is damaged or cut off ({self._codec}: {error}); write it anew or remove it"
            raise FileError(
                self._path, f" {what}" if self._codec else f" cannot be read: {error}"
            ) from error


class _Decoded:
    """Turns another encoding into UTF-8."""

    def __init__(self, path: str, source: Source, encoding: str) -> None:
        self._path = path
        self._source = source
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def read(self, size: int, /) -> bytes:
        data, text = b"-", ""
        try:
            while data and not text:
                data = self._source.read(size)
                text = self._decoder.decode(data, final=not data)
            return text.encode()
        except UnicodeError as error:
            raise FileError(
                self._path,
                f" is no valid {self._encoding.upper()} ({error}); write it anew, as UTF-8",
            ) from error


class _LineFeeds:
    """Turns carriage returns into line feeds."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, size: int, /) -> bytes:
        return self._source.read(size).replace(b"\r", b"\n")
