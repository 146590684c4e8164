"""ModelServerConfig: read from a file, checked as TensorFlow Serving checks it.

Source: tensorflow_serving/model_servers/server_core.cc.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TypeAlias

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from lifelong.serving.server.errors import invalid_argument

ModelConfig: TypeAlias = model_server_config_pb2.ModelConfig
ModelServerConfig: TypeAlias = model_server_config_pb2.ModelServerConfig

PLATFORM = "tensorflow"
_MESSAGE = ModelServerConfig.DESCRIPTOR.full_name


def read_config_file(path: str) -> ModelServerConfig:
    """Reads a text file with a ModelServerConfig.

    Args:
        path: Path of the file.

    Returns:
        The configuration, parsed but not checked.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is no such configuration; the message says where.
    """
    try:
        return text_format.Parse(Path(path).read_text(encoding="utf-8"), ModelServerConfig())
    except text_format.ParseError as error:
        # Python's protobuf puts a space before the colon that follows line and column.
        where = re.sub(r"^(\d+:\d+) :", r"\1:", str(error))
        raise ValueError(f"{path}: Error parsing text-format {_MESSAGE}: {where}") from error


def single_model(name: str, base_path: str) -> ModelServerConfig:
    """Returns the configuration of a server of one model.

    Args:
        name: Model name.
        base_path: Folder of the version folders; a relative path is taken from here.

    Raises:
        ValueError: If the name is empty.
    """
    if not name:
        raise ValueError("the model's name is empty; name it as clients will")
    path = os.path.abspath(base_path) if _is_relative(base_path) else base_path  # noqa: PTH100
    config = ModelServerConfig()
    config.model_config_list.config.add(name=name, base_path=path, model_platform=PLATFORM)
    return config


def check_config(new: ModelServerConfig, old: ModelServerConfig) -> None:
    """Checks a list of models, and what it changes.

    Args:
        new: The configuration to check.
        old: The one it replaces; an empty one at first.

    Raises:
        ServingError: INVALID_ARGUMENT, with TensorFlow Serving's message.
    """
    names = set()
    for model in new.model_config_list.config:
        if model.name in names:
            raise invalid_argument(
                f"Illegal to list model {model.name} multiple times in config list"
            )
        names.add(model.name)
    for model in new.model_config_list.config:
        if _is_relative(model.base_path):
            raise invalid_argument(
                f"Expected model {model.name} to have an absolute path or URI;"
                f" got base_path()={model.base_path}"
            )
    before = {model.name: _platform(model) for model in old.model_config_list.config}
    for model in new.model_config_list.config:
        platform = _platform(model)
        if before.get(model.name, platform) != platform:
            raise invalid_argument(
                f"Illegal to change a model's platform. For model {model.name} platform was"
                f" {before[model.name]} and new platform requested is {platform}"
            )
        if platform != PLATFORM:
            raise invalid_argument(f"Model {model.name} requests unsupported platform {platform}")


def _is_relative(path: str) -> bool:
    return "://" not in path and not path.startswith("/")


def _platform(model: ModelConfig) -> str:
    if model.model_type:
        if model.model_platform:
            raise invalid_argument(
                "Illegal setting both ModelServerConfig::model_type (deprecated) and"
                " ModelServerConfig::model_platform."
            )
        if model.model_type != model_server_config_pb2.TENSORFLOW:
            raise invalid_argument(
                f"ModelServerConfig::model_type choice {model.model_type} not supported."
            )
        return PLATFORM
    if not model.model_platform:
        raise invalid_argument(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor"
            " ModelServerConfig::model_platform."
        )
    return model.model_platform
