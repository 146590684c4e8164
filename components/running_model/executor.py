"""Finds the running model as a TFX executor."""

from __future__ import annotations

import logging
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from lifelong.components.running_model.serving_folder import running_version

MODEL_KEY = "model"
SERVING_FOLDER_KEY = "serving_folder"
# Not `state`: executions have one of their own, so that TFX's interactive context refuses that name.
STATE_KEY = "serving_state"
# Custom properties of the model: whether there is one, and which.
HAS_MODEL = "has_model"
VERSION = "version"


class Executor(base_executor.BaseExecutor):
    """Copies the running model into an artifact, or says that there is none."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the artifact; see `RunningModel`."""
        model = artifact_utils.get_single_instance(output_dict[MODEL_KEY])
        running = running_version(exec_properties[SERVING_FOLDER_KEY])
        model.set_int_custom_property(HAS_MODEL, int(running is not None))
        if running is None:
            logging.info("no model runs yet in %s", exec_properties[SERVING_FOLDER_KEY])
            return
        # Copied, since the folder's own may be removed while it is compared with.
        io_utils.copy_dir(running.path, path_utils.serving_model_dir(model.uri))
        model.set_string_custom_property(VERSION, str(running.number))
