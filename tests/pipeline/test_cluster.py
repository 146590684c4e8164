import dataclasses

import pytest

from lifelong.data.logs.config import LogConfig
from lifelong.models.config import TrainingConfig
from lifelong.pipeline.cluster import cluster_places
from lifelong.pipeline.config import Config, StoreConfig
from lifelong.pipeline.default_data import default_ingestion

CONFIG = Config(
    data=default_ingestion("gs://bucket/log.csv"),
    image="registry/lifelong:1",
    pipeline_root="gs://bucket/artifacts/",
    serving_folder="gs://bucket/serving",
    store=StoreConfig(destination="redis://host/0?name=shop"),
)


def test_all_that_a_task_keeps_lies_below_the_root():
    places = cluster_places(CONFIG)
    assert places.pipeline_root == "gs://bucket/artifacts"
    assert places.checkpoint_folder == "gs://bucket/artifacts/checkpoints"
    assert places.findings_folder == "gs://bucket/artifacts/findings"
    assert places.serving_folder == "gs://bucket/serving"
    assert places.store_destination == "redis://host/0?name=shop"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"name": "My_Shop"},
            "name is 'My_Shop'; on a cluster it must have up to 63 small letters",
        ),
        ({"pipeline_root": "gs:/bucket"}, "pipeline_root is 'gs:/bucket', .* write gs://bucket"),
        ({"serving_folder": "file:///mnt/x"}, "write the path alone, '/mnt/x'"),
        ({"image": ""}, "image is empty: .*make image"),
        ({"pipeline_root": ""}, "pipeline_root is empty: .*such as gs://bucket/folder"),
        ({"serving_folder": ""}, "serving_folder is empty"),
        ({"store": StoreConfig()}, r"store\.destination is empty"),
        ({"pipeline_root": "artifacts"}, "pipeline_root is 'artifacts', a path that begins where"),
        ({"checkpoint_folder": "x"}, "checkpoint_folder is 'x', a path that begins where"),
        (
            {"training": TrainingConfig(go_on=True)},
            r"training\.go_on is true, but only `lifelong run`",
        ),
    ],
)
def test_what_would_be_of_this_machine_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        cluster_places(dataclasses.replace(CONFIG, **changes))


def test_a_log_at_a_relative_path_is_refused():
    data = dataclasses.replace(CONFIG.data, behaviors=LogConfig("gs://bucket/a.csv,b.csv"))
    with pytest.raises(ValueError, match=r"data\.behaviors\.files is 'b\.csv', a path that begins"):
        cluster_places(dataclasses.replace(CONFIG, data=data))


def test_a_volume_that_all_tasks_see_will_do():
    mounted = dataclasses.replace(
        CONFIG, pipeline_root="/mnt/artifacts", store=StoreConfig(build=False)
    )
    assert cluster_places(mounted).checkpoint_folder == "/mnt/artifacts/checkpoints"
