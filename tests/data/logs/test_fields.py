import numpy as np

from lifelong.data.features import Feature
from lifelong.data.logs.config import LogColumns, LogConfig
from lifelong.data.logs.fields import (
    Field,
    behavior_fields,
    event_features,
    impression_fields,
    item_fields,
    no_rows,
    user_fields,
)

FEATURES = (
    Feature("price", "event", "numeric", "cost"),
    Feature("place", "candidate"),
    Feature("device", "request"),
    Feature("age", "user", "numeric"),
    Feature("brand", "item"),
    Feature("image", "item", "vector", size=2),
)
LOG = LogConfig("log.csv", columns=LogColumns(user="who", behavior="action", request="page"))
KEYS = [
    Field("user", "who", "id"),
    Field("item", "item", "id"),
    Field("category", "category", "id"),
    Field("timestamp", "timestamp", "time"),
]


def test_the_behaviour_type_becomes_an_event_feature_once():
    features = event_features(LOG.columns, FEATURES)
    assert [feature.key for feature in features] == ["history_behavior", "history_price"]
    assert features[0].source_column == "action"
    assert event_features(LOG.columns, features) == features
    assert event_features(LogColumns(), FEATURES) == FEATURES[:1]


def test_a_behaviour_log_gives_keys_and_event_features():
    assert behavior_fields(LOG, FEATURES) == [
        *KEYS,
        Field("history_behavior", "action", "categorical"),
        Field("history_price", "cost", "numeric"),
    ]


def test_an_impression_log_gives_keys_label_request_and_its_features():
    features = [
        Field("candidate_place", "place", "categorical"),
        Field("request_device", "device", "categorical"),
    ]
    label = Field("label", "label", "label")
    assert impression_fields(LOG, FEATURES) == [
        *KEYS,
        label,
        Field("request", "page", "id"),
        *features,
    ]
    plain = impression_fields(LogConfig("log.csv"), ())
    assert [field.key for field in plain] == ["user", "item", "category", "timestamp", "label"]


def test_a_user_table_gives_users_and_their_features():
    assert user_fields(LOG, FEATURES) == [KEYS[0], Field("user_age", "age", "numeric")]


def test_an_item_table_gives_items_their_category_and_features():
    features = [
        Field("item_brand", "brand", "categorical"),
        Field("item_image", "image", "vector", size=2),
    ]
    category = Field("category", "category", "categorical")
    assert item_fields(LOG, FEATURES) == [KEYS[1], category, *features]
    without = LogConfig("items.csv", columns=LogColumns(category=""))
    assert item_fields(without, FEATURES) == [KEYS[1], *features]
    assert no_rows(features)["item_image"].shape == (0, 2)


def test_a_block_without_rows_has_all_columns():
    block = no_rows([*impression_fields(LOG, FEATURES), Field("user_age", "age", "numeric")])
    assert {key for key, column in block.items() if column.dtype == np.float32} == {
        "label",
        "user_age",
    }
    others = {key for key, column in block.items() if column.dtype == np.int64}
    assert others == {key for key in block if key not in ("label", "user_age")}
    assert all(column.shape == (0,) for column in block.values())
