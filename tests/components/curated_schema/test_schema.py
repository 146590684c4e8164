import copy

import numpy as np
import pytest
import tensorflow_data_validation as tfdv

from lifelong.components.curated_schema.schema import make_schema
from tests.sample_records import make_records, write_records


@pytest.fixture
def anomalies(tmp_path):
    """Names of the features with anomalies in records, as ExampleValidator finds them."""

    def find(records):
        schema = make_schema(())
        statistics = tfdv.generate_statistics_from_tfrecord(
            write_records(records, tmp_path / "records.gz"),
            stats_options=tfdv.StatsOptions(schema=schema),
        )
        return set(tfdv.validate_statistics(statistics, schema).anomaly_info)

    return find


@pytest.fixture
def records():
    return make_records(users=6)


def test_records_with_empty_lists_have_no_anomaly(records, anomalies):
    assert len(records[0]["history_item"]) == 0
    assert anomalies(records) == set()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("history_item", np.array([-1])),
        ("request_timestamp", np.array([-5])),
        ("candidate_label", np.array([2.0], np.float32)),
        ("user", [1, 2]),
    ],
)
def test_a_value_out_of_its_domain_is_an_anomaly(records, anomalies, key, value):
    changed = copy.deepcopy(records)
    changed[3][key] = value
    assert key in anomalies(changed)


def test_a_missing_key_is_an_anomaly(records, anomalies):
    del records[2]["history_category"]
    assert "history_category" in anomalies(records)
