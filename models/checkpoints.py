"""Where a training under way keeps what it needs to go on: a scratch folder, and a copy of it."""

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
_PART = ".part"


class CheckpointFolder:
    """A scratch folder for Keras's callbacks, whose files are copied to where they outlive the process.

    Keras writes weights in HDF5 and appends to its log, which object stores do not let it do; and a
    machine of a cluster goes with its disk.

    Attributes:
        path: The scratch folder.
    """

    def __init__(self, path: Path, place: str) -> None:
        self.path = path
        self._place = place

    def callback(self) -> Any:
        """Returns what has to follow all callbacks that write into the folder."""
        return keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: self.keep())

    def keep(self) -> None:
        """Copies what the folder holds, and removes what it held before and holds no more."""
        files = [path for path in self.path.rglob("*") if path.is_file()]
        for path in sorted(files, key=lambda path: (path.name == _NAMES_OTHERS, path)):
            target = self._kept_at(path)
            tf.io.gfile.makedirs(target.rpartition("/")[0])
            # Under its name a file is complete.
            tf.io.gfile.copy(str(path), f"{target}{_PART}", overwrite=True)
            tf.io.gfile.rename(f"{target}{_PART}", target, overwrite=True)
        for folder in {path.parent for path in files}:
            kept = self._kept_at(folder)
            for name in tf.io.gfile.listdir(kept):
                if not (folder / name.rstrip("/")).exists():
                    tf.io.gfile.remove(f"{kept}/{name}")

    def _kept_at(self, path: Path) -> str:
        return "/".join((self._place, *path.relative_to(self.path).parts))


@contextlib.contextmanager
def checkpoint_folder(place: str | os.PathLike[str]) -> Iterator[CheckpointFolder]:
    """Opens the checkpoints of a training, those that an interrupted one left included.

    Args:
        place: Path or URI of a folder, made if missing.
    """
    kept = os.fspath(place)
    with tempfile.TemporaryDirectory() as scratch:
        for folder, _, names in tf.io.gfile.walk(kept):
            inner = Path(scratch) / folder.removeprefix(kept).strip("/")
            inner.mkdir(parents=True, exist_ok=True)
            # Half of a copy that was under way is left.
            for name in (name for name in names if not name.endswith(_PART)):
                tf.io.gfile.copy(f"{folder.rstrip('/')}/{name}", str(inner / name))
        yield CheckpointFolder(Path(scratch), kept)
