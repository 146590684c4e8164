"""Runs the whole pipeline on this machine."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

# Components load this and `fitting` when they run; what is missing is told before anything is trained.
from tensorflow_serving.apis import model_service_pb2  # noqa: F401
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from lifelong.components.evaluation.report import Report, read_report
from lifelong.components.serving_validator.refusal import ModelRefusedError
from lifelong.models import fitting  # noqa: F401
from lifelong.models.growth import check_goes_on
from lifelong.models.trained import TRAINED_FOLDER
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.configured_pipeline import configured_pipeline
from lifelong.pipeline.create_pipeline import BaseModel
from lifelong.pipeline.progress import component_lines
from lifelong.pipeline.run_components import run_components
from lifelong.pipeline.run_parameters import RunParameters
from lifelong.pipeline.run_record import RunRecord, read_last_run, read_pushed_run


class RunOutcome(NamedTuple):
    """What came of a run.

    Attributes:
        record: What ran.
        report: The evaluation.
        refusal: Why the model must not be pushed, though it may be good; empty if it may.
    """

    record: RunRecord
    report: Report
    refusal: str = ""


def run_locally(config: Config, workdir: Workdir) -> RunOutcome:
    """Runs the pipeline, and prints a line for each component.

    Args:
        config: The configuration, checked; the data that it names are there.
        workdir: Where things lie.

    Raises:
        ValueError: If the configuration does not fit together.
        FileNotFoundError: If a model is to be trained on, and none was pushed, or it was deleted.
        OSError: If a log or a destination cannot be read.
        ComponentFailedError: If a component failed.
    """
    base = _base_model(config, workdir) if config.training.go_on else None
    places = workdir.places(config)
    pipeline = configured_pipeline(
        config,
        places,
        RunParameters.of(config, places),
        metadata_connection_config=sqlite_metadata_connection_config(str(workdir.metadata)),
        base=base,
    )
    print(f"pipeline: {config.name} with long-term part {config.model.long_term}, {workdir.root}")
    with component_lines(workdir.log):
        refusal = ""
        try:
            record = run_components(pipeline, config, workdir)
        except ModelRefusedError as error:
            record, refusal = read_last_run(workdir.metadata), str(error)
        report = read_report(record.outputs["Evaluator", "evaluation"])
    return RunOutcome(record, report, refusal)


def _base_model(config: Config, workdir: Workdir) -> BaseModel:
    """Finds the model that was pushed last, as it was trained, and checks that it can be trained on."""
    try:
        outputs = read_pushed_run(workdir.metadata).outputs
    except FileNotFoundError as error:
        raise FileNotFoundError(f"training.go_on is true, but {error} without it") from error
    vocabularies = outputs.get(("VocabularyBuilder", "vocabularies"))
    if vocabularies is None:
        raise ValueError(
            "training.go_on is true, but another version of lifelong made the model that was pushed "
            "last: run `lifelong run` once without it"
        )
    base = BaseModel(outputs["Trainer", "model"], vocabularies)
    # Told here, it costs no hour of reading logs.
    for uri in base:
        if not tf.io.gfile.exists(uri):
            raise FileNotFoundError(
                f"training.go_on is true, but {uri} of the model that was pushed last does not exist "
                "any more: run `lifelong run` once without it"
            )
    check_goes_on(
        f"{base.model}/{TRAINED_FOLDER}",
        config.model,
        (*config.data.all_features, *config.data.item_features),
        config.data.contract,
    )
    return base
