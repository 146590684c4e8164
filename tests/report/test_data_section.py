import numpy as np

from lifelong.report.data_section import history_lengths, length_shares
from tests.sample_records import make_records, write_records


def test_events_are_counted_those_that_no_record_holds_too(tmp_path):
    made = make_records(users=12)
    write_records(made, tmp_path / "records.gz")
    expected = np.concatenate(
        [record["request_events"] + record["events_before_record"][0] for record in made]
    )
    found = history_lengths([str(tmp_path / "records.gz")])
    np.testing.assert_array_equal(found, expected)
    assert found.max() > 10


def test_a_bucket_of_lengths_holds_its_lower_edge():
    shares = dict(length_shares(np.array([0, 9, 10, 4800])))
    assert {label: share for label, share in shares.items() if share} == {
        "0-10": 0.5,
        "10-30": 0.25,
        "4,800+": 0.25,
    }
    assert sum(dict(length_shares(np.zeros(0, np.int64))).values()) == 0
