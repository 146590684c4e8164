from pathlib import Path

import pytest

from lifelong.pipeline.config import Workdir
from lifelong.pipeline.config_parser import read_config

EXAMPLES = Path(__file__).parents[2] / "examples"


def read(name, workdir):
    config = read_config(str(EXAMPLES / name), Workdir(workdir), "lifelong run")
    config.data.validate()
    return config


def test_the_default_data_are_read_with_features_of_items(tmp_path):
    config = read("item_features.yaml", tmp_path)
    names = [feature.name for feature in config.data.item_features]
    assert names == ["department", "brand", "manufacturer"]
    assert config.data.of_records.items is None, "records are those of a run without the table"
    assert config.data.behaviors.patterns == [f"{tmp_path}/data/behaviors.parquet"]


@pytest.mark.parametrize(
    ("name", "at_least", "excluded"),
    [("rated_films.yaml", 4, False), ("film_baskets.yaml", None, True)],
)
def test_films_are_read_with_their_ratings(name, at_least, excluded, tmp_path):
    config = read(name, tmp_path)
    assert [feature.key for feature in config.data.all_features] == ["history_behavior"]
    impressions = config.data.impressions
    assert (impressions and impressions.columns.label.at_least) == at_least
    assert config.data.requests.exclude_history_from_negatives is excluded
    assert config.model.user_dim == 0
