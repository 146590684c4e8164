"""Tells the function of one of TFX's executors where artifacts lie that the executor does not know."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import json_utils

Inputs = dict[str, list[types.Artifact]]


def tell_artifacts(
    inputs: Inputs, exec_properties: dict[str, Any], keys: tuple[str, ...]
) -> tuple[Inputs, dict[str, Any]]:
    """Moves inputs to the custom configuration.

    Args:
        inputs: Artifacts by key.
        exec_properties: With `custom_config`, JSON.
        keys: Of the inputs to move; those that are not there are left out.

    Returns:
        The other inputs, and the properties whose `custom_config` has the paths or URIs under the keys.
    """
    config = json_utils.loads(exec_properties[specs.CUSTOM_CONFIG_KEY])
    config |= {key: artifact_utils.get_single_uri(inputs[key]) for key in keys if inputs.get(key)}
    others = {key: value for key, value in inputs.items() if key not in keys}
    return others, {**exec_properties, specs.CUSTOM_CONFIG_KEY: json_utils.dumps(config)}
