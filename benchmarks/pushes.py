"""Versions that are pushed to a server while it is under load, good and bad."""

from __future__ import annotations

import dataclasses
import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from lifelong.serving.client import PredictionClient
from lifelong.serving.server.session import SAVED_MODEL_FILE
from lifelong.serving.server.warmup import WARMUP_FILE

_POLL_S = 0.05
_LOAD_S = 60.0
_KEPT_FOLDERS = 4


@dataclasses.dataclass(frozen=True)
class Push:
    """A version that was pushed.

    Attributes:
        version: Version number.
        kind: `good`, or what is wrong with it.
        began: Time of its first file, seconds.
        ended: When the server had loaded or refused it.
        outcome: AVAILABLE, or the name of the code that it was refused with.
    """

    version: int
    kind: str
    began: float
    ended: float
    outcome: str


def variant_of(version: int, count: int) -> int:
    """Returns which of several good models a version is; odd versions are bad, but for the first."""
    return version // 2 % count


class PushingThread(threading.Thread):
    """Pushes a version at an interval, every second one of them bad, until it is stopped.

    Args:
        base: Folder of the versions.
        variants: Folders of good models; see `variant_of`.
        client: A client of the model.
        interval_s: Seconds from one push to the next.
    """

    def __init__(
        self, base: Path, variants: Sequence[Path], client: PredictionClient, interval_s: float
    ) -> None:
        super().__init__(name="pushes")
        self.pushes: list[Push] = []
        self.error: Exception | None = None
        self._base = base
        self._variants = variants
        self._client = client
        self._interval_s = interval_s
        self._done = threading.Event()
        self._python_op = base.with_name(base.name + "-python-op")
        _save_python_op(self._python_op)

    def run(self) -> None:
        """Pushes until it is stopped; an error ends it, too."""
        bad = list(_BAD)
        version = 2
        try:
            while not self._done.wait(self._interval_s):
                kind = bad[version // 2 % len(bad)] if version % 2 else "good"
                self._push(version, kind)
                version += 1
        except Exception as error:
            self.error = error

    def stop(self) -> None:
        """Ends the thread after the push that it may be in."""
        self._done.set()
        self.join()

    def _push(self, version: int, kind: str) -> None:
        began = time.monotonic()
        source = self._variants[variant_of(version, len(self._variants))]
        target = self._base / str(version)
        if kind == "Python op":
            source = self._python_op
        copy_version(source, target, _BAD.get(kind, _leave))
        outcome = self._wait(version)
        self.pushes.append(Push(version, kind, began, time.monotonic(), outcome))
        shutil.rmtree(self._base / str(version - _KEPT_FOLDERS), ignore_errors=True)

    def _wait(self, version: int) -> str:
        deadline = time.monotonic() + _LOAD_S
        while time.monotonic() < deadline:
            found = [it for it in self._client.status() if it.version == version]
            if found and found[0].state == "AVAILABLE":
                return "AVAILABLE"
            if found and found[0].message:
                return found[0].code.name
            time.sleep(_POLL_S)
        return "nothing"


def _leave(folder: Path) -> None:
    """Changes nothing."""


def copy_version(source: Path, target: Path, change: Callable[[Path], None] = _leave) -> None:
    """Writes a version folder as TFX's Pusher does: saved_model.pb last.

    Args:
        source: Folder of a SavedModel.
        target: The version folder.
        change: Changes the folder before it becomes a version; its saved_model.pb is called
            `saved_model.part` then.
    """
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(SAVED_MODEL_FILE))
    part = target / "saved_model.part"
    shutil.copy(source / SAVED_MODEL_FILE, part)
    change(target)
    part.rename(target / SAVED_MODEL_FILE)


def _truncate(folder: Path) -> None:
    part = folder / "saved_model.part"
    os.truncate(part, part.stat().st_size // 2)


def _remove_variables(folder: Path) -> None:
    shutil.rmtree(folder / "variables")


def _write_bad_warmup(folder: Path) -> None:
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.inputs["no_such_input"].CopyFrom(tf.make_tensor_proto(1.0))
    path = folder / WARMUP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(log.SerializeToString())


def _save_python_op(path: Path) -> None:
    module = tf.Module()
    function = tf.function(
        lambda x: {"y": tf.numpy_function(np.negative, [x], tf.float32)},
        input_signature=[tf.TensorSpec(None, tf.float32, name="x")],
    )
    module.negative = function
    tf.saved_model.save(module, str(path), signatures=function)


_BAD: dict[str, Callable[[Path], None]] = {
    "truncated saved_model.pb": _truncate,
    "Python op": _leave,
    "bad warm-up record": _write_bad_warmup,
    "missing variables": _remove_variables,
}
