"""TFX's executor of the Trainer, whose function is told where more artifacts lie."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.trainer import executor

from lifelong.components.day_statistics.executor import DAY_STATISTICS_KEY
from lifelong.components.item_table.executor import ITEM_TABLE_KEY
from lifelong.components.told_artifacts import tell_artifacts
from lifelong.components.vocabulary_builder.executor import VOCABULARIES_KEY


class Executor(executor.GenericExecutor):
    """Adds paths or URIs of statistics, item table and vocabularies to what the function is given."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Trains; see `Trainer` for inputs and properties."""
        keys = (DAY_STATISTICS_KEY, ITEM_TABLE_KEY, VOCABULARIES_KEY)
        inputs, properties = tell_artifacts(input_dict, exec_properties, keys)
        super().Do(inputs, output_dict, properties)
