"""Removes what runs have left that were killed, and notes that they failed."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from ml_metadata import metadata_store
from ml_metadata import proto as mlmd
from tfx.orchestration.metadata import sqlite_metadata_connection_config

_UNFINISHED = (mlmd.Execution.NEW, mlmd.Execution.RUNNING)
_NODE_CONTEXT = "node"
# Where TFX keeps what is no output.
_SYSTEM_FOLDER = ".system/executor_execution"


def remove_leftovers(metadata_path: Path, pipeline_root: str) -> None:
    """Removes the outputs of executions that never ended, for nothing reads them.

    TFX removes what a component has written that fails, but nobody does if the process is killed:
    Beam's temporary folders, half a model. What a training has saved to go on from is kept.

    Args:
        metadata_path: SQLite file of the metadata. No run may be using it: what is noted there as
            running was killed.
        pipeline_root: Path or URI of the artifacts.
    """
    if not metadata_path.exists():
        return
    store = metadata_store.MetadataStore(sqlite_metadata_connection_config(str(metadata_path)))
    killed = []
    for execution in store.get_executions():
        if execution.last_known_state in _UNFINISHED:
            _remove_outputs(f"{pipeline_root}/{_node_of(store, execution)}", execution.id)
            execution.last_known_state = mlmd.Execution.FAILED
            killed.append(execution)
    if killed:
        store.put_executions(killed)


def _node_of(store: metadata_store.MetadataStore, execution: mlmd.Execution) -> str:
    """Returns the name of an execution's component."""
    contexts = store.get_contexts_by_execution(execution.id)
    (name,) = [context.name for context in contexts if context.type == _NODE_CONTEXT]
    # It begins with the pipeline's.
    return name.rpartition(".")[2]


def _remove_outputs(node_folder: str, execution: int) -> None:
    for folder in tf.io.gfile.glob(f"{node_folder}/*/{execution}"):
        tf.io.gfile.rmtree(folder)
    system = f"{node_folder}/{_SYSTEM_FOLDER}/{execution}"
    if tf.io.gfile.isdir(system):
        tf.io.gfile.rmtree(system)
