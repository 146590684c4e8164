import dataclasses
import json
from pathlib import Path

import pytest
from tfx import types

from lifelong.components.evaluation.report import Report, Row
from lifelong.data.config_json import decode
from lifelong.data.features import Feature
from lifelong.pipeline.config import Config, ReportConfig, StoreConfig
from lifelong.pipeline.default_data import default_ingestion
from lifelong.report.reporter import executor
from lifelong.report.reporter.component import Reporter, ReporterSpec, reporters
from lifelong.report.reporter.executor import CONFIG_KEY, PAGE_KEY, REPORTED, Executor

ADDRESS = "redis://joe:hush@host:6379/0?name=shop"


@pytest.fixture
def config():
    price = Feature("price", of="candidate", kind="numeric")
    data = dataclasses.replace(default_ingestion(Path("/behaviors.parquet")), features=(price,))
    return Config(data=data, store=StoreConfig(destination=ADDRESS), beam_args=("--runner=x",))


def channels():
    """What the other components make, with an item table."""
    inputs = ReporterSpec.INPUTS
    return {of: types.Channel(type=inputs[key].type) for key, of in REPORTED.items()}


def test_the_configuration_arrives_as_it_was_but_for_the_password(config):
    told = Reporter(config, channels()).spec.exec_properties[CONFIG_KEY]
    assert "hush" not in told
    store = StoreConfig(destination=ADDRESS.replace("joe:hush", "***"))
    assert decode(Config, json.loads(told), "config") == dataclasses.replace(config, store=store)


def test_a_run_need_not_have_an_item_table(config):
    made = channels()
    assert "item_table" in Reporter(config, made).inputs
    del made["ItemTableBuilder", "item_table"]
    assert "item_table" not in Reporter(config, made).inputs
    del made["Trainer", "model"]
    with pytest.raises(ValueError, match="model"):
        Reporter(config, made)


def test_whoever_wants_no_page_gets_no_task(config):
    assert reporters(dataclasses.replace(config, report=ReportConfig(write=False)), []) == []


@pytest.mark.parametrize(
    ("setter", "pushed", "requests"),
    [
        (types.Artifact.set_int_custom_property, 0, 16),
        # As from another task of a cluster.
        (types.Artifact.set_json_value_custom_property, 0.0, 16.0),
    ],
)
def test_the_page_says_what_became_of_the_model_and_what_could_not_be_shown(
    config, tmp_path, monkeypatch, setter, pushed, requests
):
    """Of the artifacts there is nothing left."""
    rows = (Row("all", 0.5, 0.5, 0.3, 1.0, 10, 100, 5, 0),)
    report = Report(rows, (), False, ("auc is 0.5",))
    monkeypatch.setattr(executor, "read_report", lambda folder: report)
    given = {}
    for key, parameter in ReporterSpec.INPUTS.items():
        artifact = parameter.type()
        artifact.uri = str(tmp_path / key)
        given[key] = [artifact]
    noted = {"pushed_model": {"pushed": pushed}, "serving_blessing": {"requests": requests}}
    for key, properties in noted.items():
        for name, value in properties.items():
            setter(given[key][0], name, value)
    page = ReporterSpec.OUTPUTS[PAGE_KEY].type()
    page.uri = str(tmp_path / "page")
    told = Reporter(config, channels()).spec.exec_properties
    Executor().Do(given, {PAGE_KEY: [page]}, told)
    html = (tmp_path / "page" / "report.html").read_text()
    assert "the Evaluator did not bless it: auc is 0.5" in html
    not_shown = page.get_string_custom_property("not_shown").splitlines()
    assert html.count("This part could not be made: ") == len(not_shown)
    assert any(told.startswith("Data: ") for told in not_shown)
    assert "joe" not in html
    # A task knows nothing of what others did.
    assert "in this run" not in html
