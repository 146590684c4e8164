"""What lies in the folder that models are pushed to."""

from __future__ import annotations

import functools
from typing import NamedTuple

import tensorflow as tf

from lifelong.data.logs.fingerprint import Sampled, sample_digest
from lifelong.serving.server.version_folders import folder_names, is_complete, version_path
from lifelong.serving.version_number import LAST_PUSH_FILE, find_versions


class PushedVersion(NamedTuple):
    """A version of a model in a serving folder.

    Attributes:
        number: Of the version.
        path: Path or URI of its SavedModel.
    """

    number: int
    path: str


def running_version(serving_folder: str) -> PushedVersion | None:
    """Returns the version that servers load: the newest whole one; None if there is none.

    Args:
        serving_folder: Path or URI of the model base path.

    Raises:
        NotADirectoryError: It is a file.
        tf.errors.OpError: It cannot be read.
    """
    try:
        # `isdir` and `listdir` know no difference between what is not there and what cannot be read.
        status = tf.io.gfile.stat(serving_folder)
    except tf.errors.NotFoundError:
        return None
    if not status.is_directory:
        raise NotADirectoryError(f"{serving_folder} is a file; models are pushed to a folder")
    folders = find_versions(folder_names(serving_folder)).folders
    for number, name in reversed(folders.items()):
        path = version_path(serving_folder, name)
        if is_complete(path):
            return PushedVersion(number, path)
    return None


def serving_state(serving_folder: str) -> str:
    """Returns a text that says which model is in use and which version was pushed last.

    The second differs from the first where the version that was pushed last is gone: then the first alone
    would look like the state in which it was pushed.

    Args:
        serving_folder: Path or URI of the model base path.

    Returns:
        The text; empty if no model is in use.

    Raises:
        tf.errors.OpError: The folder cannot be read.
    """
    running = running_version(serving_folder)
    if running is None:
        return ""
    last = last_push(serving_folder) or "unknown"
    return f"model {model_digest(running.path)}, last push {last}"


def last_push(serving_folder: str) -> str:
    """Returns the version that was pushed last, as `note_push` noted it; empty if none was.

    Args:
        serving_folder: Path or URI of the model base path.
    """
    note = version_path(serving_folder, LAST_PUSH_FILE)
    if not tf.io.gfile.exists(note):
        return ""
    with tf.io.gfile.GFile(note, "rb") as file:
        return file.read().decode(errors="replace")


def note_push(serving_folder: str, version: int) -> None:
    """Notes beside the versions which one was pushed last.

    Args:
        serving_folder: Path or URI of the model base path.
        version: Number of the version.
    """
    with tf.io.gfile.GFile(version_path(serving_folder, LAST_PUSH_FILE), "w") as file:
        file.write(str(version))


def model_digest(path: str) -> str:
    """Returns a digest of a SavedModel: equal for two folders with the same model.

    Of large files a sample is read. Of variables that is enough: the checkpoint's small index holds a
    checksum of each.

    Args:
        path: Path or URI of the folder.
    """
    found = {
        f"{inner.removeprefix(path).strip('/')}/{name}": f"{inner.rstrip('/')}/{name}"
        for inner, _, names in tf.io.gfile.walk(path)
        for name in names
    }
    return sample_digest(
        [
            Sampled(
                name,
                tf.io.gfile.stat(place).length,
                functools.partial(tf.io.gfile.GFile, place, "rb"),
            )
            for name, place in sorted(found.items())
        ]
    )
