"""What killed runs left is removed, and nothing else."""

import pytest
from ml_metadata import metadata_store
from ml_metadata import proto as mlmd
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from lifelong.pipeline.leftovers import remove_leftovers

RUNNING, COMPLETE = mlmd.Execution.RUNNING, mlmd.Execution.COMPLETE
FAILED = mlmd.Execution.FAILED


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


class Runs:
    """Records executions, as TFX does, in a folder of runs."""

    def __init__(self, folder):
        self.metadata = folder / "metadata.sqlite"
        self.root = folder / "artifacts"
        self.store = metadata_store.MetadataStore(
            sqlite_metadata_connection_config(str(self.metadata))
        )
        self.node_type = self.store.put_context_type(mlmd.ContextType(name="node"))
        self.run_type = self.store.put_context_type(mlmd.ContextType(name="pipeline_run"))

    def record(self, component, state):
        kind = self.store.put_execution_type(mlmd.ExecutionType(name=f"tfx.{component}"))
        contexts = [
            mlmd.Context(type_id=self.node_type, name=f"shop.v2.{component}"),
            mlmd.Context(type_id=self.run_type, name="2026-11-27"),
        ]
        execution = mlmd.Execution(type_id=kind, last_known_state=state)
        (number, *_) = self.store.put_execution(
            execution, [], contexts, reuse_context_if_already_exist=True
        )
        return number

    def output(self, component, key, number):
        folder = self.root / component / key / str(number)
        write(folder, {"beam-temp-7/part": "p", "data": "d"})
        return folder

    def state(self, number):
        return self.store.get_executions_by_id([number])[0].last_known_state

    def clean_up(self):
        remove_leftovers(self.metadata, str(self.root))


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
    remove_leftovers(tmp_path / "metadata.sqlite", str(tmp_path / "root"))
    assert not list(tmp_path.iterdir())


def test_artifacts_may_lie_at_a_uri(runs):
    import tensorflow as tf

    killed = runs.record("Trainer", RUNNING)
    path = f"ram://leftovers/Trainer/model/{killed}/weights"
    tf.io.gfile.makedirs(path.rpartition("/")[0])
    with tf.io.gfile.GFile(path, "w") as file:
        file.write("half")
    remove_leftovers(runs.metadata, "ram://leftovers")
    assert not tf.io.gfile.exists(path)
