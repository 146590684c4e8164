"""Reads from the metadata what the last run executed and where its outputs are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from ml_metadata import metadata_store
from ml_metadata import proto as mlmd
from tfx.orchestration.metadata import sqlite_metadata_connection_config

_RUN_CONTEXT = "pipeline_run"
_EXECUTED = mlmd.Execution.COMPLETE
_DONE = (mlmd.Execution.COMPLETE, mlmd.Execution.CACHED)


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """What a run did.

    Attributes:
        executed: Components that ran, in order.
        cached: Components whose earlier outputs were used.
        outputs: URI by (component, output key).
        properties: What a component noted about an output, by (component, output key).
        pushed_models: URIs of the baked models that this run and all others have pushed.
        started: When it began, Unix seconds.
        seconds: How long each component took, in order, those that were found in the cache too.
    """

    executed: tuple[str, ...]
    cached: tuple[str, ...]
    outputs: dict[tuple[str, str], str]
    properties: dict[tuple[str, str], dict[str, int | float | str]]
    pushed_models: frozenset[str] = frozenset()
    started: float = 0.0
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def duration(self) -> float:
        """Seconds that the components took together."""
        return sum(self.seconds.values())


def read_last_run(metadata_path: Path, having: str = "") -> RunRecord:
    """Reads the record of the newest run.

    Args:
        metadata_path: SQLite file of the metadata.
        having: Name of a component that the run must have executed or found in the cache: a run of
            the data components alone, as for `lifelong compare`, has no `Trainer`. Any run will do
            if empty.

    Returns:
        The record.

    Raises:
        FileNotFoundError: If there is no metadata or no such run in it.
    """
    for done, component, store in _runs(metadata_path):
        if not having or having in component.values():
            return _read(store, done, component)
    wanted = f"run with a {having}" if having else "run"
    raise FileNotFoundError(f"{metadata_path} records no {wanted}: start with `lifelong run`")


def read_pushed_run(metadata_path: Path) -> RunRecord:
    """Reads the record of the newest run whose model was pushed.

    Args:
        metadata_path: SQLite file of the metadata.

    Raises:
        FileNotFoundError: If there is no metadata or no run has pushed a model.
    """
    for done, component, store in _runs(metadata_path):
        record = _read(store, done, component)
        if record.outputs.get(("SignatureBaker", "baked_model")) in record.pushed_models:
            return record
    raise FileNotFoundError(f"{metadata_path} records no pushed model: start with `lifelong run`")


def _runs(
    metadata_path: Path,
) -> Iterator[tuple[list[mlmd.Execution], dict[int, str], metadata_store.MetadataStore]]:
    """Yields the finished executions of each run, newest run first, with their components' names."""
    if not metadata_path.exists():
        raise FileNotFoundError(f"{metadata_path} does not exist: start with `lifelong run`")
    store = metadata_store.MetadataStore(sqlite_metadata_connection_config(str(metadata_path)))
    types = {kind.id: kind.name.split(".")[-1] for kind in store.get_execution_types()}
    runs = store.get_contexts_by_type(_RUN_CONTEXT)
    for run in sorted(runs, key=lambda run: run.create_time_since_epoch, reverse=True):
        executions = sorted(store.get_executions_by_context(run.id), key=lambda e: e.id)
        done = [e for e in executions if e.last_known_state in _DONE]
        yield done, {e.id: types[e.type_id] for e in done}, store


def _read(
    store: metadata_store.MetadataStore, done: list[mlmd.Execution], component: dict[int, str]
) -> RunRecord:
    events = store.get_events_by_execution_ids([e.id for e in done])
    artifacts = {
        a.id: a for a in store.get_artifacts_by_id(list({event.artifact_id for event in events}))
    }
    outputs = {
        (component[event.execution_id], event.path.steps[0].key): artifacts[event.artifact_id]
        for event in events
        if event.type == mlmd.Event.OUTPUT
    }
    return RunRecord(
        executed=tuple(component[e.id] for e in done if e.last_known_state == _EXECUTED),
        cached=tuple(component[e.id] for e in done if e.last_known_state != _EXECUTED),
        outputs={key: artifact.uri for key, artifact in outputs.items()},
        properties={
            key: {
                name: getattr(value, value.WhichOneof("value"))
                for name, value in artifact.custom_properties.items()
            }
            for key, artifact in outputs.items()
        },
        pushed_models=_read_pushed_models(store),
        started=min((e.create_time_since_epoch for e in done), default=0) / 1e3,
        seconds={
            component[e.id]: (e.last_update_time_since_epoch - e.create_time_since_epoch) / 1e3
            for e in done
        },
    )


def _read_pushed_models(store: metadata_store.MetadataStore) -> frozenset[str]:
    blessings = {it.id: it for it in store.get_artifacts_by_type("InfraBlessing")}
    pushed = [
        it.id
        for it in store.get_artifacts_by_type("PushedModel")
        if it.custom_properties["pushed"].int_value
    ]
    made = {event.execution_id for event in store.get_events_by_artifact_ids(pushed)}
    return frozenset(
        blessings[event.artifact_id].custom_properties["model_uri"].string_value
        for event in store.get_events_by_execution_ids(list(made))
        if event.type == mlmd.Event.INPUT and event.artifact_id in blessings
    )
