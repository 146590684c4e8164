import pytest
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner

from lifelong.components.item_table.component import ItemTableBuilder
from lifelong.components.item_table.config import ItemTableConfig
from lifelong.data.features import Feature
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.fingerprint import log_fingerprints
from tests.components.behavior_example_gen.test_config import GOOD, replaced


def test_an_ingestion_without_an_item_table_makes_none():
    assert ItemTableConfig.of(GOOD) is None
    brand = Feature("brand", "item")
    made = ItemTableConfig.of(
        replaced(items=LogConfig("i.csv"), features=(Feature("a", "event"), brand))
    )
    assert made == ItemTableConfig(LogConfig("i.csv"), (brand,))
    assert ItemTableConfig.from_json(made.to_json()) == made


@pytest.mark.slow
def test_it_runs_again_only_when_the_table_changes(config, write_log, tmp_path):
    rows = [{"item": 1, "category": "c", "brand": "b", "price": 1, "image": [1, 2]}]
    made = config(rows)

    def run():
        builder = ItemTableBuilder(made, log_fingerprints({"items": made.items}))
        database = str(tmp_path / "metadata.sqlite")
        LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="items",
                pipeline_root=str(tmp_path / "root"),
                components=[builder],
                enable_cache=True,
                metadata_connection_config=metadata.sqlite_metadata_connection_config(database),
            )
        )
        return len(list((tmp_path / "root" / "ItemTableBuilder" / "item_table").iterdir()))

    assert run() == 1
    assert run() == 1
    write_log("items.jsonl", [*rows, {**rows[0], "item": 2}])
    assert run() == 2
