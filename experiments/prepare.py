"""Makes the records of the experiments with the pipeline's own data components."""

from __future__ import annotations

from tfx.orchestration.metadata import sqlite_metadata_connection_config

from lifelong.data.logs.fingerprint import log_fingerprints
from lifelong.experiments.data import ExperimentData
from lifelong.pipeline.config import Config, Workdir
from lifelong.pipeline.create_pipeline import create_data_pipeline
from lifelong.pipeline.run_components import run_components


def make_data(config: Config, workdir: Workdir) -> ExperimentData:
    """Runs the data components, which finds all of them done if the pipeline has run before.

    Args:
        config: Logs, requests, splits, features; checked, and what it names is there.
        workdir: Where things lie.

    Returns:
        Where the records lie.
    """
    pipeline = create_data_pipeline(
        pipeline_name=config.name,
        pipeline_root=workdir.places(config).pipeline_root,
        fingerprints=log_fingerprints(config.data.tables),
        ingest=config.data,
        training=config.training,
        beam_args=config.beam_args,
        metadata_connection_config=sqlite_metadata_connection_config(str(workdir.metadata)),
    )
    outputs = run_components(pipeline, config, workdir).outputs
    return ExperimentData.of(config.data, outputs)
