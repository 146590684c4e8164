import dataclasses
import subprocess
import sys

import jsonargparse
import pytest

from lifelong.components.behavior_example_gen.config import IngestConfig, RequestConfig, SplitConfig
from lifelong.data.features import Feature
from lifelong.data.logs.config import LogColumns, LogConfig

SPLITS = SplitConfig(validation_start="2017-10-15", eval_start="2017-11-01")
GOOD = IngestConfig(behaviors=LogConfig(files="log.csv"), splits=SPLITS)


def replaced(**changes):
    return dataclasses.replace(GOOD, **changes)


def splits(**changes):
    return {"splits": dataclasses.replace(SPLITS, **changes)}


BAD = [
    ({"behaviors": LogConfig()}, r"behaviors\.files is empty"),
    ({"impressions": LogConfig()}, r"impressions\.files is empty"),
    ({"behaviors": LogConfig(files="a/**/b.csv")}, r"behaviors\.files: `\*\*`"),
    ({"behaviors": LogConfig(files=())}, r"behaviors\.files is empty"),
    ({"behaviors": LogConfig(files=("a.csv", "a/**/b.csv"))}, r"behaviors\.files: `\*\*`"),
    ({"behaviors": LogConfig(files="a", delimiter="")}, r"behaviors\.delimiter is ''"),
    ({"behaviors": LogConfig(files="a", delimiter=r"\t")}, r"behaviors\.delimiter is .*a tab as"),
    ({"behaviors": LogConfig(files="a", delimiter=',"')}, r"behaviors\.delimiter is ',\"'"),
    ({"behaviors": LogConfig(files="a", column_names=("x", "x"))}, "has a name twice"),
    (
        {"behaviors": LogConfig("a", category_separator="|"), "impressions": LogConfig("i")},
        r"behaviors\.category_separator is set, but not impressions\.category_separator",
    ),
    ({"features": (Feature("price", "candidate"),)}, "candidate feature 'price' needs an impr"),
    ({"features": (Feature("device", "request"),)}, "request feature 'device' needs an impr"),
    ({"features": (Feature("age", "user"),)}, r"needs a user table; set users\.files"),
    ({"users": LogConfig(files="u.csv")}, "no feature is `of: user`"),
    ({"features": (Feature("brand", "item"),)}, r"needs an item table; set items\.files"),
    ({"items": LogConfig("i.csv", columns=LogColumns(category=""))}, "no feature is `of: item`"),
    ({"behaviors": LogConfig("a", columns=LogColumns(category=""))}, r"behaviors.* is empty; name"),
    (
        {
            "behaviors": LogConfig("a", text_columns=("category",)),
            "items": LogConfig("i"),
        },
        "the category is text by behaviors.text_columns, but not in items",
    ),
    (
        {
            "behaviors": LogConfig("a", category_separator="|"),
            "items": LogConfig("i"),
            "features": (Feature("brand", "item"),),
        },
        r"behaviors\.category_separator is set, but not items\.category_separator",
    ),
    ({"features": (Feature("a", "event"), Feature("a", "event"))}, "history_a is declared twice"),
    ({"requests": RequestConfig(min_history=-1)}, r"requests\.min_history is -1"),
    ({"requests": RequestConfig(max_positives=0)}, r"max_positives is 0; it must be at least 1"),
    ({"requests": RequestConfig(negatives=0)}, r"requests\.negatives is 0; .* at least 1"),
    ({"behaviors": LogConfig("a", text_columns=("price",))}, "'price', which is no column of ids"),
    (
        {
            "behaviors": LogConfig("a", text_columns=("item",)),
            "impressions": LogConfig("b", columns=LogColumns(item="film")),
        },
        r"the item is text by behaviors\.text_columns, but not in impressions: .* or in neither",
    ),
    (
        {
            "impressions": LogConfig("b"),
            "requests": RequestConfig(exclude_history_from_negatives=True),
        },
        r"requests\.exclude_history_from_negatives is about sampled negatives",
    ),
    ({"behaviors": LogConfig("a", earliest="soon")}, "earliest is 'soon'; expected a date"),
    (
        {"behaviors": LogConfig("a", earliest="2020-01-01", latest="2019-01-01")},
        r"behaviors\.latest \(2019-01-01\) is before behaviors\.earliest",
    ),
    ({"requests": RequestConfig(positive_behaviors=("buy",))}, r"set behaviors\.columns\.behavior"),
    ({"window": 0}, "window is 0"),
    ({"max_events_per_record": 10}, r"at least 8000 \(twice the window\)"),
    ({"max_bad_share": 1.5}, r"max_bad_share is 1\.5"),
    ({"shards": 0}, "shards is 0"),
    (splits(eval_start=""), r"splits\.eval_start is empty"),
    (splits(eval_start="soon"), r"splits\.eval_start is 'soon'"),
    (splits(eval_start="2017-10-01"), r"eval_start .* must come after splits\.validation_start"),
    (splits(eval_end="2017-10-01"), r"eval_end .* must come after splits\.eval_start"),
    (splits(by="user"), r"validation_start has no meaning when splits\.by is user"),
    ({"splits": SplitConfig(by="user", eval_share=0.0)}, r"splits\.eval_share is 0\.0"),
    ({"splits": SplitConfig(by="user", eval_share=0.9)}, "leave no users to train on"),
    (splits(max_eval_requests=-1), r"splits\.max_eval_requests is -1"),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_validate_names_the_field_and_the_fix(changes, message):
    with pytest.raises(ValueError, match=message):
        replaced(**changes).validate()


def test_good_configurations_are_valid():
    GOOD.validate()
    replaced(splits=SplitConfig(by="user")).validate()


def test_features_of_items_are_no_part_of_records():
    features = (Feature("brand", "item"), Feature("price", "event", "numeric"))
    config = replaced(items=LogConfig(files="i.csv"), features=features)
    config.validate()
    assert config.all_features == features[1:]
    assert config.item_features == features[:1]
    assert list(config.logs) == ["behaviors"]
    assert list(config.tables) == ["behaviors", "items"]
    assert [field.key for field in config.fields_of("items")] == ["item", "category", "item_brand"]


def test_json_gives_the_same_configuration_back():
    config = replaced(
        impressions=LogConfig(
            files="i.csv", columns=LogColumns(request="r"), column_names=("a", "b")
        ),
        features=(Feature("price", "candidate", "numeric", "cost"),),
        requests=RequestConfig(positive_behaviors=("buy",)),
        max_bad_share=0.25,
    )
    text = config.to_json()
    assert IngestConfig.from_json(text) == config
    assert IngestConfig.from_json(text).to_json() == text
    with pytest.raises(ValueError, match=r"config\.requests\.negative is not a field"):
        IngestConfig.from_json('{"requests": {"negative": 1}}')


def test_the_command_line_can_set_every_field():
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--ingest", type=IngestConfig, default=GOOD)
    flags = [
        "--ingest.behaviors.columns.behavior=action",
        "--ingest.impressions.files=i.csv",
        '--ingest.features=[{"name": "price", "of": "event", "kind": "numeric"}]',
        "--ingest.splits.max_eval_requests=5",
        '--ingest.requests.positive_behaviors=["buy"]',
    ]
    config = parser.instantiate_classes(parser.parse_args(flags)).ingest
    assert config.impressions == LogConfig(files="i.csv")
    assert config.features == (Feature("price", "event", "numeric"),)
    assert config.splits.max_eval_requests == 5
    assert config.behaviors.columns.behavior == "action"
    assert IngestConfig.from_json(config.to_json()) == config


def test_importing_the_configuration_imports_no_heavy_package():
    code = (
        "import sys, lifelong.components.behavior_example_gen.config as c;"
        "print([m for m in ('apache_beam', 'tfx', 'tensorflow') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_an_unknown_way_to_draw_negatives_is_an_error_that_names_those_there_are():
    with pytest.raises(
        ValueError, match=r"negatives_by is 'week'; expected .* popularity, uniform"
    ):
        RequestConfig(negatives_by="week")
