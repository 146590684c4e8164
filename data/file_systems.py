"""Opens the file systems that PyArrow knows: that of this machine, and those that URIs name."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

import pyarrow as pa
from pyarrow import fs

# Asking which region a bucket is in takes a request, unless the options tell.
_NO_REQUEST = "region=us-east-1"
_SLIP = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/(?!/)(.*)")
_WITHOUT_HOST = ("file", "unix")


def file_system(path: str, options: str = "") -> tuple[fs.FileSystem, str]:
    """Returns the file system that a path lies in, and what the path is called there.

    Args:
        path: Path of this machine, or URI: its names are as they are in the file system, not encoded.
        options: Of the file system that a URI names, such as
            `endpoint_override=127.0.0.1:9000&scheme=http`.

    Raises:
        ValueError: PyArrow knows no such URI or options.
        OSError: The file system cannot be reached, or a library of it is missing.
    """
    if "://" not in path:
        return fs.LocalFileSystem(), path
    system, root = fs.FileSystem.from_uri(_root(path, options))
    name = path.partition("://")[2].partition("/")[2]
    return system, f"{root.rstrip('/')}/{name}".rstrip("/") or root


def check_uri(uri: str, field: str) -> None:
    """Raises if PyArrow knows no such URI; nothing is asked of a server.

    Args:
        uri: With its options behind a `?`.
        field: What the configuration calls it.

    Raises:
        ValueError: It does not know the scheme, or host or options make no sense.
    """
    path, _, options = uri.partition("?")
    if path.startswith("s3://") and not {"region", "endpoint_override"} & parse_qs(options).keys():
        options = f"{options}&{_NO_REQUEST}"
    try:
        file_system(path, options)
    except pa.ArrowException as error:
        # The URI may hold a password, and so may what PyArrow says of it.
        reason = str(error).replace(_root(path, options), "it")
        raise ValueError(
            f"{field} is {without_secrets(uri)!r}, which PyArrow cannot open ({reason}); expected a "
            "URI such as gs://bucket/folder or s3://bucket/folder"
        ) from None
    except OSError:
        # What it takes to open it is missing here, or out of reach: that need not be so there.
        return


def check_path(path: str, field: str) -> None:
    """Raises a ValueError if a path is a URI of which slashes are missing, such as `gs:/bucket`.

    Args:
        path: Of this machine.
        field: What the configuration calls it.
    """
    if slip := _SLIP.fullmatch(path):
        slashes = "///" if slip[1] in _WITHOUT_HOST else "//"
        raise ValueError(
            f"{field} is {path!r}, which is neither a folder nor a URI; write "
            f"{slip[1]}:{slashes}{slip[2]}"
        )


def without_secrets(uri: str) -> str:
    """Returns a URI without user, password and options, for messages."""
    scheme, sign, rest = uri.partition("?")[0].partition("://")
    host, slash, name = rest.partition("/")
    return f"{scheme}{sign}{host.rpartition('@')[2]}{slash}{name}"


def _root(path: str, options: str) -> str:
    """Returns the URI of a whole file system.

    Only this is read as a URI: a name in it may have blanks, or the `%2F` of Hive.
    """
    scheme, _, rest = path.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/" + (f"?{options}" if options else "")
