"""TFX's executor of the Trainer, whose function is told where features of items come from."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.trainer import executor

from lifelong.components.item_table.executor import ITEM_TABLE_KEY
from lifelong.components.told_artifacts import tell_artifacts
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
        keys = (ITEM_TABLE_KEY, VOCABULARIES_KEY)
        inputs, properties = tell_artifacts(input_dict, exec_properties, keys)
        super().Do(inputs, output_dict, properties)
