"""What killed runs left is removed, and nothing else."""

import pytest
from ml_metadata import metadata_store
from ml_metadata import proto as mlmd
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.utils import path_utils

from lifelong.pipeline.leftovers import remove_leftovers

RUNNING, COMPLETE = mlmd.Execution.RUNNING, mlmd.Execution.COMPLETE
FAILED = mlmd.Execution.FAILED
FILES = {"variables/data": "x" * 30, "fingerprint.pb": "f", "saved_model.pb": "s" * 20}


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


class Runs:
    """Records executions, as TFX does, in a folder of runs."""

    def __init__(self, folder):
        self.metadata = folder / "metadata.sqlite"
        self.root, self.serving = folder / "artifacts", folder / "serving"
        self.store = metadata_store.MetadataStore(
            sqlite_metadata_connection_config(str(self.metadata))
        )
        self.node_type = self.store.put_context_type(mlmd.ContextType(name="node"))
        self.run_type = self.store.put_context_type(mlmd.ContextType(name="pipeline_run"))

    def record(self, component, state, inputs=()):
        kind = self.store.put_execution_type(mlmd.ExecutionType(name=f"tfx.{component}"))
        contexts = [
            mlmd.Context(type_id=self.node_type, name=f"shop.v2.{component}"),
            mlmd.Context(type_id=self.run_type, name="2026-11-27"),
        ]
        events = [(artifact, mlmd.Event(type=mlmd.Event.INPUT)) for artifact in inputs]
        execution = mlmd.Execution(type_id=kind, last_known_state=state)
        (number, *_) = self.store.put_execution(
            execution, events, contexts, reuse_context_if_already_exist=True
        )
        return number

    def output(self, component, key, number):
        folder = self.root / component / key / str(number)
        write(folder, {"beam-temp-7/part": "p", "data": "d"})
        return folder

    def state(self, number):
        return self.store.get_executions_by_id([number])[0].last_known_state

    def clean_up(self):
        remove_leftovers(self.metadata, str(self.root), str(self.serving))


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def test_what_a_killed_component_wrote_is_removed(runs):
    done = runs.record("BehaviorExampleGen", COMPLETE)
    killed = runs.record("BehaviorExampleGen", RUNNING)
    kept = [
        runs.output("BehaviorExampleGen", "examples", done),
        # The same number, but another component's.
        runs.output("Transform", "graph", killed),
    ]
    gone = [
        runs.output("BehaviorExampleGen", key, killed)
        for key in ("examples", "quarantine", ".system/executor_execution")
    ]
    runs.clean_up()
    assert all((folder / "data").exists() for folder in kept)
    assert not any(folder.exists() for folder in gone)
    assert runs.state(done) == COMPLETE
    assert runs.state(killed) == FAILED


def test_without_a_run_there_is_nothing_to_do(tmp_path):
    remove_leftovers(
        tmp_path / "metadata.sqlite", str(tmp_path / "root"), str(tmp_path / "serving")
    )
    assert not list(tmp_path.iterdir())


def test_artifacts_may_lie_at_a_uri(runs):
    import tensorflow as tf

    killed = runs.record("Trainer", RUNNING)
    path = f"ram://leftovers/Trainer/model/{killed}/weights"
    tf.io.gfile.makedirs(path.rpartition("/")[0])
    with tf.io.gfile.GFile(path, "w") as file:
        file.write("half")
    remove_leftovers(runs.metadata, "ram://leftovers", "ram://serving")
    assert not tf.io.gfile.exists(path)


class Pushes:
    """The push of a model, and the versions in the serving folder around it."""

    def __init__(self, runs, tmp_path, state):
        blessing_type = runs.store.put_artifact_type(mlmd.ArtifactType(name="InfraBlessing"))
        uri = str(tmp_path / "blessing")
        (number,) = runs.store.put_artifacts([mlmd.Artifact(type_id=blessing_type, uri=uri)])
        write(tmp_path.__class__(path_utils.stamped_model_path(uri)), FILES)
        blessing = runs.store.get_artifacts_by_id([number])[0]
        push = runs.record("Pusher", state, [blessing])
        began = runs.store.get_executions_by_id([push])[0].create_time_since_epoch // 1000
        self.runs, self.began = runs, began

    def version(self, seconds, files):
        folder = self.runs.serving / str(self.began + seconds)
        folder.mkdir(parents=True)
        write(folder, files)
        return folder


@pytest.mark.parametrize("state", [RUNNING, FAILED])
@pytest.mark.parametrize(
    "part",
    [
        {},
        {"variables/data": "x" * 30},
        {**FILES, "saved_model.pb": "s" * 7},
    ],
)
def test_half_a_version_of_a_push_is_removed(runs, tmp_path, state, part):
    version = Pushes(runs, tmp_path, state).version(2, part)
    runs.clean_up()
    assert not version.exists()


def test_other_versions_stay(runs, tmp_path):
    pushes = Pushes(runs, tmp_path, RUNNING)
    others = [
        pushes.version(1, FILES),  # whole, only not noted
        pushes.version(-5, {"variables/data": "x"}),  # was there before
        pushes.version(300, {"variables/data": "x"}),  # came long after
        pushes.version(3, {"variables/other": "x"}),  # of another model
    ]
    runs.clean_up()
    assert all(version.exists() for version in others)
