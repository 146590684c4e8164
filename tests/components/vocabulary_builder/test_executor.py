import pytest
from google.protobuf import text_format
from tfx.types import artifact_utils, channel, standard_artifacts

from lifelong.components.curated_schema.schema import make_schema
from lifelong.components.vocabulary_builder.component import VocabularyBuilder
from lifelong.components.vocabulary_builder.config import VocabularyConfig
from lifelong.components.vocabulary_builder.executor import Executor
from lifelong.models.vocabulary_files import read_vocabulary
from lifelong_artifacts import Vocabularies
from tests.sample_models import RECORDS
from tests.sample_records import write_records


@pytest.fixture
def run(tmp_path):
    """Runs the executor on records; returns the artifact."""
    schema = standard_artifacts.Schema()
    schema.uri = str(tmp_path / "schema")
    (tmp_path / "schema").mkdir()
    text = text_format.MessageToString(make_schema(()))
    (tmp_path / "schema" / "schema.pbtxt").write_text(text)

    def of_records(name, records, previous=None, **config):
        examples, output = standard_artifacts.Examples(), Vocabularies()
        examples.uri, output.uri = str(tmp_path / name), str(tmp_path / f"{name}_vocabularies")
        examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
        for split, of_split in (("train", records), ("eval", RECORDS)):
            (tmp_path / name / f"Split-{split}").mkdir(parents=True)
            write_records(of_split, tmp_path / name / f"Split-{split}" / "records.gz")
        (tmp_path / f"{name}_vocabularies").mkdir()
        Executor().Do(
            {
                "examples": [examples],
                "schema": [schema],
                **({"previous": [previous]} if previous else {}),
            },
            {"vocabularies": [output]},
            {"config": VocabularyConfig(**config).to_json(), "split": "train"},
        )
        return output

    return of_records


def test_training_records_alone_are_counted_and_a_second_day_appends(run, capsys):
    first = run("first", RECORDS[:4], min_count=2)
    items = read_vocabulary(first.uri, "item")
    assert first.get_int_custom_property("item") == len(items.ids) > 0
    assert f"item: {len(items.ids)} known; " in capsys.readouterr().out
    users = [record["user"][0] for record in RECORDS[:4] if len(record["request_timestamp"])]
    assert sorted(read_vocabulary(first.uri, "user").ids) == sorted(users)
    second = run("second", RECORDS[4:], previous=first, min_count=2)
    later = read_vocabulary(second.uri, "item")
    assert later.first(len(items.ids)).digest() == items.digest()
    assert f"{len(later.ids) - len(items.ids)} of them new" in capsys.readouterr().out


def test_the_configuration_is_a_parameter_and_what_came_before_an_optional_input():
    builder = VocabularyBuilder(
        examples=channel.Channel(type=standard_artifacts.Examples),
        schema=channel.Channel(type=standard_artifacts.Schema),
        config=VocabularyConfig(min_count=3),
    )
    assert VocabularyConfig.from_json(builder.exec_properties["config"]).min_count == 3
    assert "previous" not in builder.inputs
