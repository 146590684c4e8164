"""What an ingestion noted beside its records."""

from __future__ import annotations

import json
from typing import Any

import tensorflow as tf

from lifelong.data.logs.counts import COUNTS_FILE, WARNINGS_FILE


def read_warnings(quarantine: str) -> list[str]:
    """Reads what the ingestion warned of.

    Args:
        quarantine: URI of its artifact.
    """
    return _read(quarantine, WARNINGS_FILE, [])


def read_counts(folder: str) -> dict[str, int]:
    """Reads what a component counted; empty if it counted nothing.

    Args:
        folder: URI of the artifact that holds the counts.
    """
    return _read(folder, COUNTS_FILE, {})


def _read(folder: str, name: str, otherwise: Any) -> Any:
    path = f"{folder}/{name}"
    if not tf.io.gfile.exists(path):
        return otherwise
    with tf.io.gfile.GFile(path) as file:
        return json.loads(file.read())
