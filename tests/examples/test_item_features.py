from pathlib import Path

from lifelong.pipeline.config import Workdir
from lifelong.pipeline.config_parser import read_config

EXAMPLE = Path(__file__).parents[2] / "examples" / "item_features.yaml"


def test_the_default_data_are_read_with_features_of_items(tmp_path):
    config = read_config(str(EXAMPLE), Workdir(tmp_path), "lifelong run")
    config.data.validate()
    names = [feature.name for feature in config.data.item_features]
    assert names == ["department", "brand", "manufacturer"]
    assert config.data.of_records.items is None, "records are those of a run without the table"
    assert config.data.behaviors.patterns == [f"{tmp_path}/data/behaviors.parquet"]
