"""Runs the whole pipeline on this machine."""

from __future__ import annotations

import tensorflow as tf
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from lifelong.components.evaluation.eval_config import make_eval_config
from lifelong.components.evaluation.report import Report, read_report
from lifelong.models.growth import check_goes_on
from lifelong.models.trained import TRAINED_FOLDER
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.create_pipeline import BaseModel, create_pipeline
from lifelong.pipeline.progress import component_lines
from lifelong.pipeline.run_components import run_components
from lifelong.pipeline.run_record import RunRecord, read_pushed_run
from lifelong.pipeline.schema import write_schema


def run_locally(config: Config, workdir: Workdir) -> tuple[RunRecord, Report]:
    """Runs the pipeline, and prints a line for each component.

    Args:
        config: The configuration, checked; the data that it names are there.
        workdir: Where things lie.

    Returns:
        What ran, and the evaluation.

    Raises:
        ValueError: If the configuration does not fit together.
        FileNotFoundError: If a model is to be trained on, and none was pushed, or it was deleted.
        ComponentFailedError: If a component failed.
    """
    pipeline = create_pipeline(
        pipeline_name=config.name,
        pipeline_root=workdir.pipeline_root(config),
        schema_file=write_schema(config.data.all_features, str(workdir.schemas)),
        serving_folder=workdir.serving_folder(config),
        checkpoint_folder=workdir.checkpoint_folder(config),
        ingest=config.data,
        model=config.model,
        training=config.training,
        eval_config=make_eval_config(config.gate.auc_min, config.gate.auc_change_min),
        export=config.export,
        serving=config.serving,
        tree=config.tree,
        store_destination=workdir.store_destination(config),
        store_versions=config.store.keep_versions,
        beam_args=config.beam_args,
        metadata_connection_config=sqlite_metadata_connection_config(str(workdir.metadata)),
        base=_base_model(config, workdir) if config.training.go_on else None,
    )
    print(f"pipeline: {config.name} with long-term part {config.model.long_term}, {workdir.root}")
    with component_lines(workdir.log):
        record = run_components(pipeline, config, workdir)
        report = read_report(record.outputs["Evaluator", "evaluation"])
    return record, report


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
