"""Writes the curated schema as a TFX executor."""

from __future__ import annotations

import json
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils

from lifelong.components.curated_schema.schema import make_schema
from lifelong.data.features import Feature

FEATURES_KEY = "features"
# As TFX calls it.
SCHEMA_FILE = "schema.pbtxt"


class Executor(base_executor.BaseExecutor):
    """Writes the schema of records with the configured features."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the schema.

        Args:
            input_dict: Nothing.
            output_dict: `schema`: a `Schema`.
            exec_properties: `features`: a JSON list of the fields of `Feature`s.
        """
        schema = artifact_utils.get_single_instance(output_dict[specs.SCHEMA_KEY])
        features = json.loads(exec_properties[FEATURES_KEY])
        io_utils.write_pbtxt_file(
            f"{schema.uri}/{SCHEMA_FILE}", make_schema(tuple(Feature(**it) for it in features))
        )
