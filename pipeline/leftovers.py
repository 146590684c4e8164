"""Removes what runs have left that were killed, and notes that they failed."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from ml_metadata import metadata_store
from ml_metadata import proto as mlmd
from tfx.orchestration.metadata import sqlite_metadata_connection_config

_UNFINISHED = (mlmd.Execution.NEW, mlmd.Execution.RUNNING)
_NODE_CONTEXT = "node"
_PUSHER = "Pusher"
# Where TFX keeps what is no output.
_SYSTEM_FOLDER = ".system/executor_execution"


def remove_leftovers(metadata_path: Path, pipeline_root: str, serving_folder: str = "") -> None:
    """Removes the outputs of executions that never ended, for nothing reads them.

    TFX removes what a component has written that fails, but nobody does if the process is killed:
    Beam's temporary folders, half a model, half a version of a model in the serving folder. What a
    training has saved to go on from is kept.

    Args:
        metadata_path: SQLite file of the metadata. No run may be using it: what is noted there as
            running was killed.
        pipeline_root: Path or URI of the artifacts.
        serving_folder: Path or URI of the pushed models; empty if there is none.
    """
    if not metadata_path.exists():
        return
    store = metadata_store.MetadataStore(sqlite_metadata_connection_config(str(metadata_path)))
    killed = [it for it in store.get_executions() if it.last_known_state in _UNFINISHED]
    for execution in killed:
        for context in store.get_contexts_by_execution(execution.id):
            if context.type == _NODE_CONTEXT:
                # The name begins with that of the pipeline.
                node = context.name.rpartition(".")[2]
                _remove_outputs(f"{pipeline_root}/{node}", execution.id)
                if node == _PUSHER and serving_folder:
                    _remove_half_versions(serving_folder, execution)
        execution.last_known_state = mlmd.Execution.FAILED
    if killed:
        store.put_executions(killed)


def _remove_outputs(node_folder: str, execution: int) -> None:
    for folder in tf.io.gfile.glob(f"{node_folder}/*/{execution}"):
        tf.io.gfile.rmtree(folder)
    system = f"{node_folder}/{_SYSTEM_FOLDER}/{execution}"
    if tf.io.gfile.isdir(system):
        tf.io.gfile.rmtree(system)


def _remove_half_versions(serving_folder: str, execution: mlmd.Execution) -> None:
    """Removes versions begun by a killed push: as new as it, and without the file that comes last."""
    if not tf.io.gfile.isdir(serving_folder):
        return
    began = execution.create_time_since_epoch // 1000
    for name in tf.io.gfile.listdir(serving_folder):
        version = name.rstrip("/")
        if version.isdigit() and int(version) >= began:
            folder = f"{serving_folder}/{version}"
            if not tf.io.gfile.exists(f"{folder}/saved_model.pb"):
                tf.io.gfile.rmtree(folder)
