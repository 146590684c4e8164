"""TFX's executor of the Pusher: a version is seen when it is whole, and no model is pushed twice."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Any

import tensorflow as tf
from tfx import types
from tfx.components.pusher import executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils, proto_utils
from tfx.v1 import proto

from lifelong.components.running_model.serving_folder import (
    last_push,
    model_digest,
    note_push,
    running_version,
)
from lifelong.serving.server.session import SAVED_MODEL_FILE
from lifelong.serving.server.version_folders import folder_names, is_complete
from lifelong.serving.version_number import next_number

# Custom properties of the pushed model, the first two as TFX names them.
PUSHED = "pushed"
PUSHED_VERSION = "pushed_version"
# The version in use that is this model; it was not pushed again.
RUNNING_VERSION = "running_version"
# In the serving folder, for versions that are no versions yet: servers look for numbers.
_UNFINISHED = ".unfinished-"
_OLD_S = 24 * 3600


class Executor(executor.Executor):
    """Pushes a blessed model, unless it is the one in use.

    On this machine's disks the version is copied beside the others and renamed. Object stores cannot
    rename a folder; there saved_model.pb is copied last, without which servers load nothing. What a push
    that was killed has left is removed by one that comes a day later.
    """

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes; see TFX's executor for inputs and properties."""
        pushed = artifact_utils.get_single_instance(output_dict[specs.PUSHED_MODEL_KEY])
        destination = proto.PushDestination()
        proto_utils.json_to_proto(exec_properties[specs.PUSH_DESTINATION_KEY], destination)
        folder = destination.filesystem.base_directory
        model = self.GetModelPath(input_dict)
        running = running_version(folder)
        if running and model_digest(running.path) == model_digest(model):
            # Whatever the comparison with itself has shown.
            logging.info("version %d in %s is this model", running.number, folder)
            self._MarkNotPushed(pushed)
            pushed.set_string_custom_property(RUNNING_VERSION, str(running.number))
            return
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        fileio.makedirs(folder)
        _remove_leftovers(folder)
        version = next_number(folder_names(folder), folder, int(time.time()))
        # Before the version is seen: killed between the two and made again, a push finds its model in use.
        note_push(folder, version)
        target = f"{folder}/{version}"
        if "://" in folder:
            _copy(model, target)
        else:
            unfinished = f"{folder}/{_UNFINISHED}{uuid.uuid4().hex}"
            _copy(model, unfinished)
            fileio.rename(unfinished, target)
        io_utils.copy_dir(model, pushed.uri)
        self._MarkPushed(pushed, target, str(version))
        logging.info("pushed version %d to %s", version, folder)


def _remove_leftovers(folder: str) -> None:
    """Removes what pushes have left that were killed; not what another one may be writing now."""
    last = last_push(folder)
    for name in folder_names(folder):
        place = f"{folder}/{name}"
        is_left = name.startswith(_UNFINISHED) or (name == last and not is_complete(place))
        if is_left and time.time() - _last_change(place) > _OLD_S:
            fileio.rmtree(place)


def _last_change(folder: str) -> float:
    """Returns when a file of a folder was written last, Unix seconds."""
    files = (f"{inner}/{name}" for inner, _, names in tf.io.gfile.walk(folder) for name in names)
    return max((tf.io.gfile.stat(path).mtime_nsec / 1e9 for path in files), default=0)


def _copy(model: str, target: str) -> None:
    io_utils.copy_dir(model, target, deny_regex_patterns=[re.escape(SAVED_MODEL_FILE)])
    io_utils.copy_file(f"{model}/{SAVED_MODEL_FILE}", f"{target}/{SAVED_MODEL_FILE}")
