"""Tells destinations from each other by their addresses, and what is in use there."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lifelong.components.behavior_store_pusher.destination import Destination, check_destination
from lifelong.components.behavior_store_pusher.folder import LocalFolder
from lifelong.components.behavior_store_pusher.object_store import ObjectStore
from lifelong.components.behavior_store_pusher.redis_server import RedisServer
from lifelong.serving.behavior_store.versions import SCHEMES


def destination_at(address: str, keep_versions: int) -> Destination:
    """Returns a destination; nothing is opened yet.

    Args:
        address: A folder of this machine, the address of a Redis server, or a URI that PyArrow knows.
        keep_versions: Versions that are kept of a folder or URI.

    Raises:
        ValueError: An argument makes no sense.
    """
    check_destination(address, keep_versions)
    if address.startswith(SCHEMES):
        return RedisServer(address)
    if "://" in address:
        return ObjectStore(address, keep_versions)
    return LocalFolder(Path(address), keep_versions)


def destination_state(address: str, keep_versions: int) -> str:
    """Returns a text that tells which store is in use at a destination.

    While it stays the same, a push that was made has not to be made again.

    Args:
        address: See `destination_at`.
        keep_versions: Likewise.

    Returns:
        Number of the version, a digest of its manifest and the version that was pushed last, which is
        another one where that is lost; empty if there is none in use, or it cannot be used.

    Raises:
        ValueError: An argument makes no sense.
        StoreUnavailableError: The destination cannot be reached.
    """
    destination = destination_at(address, keep_versions)
    version = destination.current()
    if version is None:
        return ""
    digest = hashlib.sha256(version.manifest.to_json().encode()).hexdigest()
    return f"{version.number} {digest[:16]} {destination.last_push()}".rstrip()
