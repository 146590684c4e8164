import os

import pytest
from tfx.components.example_gen import utils
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils

from lifelong.components.log_reading.driver import LogDriver
from lifelong.components.log_reading.inputs import inputs_of
from lifelong.data.logs.config import LogConfig


def fingerprint(files):
    base, inputs = inputs_of({"behaviors": LogConfig(files)})
    properties = {
        specs.INPUT_BASE_KEY: base,
        specs.INPUT_CONFIG_KEY: proto_utils.proto_to_json(inputs),
    }
    found = LogDriver(None).resolve_exec_properties(properties, None, None)
    return found[utils.FINGERPRINT_PROPERTY_NAME]


@pytest.mark.parametrize("place", ["log.csv", "log[1].csv", "logs/category=12/day=3/part-0.csv"])
def test_a_rewritten_log_is_noticed_though_size_and_time_are_the_same(tmp_path, place):
    log = tmp_path / place
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("user,item\n1,2\n")
    os.utime(log, (1_500_000_000, 1_500_000_000))
    files = str(tmp_path / place.split("/")[0])
    before = fingerprint(files)
    assert fingerprint(files) == before
    assert fingerprint((files,)) == before
    log.write_text("user,item\n1,3\n")
    os.utime(log, (1_500_000_000, 1_500_000_000))
    assert fingerprint(files) != before


def test_a_new_file_deep_in_a_folder_is_noticed_by_tfx_alone_too(tmp_path):
    deep = tmp_path / "logs/a=1/b=2/c=3/d=4"
    deep.mkdir(parents=True)
    (deep / "part-0.csv").write_text("1")
    before = fingerprint(str(tmp_path / "logs")).split("\nchanges:")[0]
    (deep / "part-1.csv").write_text("1")
    assert fingerprint(str(tmp_path / "logs")).split("\nchanges:")[0] != before
