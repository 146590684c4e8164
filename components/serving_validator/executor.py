"""Validates a candidate model on a server, and gives it an InfraBlessing or fails."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import math
import tempfile
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from lifelong.components.serving_validator.config import ServingConfig
from lifelong.components.serving_validator.refusal import ModelRefusedError, ServerFailedError
from lifelong.components.serving_validator.validation import Candidate, Findings, validate

MODEL_KEY = "model"
EXAMPLES_KEY = "examples"
BLESSING_KEY = "blessing"
CONFIG_KEY = "config"
MODEL_NAME_KEY = "model_name"
SPLIT_KEY = "split"
FINDINGS_FOLDER_KEY = "findings_folder"

# What TFX's own InfraValidator writes, and its Pusher reads.
_BLESSED = "blessed"
_HAS_MODEL = "has_model"
_BLESSED_FILE = "INFRA_BLESSED"
# Which model was validated; the record of runs reads it.
_MODEL_URI = "model_uri"
LOG_FILE = "server.log"
FINDINGS_FILE = "findings.json"


class Executor(base_executor.BaseExecutor):
    """Serves the candidate, sends it real requests, and writes the warmed model."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the blessing; see `ServingValidator` for inputs and properties.

        Raises:
            ValueError: If the split has no request to send.
            ModelRefusedError: If the model must not be pushed. What was found is kept.
            ServerFailedError: If the server could not show what the model is like.
        """
        model = artifact_utils.get_single_instance(input_dict[MODEL_KEY])
        blessing = artifact_utils.get_single_instance(output_dict[BLESSING_KEY])
        examples = artifact_utils.get_split_uri(
            input_dict[EXAMPLES_KEY], exec_properties[SPLIT_KEY]
        )
        config = ServingConfig.from_json(exec_properties[CONFIG_KEY])
        # The server is a process of this machine, and artifacts may lie elsewhere.
        with tempfile.TemporaryDirectory() as temporary:
            is_here = _is_of_this_machine(blessing.uri)
            place = Path(blessing.uri) if is_here else Path(temporary) / "blessing"
            place.mkdir(parents=True, exist_ok=True)
            candidate = Candidate(
                name=exec_properties[MODEL_NAME_KEY],
                path=_fetch(path_utils.serving_model_path(model.uri), Path(temporary) / "model"),
                warmed_path=Path(path_utils.stamped_model_path(str(place))),
                log=place / LOG_FILE,
            )
            kept = findings_of(exec_properties[FINDINGS_FOLDER_KEY], model.uri)
            try:
                findings = validate(candidate, [f"{examples}/*"], config)
            except ServerFailedError as error:
                _keep(Findings(reason=str(error)), candidate.log, kept)
                raise
            if findings.reason:
                _keep(findings, candidate.log, kept)
                raise ModelRefusedError(f"{findings.reason} (what was found: {kept})")
            if not is_here:
                io_utils.copy_dir(str(place), blessing.uri)
        _bless(blessing, findings)
        blessing.set_string_custom_property(_MODEL_URI, model.uri)


def findings_of(folder: str, model_uri: str) -> str:
    """Returns where it is kept what was found of a model that is not blessed.

    Args:
        folder: Path or URI of the folder of all findings.
        model_uri: URI of the model's artifact.
    """
    return f"{folder}/{hashlib.sha256(model_uri.encode()).hexdigest()[:16]}"


def _keep(findings: Findings, log: Path, folder: str) -> None:
    """Writes what was found of a model that is not blessed."""
    told = {
        # JSON has no NaN; then the reason tells.
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in dataclasses.asdict(findings).items()
    }
    io_utils.write_string_file(f"{folder}/{FINDINGS_FILE}", json.dumps(told, indent=2))
    if log.exists():
        io_utils.copy_file(str(log), f"{folder}/{LOG_FILE}", overwrite=True)


def _is_of_this_machine(uri: str) -> bool:
    return "://" not in uri


def _fetch(uri: str, folder: Path) -> Path:
    """Returns a folder of this machine with what lies at a URI: itself, where it is one."""
    if _is_of_this_machine(uri):
        return Path(uri)
    io_utils.copy_dir(uri, str(folder))
    return folder


def _bless(blessing: types.Artifact, findings: Findings) -> None:
    io_utils.write_string_file(f"{blessing.uri}/{_BLESSED_FILE}", "")
    blessing.set_int_custom_property(_BLESSED, 1)
    # The Pusher takes the model from here, as InfraValidator's warmed one.
    blessing.set_int_custom_property(_HAS_MODEL, 1)
    for name, value in dataclasses.asdict(findings).items():
        if isinstance(value, int):
            blessing.set_int_custom_property(name, value)
        elif isinstance(value, float):
            blessing.set_float_custom_property(name, value)
    logging.info("the model may be pushed: %s", findings)
