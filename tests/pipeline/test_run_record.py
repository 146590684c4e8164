import pytest
from ml_metadata import metadata_store
from ml_metadata import proto as mlmd
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from lifelong.pipeline.run_record import read_last_run, read_pushed_run

KEYS = {"SignatureBaker": "baked_model"}


@pytest.fixture
def metadata(tmp_path):
    """A metadata file, and what records runs of components in it."""
    path = tmp_path / "metadata.sqlite"
    store = metadata_store.MetadataStore(sqlite_metadata_connection_config(str(path)))
    run_type = store.put_context_type(mlmd.ContextType(name="pipeline_run"))
    artifact_type = store.put_artifact_type(mlmd.ArtifactType(name="Anything"))

    def record(run, *components, state=mlmd.Execution.COMPLETE):
        context = mlmd.Context(type_id=run_type, name=run)
        (context.id,) = store.put_contexts([context])
        for component in components:
            kind = store.put_execution_type(mlmd.ExecutionType(name=f"tfx.{component}"))
            artifact = mlmd.Artifact(type_id=artifact_type, uri=f"{run}/{component}")
            event = mlmd.Event(type=mlmd.Event.OUTPUT)
            event.path.steps.add(key=KEYS.get(component, "output"))
            execution = mlmd.Execution(type_id=kind, last_known_state=state)
            store.put_execution(execution, [(artifact, event)], [context])

    return path, record


def test_the_newest_run_is_read(metadata):
    path, record = metadata
    record("first", "Transform", "Trainer")
    record("second", "Transform", state=mlmd.Execution.CACHED)
    newest = read_last_run(path)
    assert newest.outputs == {("Transform", "output"): "second/Transform"}
    assert newest.cached == ("Transform",)
    assert newest.executed == ()


def test_the_newest_run_with_a_component_is_found_behind_newer_ones(metadata):
    path, record = metadata
    record("first", "Transform", "Trainer")
    record("second", "Transform", "Trainer")
    record("third", "Transform")
    # One in which the component failed has no output.
    record("fourth", "Trainer", state=mlmd.Execution.FAILED)
    found = read_last_run(path, having="Trainer")
    assert found.outputs["Trainer", "output"] == "second/Trainer"
    assert found.outputs["Transform", "output"] == "second/Transform"
    assert found.executed == ("Transform", "Trainer")


def test_without_such_a_run_it_says_what_to_do(metadata):
    path, record = metadata
    with pytest.raises(FileNotFoundError, match="records no run: start with `lifelong run`"):
        read_last_run(path)
    record("only", "Transform")
    with pytest.raises(FileNotFoundError, match="records no run with a Trainer: start with"):
        read_last_run(path, having="Trainer")


def artifact(store, name, uri, **noted):
    kind = store.put_artifact_type(mlmd.ArtifactType(name=name))
    made = mlmd.Artifact(type_id=kind, uri=uri)
    for key, value in noted.items():
        field = "int_value" if isinstance(value, int) else "string_value"
        setattr(made.custom_properties[key], field, value)
    return made


def push(path, model, version, pushed=1):
    """Records that a model was pushed, or was not."""
    store = metadata_store.MetadataStore(sqlite_metadata_connection_config(str(path)))
    kind = store.put_execution_type(mlmd.ExecutionType(name="tfx.Pusher"))
    (blessing,) = store.put_artifacts([artifact(store, "InfraBlessing", "b", model_uri=model)])
    noted = {"pushed": pushed, "pushed_version": version, "pushed_destination": f"at/{version}"}
    store.put_execution(
        mlmd.Execution(type_id=kind, last_known_state=mlmd.Execution.COMPLETE),
        [
            (store.get_artifacts_by_id([blessing])[0], mlmd.Event(type=mlmd.Event.INPUT)),
            (
                artifact(store, "PushedModel", f"archive/{version}", **noted),
                mlmd.Event(type=mlmd.Event.OUTPUT),
            ),
        ],
        [],
    )


def test_pushes_of_all_runs_are_known_by_their_model(metadata):
    path, record = metadata
    record("first", "Trainer")
    push(path, "baked/1", "5")
    push(path, "baked/2", "", pushed=0)
    assert read_last_run(path).pushed_models == {"baked/1"}


def test_without_a_push_no_model_is_pushed(metadata):
    path, record = metadata
    record("first", "Trainer")
    assert read_last_run(path).pushed_models == frozenset()


def test_the_newest_run_whose_model_was_pushed_is_found(metadata):
    path, record = metadata
    for run in ("first", "second", "refused"):
        record(run, "Trainer", "SignatureBaker")
    record("unfinished", "Trainer")
    with pytest.raises(FileNotFoundError, match="records no pushed model: start with `lifelong"):
        read_pushed_run(path)
    push(path, "first/SignatureBaker", "5")
    push(path, "second/SignatureBaker", "6")
    push(path, "refused/SignatureBaker", "", pushed=0)
    assert read_pushed_run(path).outputs["Trainer", "output"] == "second/Trainer"
