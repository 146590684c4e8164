import dataclasses

from lifelong.components.behavior_example_gen.config import RequestConfig, SplitConfig
from lifelong.components.day_statistics.config import DayStatisticsConfig
from lifelong.data.features import Feature
from lifelong.data.logs.config import LogColumns, LogConfig
from tests.components.behavior_example_gen.test_config import GOOD, replaced


def test_json_and_back():
    config = DayStatisticsConfig.of(replaced(features=(Feature("price", "event", "numeric"),)))
    assert DayStatisticsConfig.from_json(config.to_json()) == config


def test_only_what_decides_about_events_is_part_of_it():
    made = DayStatisticsConfig.of(GOOD)
    for changes in (
        {"splits": SplitConfig(validation_start="2020-01-01", eval_start="2020-02-01")},
        {"requests": RequestConfig(negatives=1)},
        {"features": (*GOOD.features, Feature("weekday", "request"))},
        {"window": 7, "seed": 3, "shards": 2, "max_bad_share": 0.5},
    ):
        assert DayStatisticsConfig.of(dataclasses.replace(GOOD, **changes)) == made
    events = Feature("price", "event", "numeric")
    assert DayStatisticsConfig.of(dataclasses.replace(GOOD, features=(events,))) != made


def test_the_item_table_is_read_where_it_tells_categories():
    items = LogConfig("items.csv")
    told = dataclasses.replace(
        GOOD, items=items, behaviors=LogConfig("log.csv", columns=LogColumns(category=""))
    )
    assert DayStatisticsConfig.of(told).logs == {"behaviors": told.behaviors, "items": items}
    own = dataclasses.replace(GOOD, items=items)
    assert set(DayStatisticsConfig.of(own).logs) == {"behaviors"}
