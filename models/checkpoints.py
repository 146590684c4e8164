"""Where a training under way keeps what it needs to go on: a folder, or a copy of one at a URI."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

keras: Any = tf.keras

# Names the newest files of a TensorFlow checkpoint: written last, as what it names must be there.
_NAMES_OTHERS = "checkpoint"


class CheckpointFolder:
    """A local folder for Keras's callbacks, whose files may have to be copied to a URI.

    Keras writes weights in HDF5 and appends to its log, which object stores do not let it do.

    Attributes:
        path: The local folder.
    """

    def __init__(self, path: Path, uri: str | None) -> None:
        self.path = path
        self._uri = uri

    def callbacks(self) -> list[Any]:
        """Returns what has to follow all callbacks that write into the folder."""
        if self._uri is None:
            return []
        return [keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: self.keep())]

    def keep(self) -> None:
        """Copies what the folder holds to the URI, if it has one."""
        if self._uri is None:
            return
        files = [path for path in self.path.rglob("*") if path.is_file()]
        for path in sorted(files, key=lambda path: (path.name == _NAMES_OTHERS, path)):
            target = f"{self._uri}/{path.relative_to(self.path).as_posix()}"
            tf.io.gfile.makedirs(target.rpartition("/")[0])
            # Under its name a file is complete.
            tf.io.gfile.copy(str(path), f"{target}.part", overwrite=True)
            tf.io.gfile.rename(f"{target}.part", target, overwrite=True)


@contextlib.contextmanager
def checkpoint_folder(place: str | os.PathLike[str]) -> Iterator[CheckpointFolder]:
    """Opens the checkpoints of a training, those that an interrupted one left included.

    Args:
        place: Path or URI of a folder, made if missing.
    """
    uri = os.fspath(place)
    if "://" not in uri:
        path = Path(uri)
        path.mkdir(parents=True, exist_ok=True)
        yield CheckpointFolder(path, None)
        return
    with tempfile.TemporaryDirectory() as local:
        for folder, _, names in tf.io.gfile.walk(uri):
            inner = Path(local) / folder.removeprefix(uri).strip("/")
            inner.mkdir(parents=True, exist_ok=True)
            for name in names:
                tf.io.gfile.copy(f"{folder.rstrip('/')}/{name}", str(inner / name))
        yield CheckpointFolder(Path(local), uri)
