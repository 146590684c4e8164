"""TFX's executor of Transform, whose function is told where the vocabularies are."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.transform import executor
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import json_utils

from lifelong.components.vocabulary_builder.executor import VOCABULARIES_KEY
from lifelong.models.preprocessing import VOCABULARIES


class Executor(executor.Executor):
    """Adds the vocabularies' path or URI to what the preprocessing function is given."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Transforms the examples; see `Transform` for inputs and properties."""
        inputs = dict(input_dict)
        folder = artifact_utils.get_single_uri(inputs.pop(VOCABULARIES_KEY))
        config = json_utils.loads(exec_properties[specs.CUSTOM_CONFIG_KEY])
        config = json_utils.dumps({**config, VOCABULARIES: folder})
        super().Do(inputs, output_dict, {**exec_properties, specs.CUSTOM_CONFIG_KEY: config})
