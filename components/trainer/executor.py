"""TFX's executor of the Trainer, whose function is told where features of items come from."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.trainer import executor
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import json_utils

from lifelong.components.item_table.executor import ITEM_TABLE_KEY
from lifelong.components.vocabulary_builder.executor import VOCABULARIES_KEY


class Executor(executor.GenericExecutor):
    """Adds the paths or URIs of item table and vocabularies to what the function is given."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Trains; see `Trainer` for inputs and properties."""
        inputs = dict(input_dict)
        config = json_utils.loads(exec_properties[specs.CUSTOM_CONFIG_KEY])
        for key in (ITEM_TABLE_KEY, VOCABULARIES_KEY):
            given = inputs.pop(key, None)
            if given:
                config[key] = artifact_utils.get_single_uri(given)
        properties = {**exec_properties, specs.CUSTOM_CONFIG_KEY: json_utils.dumps(config)}
        super().Do(inputs, output_dict, properties)
