"""Removes what runs have left that were killed, and notes that they failed."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from ml_metadata import metadata_store
from ml_metadata import proto as mlmd
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.utils import path_utils

_UNFINISHED = (mlmd.Execution.NEW, mlmd.Execution.RUNNING)
_NODE_CONTEXT = "node"
_PUSHER = "Pusher"
# Where TFX keeps what is no output.
_SYSTEM_FOLDER = ".system/executor_execution"
# A version is the second at which the Pusher began to work, soon after its execution was noted.
_BEGINS_WITHIN_S = 60


def remove_leftovers(metadata_path: Path, pipeline_root: str, serving_folder: str) -> None:
    """Removes the outputs of executions that never ended, for nothing reads them.

    TFX removes what a component has written that fails, but nobody does if the process is killed:
    Beam's temporary folders, half a model. Half a version of a model in the serving folder stays
    there in both cases. What a training has saved to go on from is kept.

    Args:
        metadata_path: SQLite file of the metadata. No run may be using it: what is noted there as
            running was killed.
        pipeline_root: Path or URI of the artifacts.
        serving_folder: Path or URI of the pushed models.
    """
    if not metadata_path.exists():
        return
    store = metadata_store.MetadataStore(sqlite_metadata_connection_config(str(metadata_path)))
    killed = []
    for execution in store.get_executions():
        is_killed = execution.last_known_state in _UNFINISHED
        if is_killed or execution.last_known_state == mlmd.Execution.FAILED:
            node = _node_of(store, execution)
            if node == _PUSHER:
                _remove_half_version(store, execution, serving_folder)
            if is_killed:
                _remove_outputs(f"{pipeline_root}/{node}", execution.id)
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


def _remove_half_version(
    store: metadata_store.MetadataStore, execution: mlmd.Execution, serving_folder: str
) -> None:
    """Removes the version that a push began, if it is a part of what was to be pushed."""
    began = execution.create_time_since_epoch // 1000
    inputs = {
        event.artifact_id
        for event in store.get_events_by_execution_ids([execution.id])
        if event.type == mlmd.Event.INPUT
    }
    for blessing in store.get_artifacts_by_type("InfraBlessing"):
        if blessing.id in inputs:
            whole = _sizes(path_utils.stamped_model_path(blessing.uri))
            for version in range(began, began + _BEGINS_WITHIN_S):
                folder = f"{serving_folder}/{version}"
                if tf.io.gfile.isdir(folder) and _is_part(_sizes(folder), whole):
                    tf.io.gfile.rmtree(folder)


def _is_part(sizes: dict[str, int], whole: dict[str, int]) -> bool:
    return sizes != whole and all(size <= whole.get(name, -1) for name, size in sizes.items())


def _sizes(folder: str) -> dict[str, int]:
    """Returns the bytes of all files in a folder by their path in it."""
    return {
        f"{inner.removeprefix(folder)}/{name}": tf.io.gfile.stat(f"{inner}/{name}").length
        for inner, _, names in tf.io.gfile.walk(folder)
        for name in names
    }
