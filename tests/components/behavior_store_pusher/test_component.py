"""The pusher in a pipeline: when it runs, when it is cached, and what is in use then."""

import shutil
import uuid

import pytest
from tfx import types
from tfx import v1 as tfx
from tfx.dsl.compiler import compiler
from tfx.orchestration import data_types, metadata, pipeline

from lifelong.components.behavior_store_pusher.component import BehaviorStorePusher
from lifelong.components.behavior_store_pusher.destinations import destination_state
from lifelong.pipeline.run_record import read_last_run
from lifelong.serving.behavior_store import open_store
from lifelong_artifacts import BehaviorTree

PUSHER = "BehaviorStorePusher"


@pytest.fixture
def run(tmp_path):
    """Runs the component on a store and returns what executed."""

    def execute(tree):
        importer = tfx.dsl.Importer(
            source_uri=tree.uri,
            artifact_type=BehaviorTree,
            custom_properties={"events": tree.get_int_custom_property("events")},
        ).with_id("tree")
        pushed = str(tmp_path / "pushed")
        # Where nothing is in use, a state that no run has met.
        state = destination_state(pushed, 2) or uuid.uuid4().hex
        pusher = BehaviorStorePusher(importer.outputs["result"], pushed, 2, state)
        tfx.orchestration.LocalDagRunner().run(
            pipeline.Pipeline(
                "test",
                str(tmp_path / "root"),
                components=[importer, pusher],
                enable_cache=True,
                metadata_connection_config=metadata.sqlite_metadata_connection_config(
                    str(tmp_path / "metadata.sqlite")
                ),
            )
        )
        return read_last_run(tmp_path / "metadata.sqlite")

    return execute


def in_use(tmp_path):
    with open_store(tmp_path / "pushed") as store:
        return store.manifest.source


def versions(tmp_path):
    return sorted(path.name for path in (tmp_path / "pushed").glob("[0-9]*"))


def test_what_is_in_use_is_not_pushed_again(run, built, tmp_path):
    first = run(built("a"))
    assert PUSHER in first.executed
    (version,) = versions(tmp_path)
    noted = first.properties[PUSHER, "pushed_store"]
    assert noted["pushed_destination"] == str(tmp_path / "pushed" / version)
    assert noted["pushed_version"] == int(version)
    # The state is another one now: that of its own push.
    for executed in ((PUSHER,), ()):
        again = run(built("a"))
        assert again.executed == executed
        assert again.properties[PUSHER, "pushed_store"] == noted
        assert versions(tmp_path) == [version]


def test_an_earlier_store_is_pushed_again_when_it_is_built_again(run, built, tmp_path):
    """Though its first push is in the cache."""
    for name in ("a", "b", "a"):
        assert PUSHER in run(built(name)).executed
        assert in_use(tmp_path) == name


def test_a_store_that_was_lost_is_pushed_again(run, built, tmp_path):
    for _ in range(2):
        run(built("a"))
    shutil.rmtree(tmp_path / "pushed")
    assert run(built("a")).executed == (PUSHER,)
    assert in_use(tmp_path) == "a"


def test_a_destination_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="destination is 'gs:/bucket'"):
        BehaviorStorePusher(types.Channel(type=BehaviorTree), "gs:/bucket")


def test_the_state_may_be_given_when_the_run_is_started(tmp_path):
    state = data_types.RuntimeParameter("store_state", str, default="")
    pusher = BehaviorStorePusher(
        types.Channel(type=BehaviorTree), "gs://bucket/store", destination_state=state
    )
    compiled = compiler.Compiler().compile(
        pipeline.Pipeline("test", str(tmp_path), components=[pusher])
    )
    parameters = compiled.nodes[0].pipeline_node.parameters.parameters
    assert parameters["destination_state"].runtime_parameter.name == "store_state"
    assert parameters["destination"].field_value.string_value == "gs://bucket/store"
    assert parameters["keep_versions"].field_value.int_value == 2
