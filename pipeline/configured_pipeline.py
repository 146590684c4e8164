"""The pipeline of a configuration, for all runners alike."""

from __future__ import annotations

from ml_metadata.proto import ConnectionConfig
from tfx import v1 as tfx

from lifelong.components.evaluation.eval_config import make_eval_config
from lifelong.pipeline.config import Config, Places
from lifelong.pipeline.create_pipeline import BaseModel, ComponentsAfter, create_pipeline
from lifelong.pipeline.run_parameters import RunParameters


def configured_pipeline(
    config: Config,
    places: Places,
    parameters: RunParameters,
    metadata_connection_config: ConnectionConfig | None = None,
    base: BaseModel | None = None,
    after: ComponentsAfter | None = None,
) -> tfx.dsl.Pipeline:
    """Builds the pipeline of a configuration.

    Args:
        config: The configuration, checked.
        places: Where a run puts things.
        parameters: What logs and destinations are like; texts, or parameters that are given later.
        metadata_connection_config: Where ML Metadata keeps what ran; None: where the runner does.
        base: The model that is trained on; None: a new one is trained.
        after: Makes what comes after the push, see `create_pipeline`.
    """
    return create_pipeline(
        pipeline_name=config.name,
        pipeline_root=places.pipeline_root,
        serving_folder=places.serving_folder,
        checkpoint_folder=places.checkpoint_folder,
        findings_folder=places.findings_folder,
        parameters=parameters,
        ingest=config.data,
        model=config.model,
        training=config.training,
        eval_config=make_eval_config(config.gate.auc_min, config.gate.auc_change_min),
        export=config.export,
        serving=config.serving,
        tree=config.tree,
        store_destination=places.store_destination,
        store_versions=config.store.keep_versions,
        beam_args=config.beam_args,
        metadata_connection_config=metadata_connection_config,
        base=base,
        after=after,
    )
