"""The folders of a model's versions, wherever tf.io.gfile finds them."""

from __future__ import annotations

import os

import tensorflow as tf

from lifelong.serving.server.session import SAVED_MODEL_FILE


def folder_names(base_path: str) -> list[str]:
    """Returns the names that a folder holds, without the slashes that some file systems add.

    Raises:
        tf.errors.OpError, OSError: The folder cannot be read.
    """
    try:
        names = tf.io.gfile.listdir(base_path)
    except UnicodeDecodeError:
        # Only this machine's own file systems have names that are not UTF-8.
        names = os.listdir(base_path)  # noqa: PTH208 (the path may be a URI)
    return [name.rstrip("/") for name in names]


def version_path(base_path: str, name: str) -> str:
    """Returns the path of a version's folder."""
    return os.path.join(base_path, name)  # noqa: PTH118 (also gs:// and the like)


def is_complete(path: str) -> bool:
    """Returns whether a version can be loaded: pushers copy saved_model.pb last.

    Raises:
        tf.errors.OpError: The folder cannot be read.
    """
    return tf.io.gfile.exists(version_path(path, SAVED_MODEL_FILE))
