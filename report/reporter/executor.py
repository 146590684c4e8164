"""Makes the page about a run out of the artifacts that a task is given."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from lifelong.components.evaluation.report import read_report
from lifelong.data.config_json import decode
from lifelong.pipeline.config import Config
from lifelong.pipeline.local_runner import RunOutcome
from lifelong.pipeline.run_record import RunRecord
from lifelong.pipeline.verdict import judge_run
from lifelong.report.builder import make_report
from lifelong.report.page import render
from lifelong.report.reported_run import BAKED_MODEL, SERVING_BLESSING, ReportedRun

CONFIG_KEY = "config"
PAGE_KEY = "report_page"
PAGE_FILE = "report.html"
# What the page is about, in the order in which it is made: names of components and output keys, by key
# of the input.
REPORTED = {
    "day_statistics": ("DayStatisticsBuilder", "day_statistics"),
    "item_table": ("ItemTableBuilder", "item_table"),
    "examples": ("BehaviorExampleGen", "examples"),
    "quarantine": ("BehaviorExampleGen", "quarantine"),
    "vocabularies": ("VocabularyBuilder", "vocabularies"),
    "transform_graph": ("Transform", "transform_graph"),
    "transformed_examples": ("Transform", "transformed_examples"),
    "model": ("Trainer", "model"),
    "model_run": ("Trainer", "model_run"),
    "baked_model": BAKED_MODEL,
    "evaluation": ("Evaluator", "evaluation"),
    "serving_blessing": SERVING_BLESSING,
    "pushed_model": ("Pusher", "pushed_model"),
}


class Executor(base_executor.BaseExecutor):
    """Makes the page, and writes it to the output."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the page; see `Reporter` for inputs and properties.

        Raises:
            ValueError: If the configuration is that of another version.
            FileNotFoundError: If there is no evaluation.
        """
        config = decode(Config, json.loads(exec_properties[CONFIG_KEY]), CONFIG_KEY)
        given = {
            of: artifact_utils.get_single_instance(input_dict[key])
            for key, of in REPORTED.items()
            if input_dict.get(key)
        }
        record = RunRecord(
            executed=(),
            cached=(),
            outputs={of: artifact.uri for of, artifact in given.items()},
            properties={of: _noted(artifact) for of, artifact in given.items()},
            started=time.time(),
        )
        outcome = RunOutcome(record, read_report(record.outputs["Evaluator", "evaluation"]))
        page = artifact_utils.get_single_instance(output_dict[PAGE_KEY])
        with tempfile.TemporaryDirectory() as scratch:
            verdict = judge_run(config.gate, outcome)
            report = make_report(ReportedRun(config, outcome, verdict, "", Path(scratch)))
        tf.io.gfile.makedirs(page.uri)
        with tf.io.gfile.GFile(f"{page.uri}/{PAGE_FILE}", "w") as file:
            file.write(render(report.page))
        page.set_string_custom_property("not_shown", "\n".join(report.failures))


def _noted(artifact: types.Artifact) -> dict[str, Any]:
    """Returns custom properties; from another task they come as JSON, whose numbers are all floats."""
    noted = {}
    for name in artifact.mlmd_artifact.custom_properties:
        value = artifact.get_json_value_custom_property(name)
        if value is None:
            value = artifact.get_custom_property(name)
        noted[name] = int(value) if isinstance(value, float) and value.is_integer() else value
    return noted
