"""TFX's executor of Transform, whose function is told where the vocabularies are."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.components.transform import executor

from lifelong.components.told_artifacts import tell_artifacts
from lifelong.components.vocabulary_builder.executor import VOCABULARIES_KEY


class Executor(executor.Executor):
    """Adds the vocabularies' path or URI to what the preprocessing function is given."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Transforms the examples; see `Transform` for inputs and properties."""
        inputs, properties = tell_artifacts(input_dict, exec_properties, (VOCABULARIES_KEY,))
        super().Do(inputs, output_dict, properties)
