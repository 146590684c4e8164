import pytest
from tfx.types import channel, standard_artifacts

from lifelong.components.signature_baker.component import SignatureBaker
from lifelong.models.config import ExportConfig
from lifelong_artifacts import DayStatistics

INPUTS = {
    "model": standard_artifacts.Model,
    "transform_graph": standard_artifacts.TransformGraph,
    "examples": standard_artifacts.Examples,
    "day_statistics": DayStatistics,
}


@pytest.mark.parametrize("export", [None, ExportConfig("int8", negative_sampling_rate=0.1)])
def test_the_executor_is_told_how_to_export(export):
    inputs = {name: channel.Channel(type=kind) for name, kind in INPUTS.items()}
    baker = SignatureBaker(**inputs, export=export)
    told = ExportConfig.from_json(baker.exec_properties["export"])
    assert told == (export or ExportConfig())
