import json

from lifelong.components.log_reading.noted import read_counts, read_warnings
from lifelong.data.logs.counts import COUNTS_FILE, WARNINGS_FILE


def test_warnings_of_the_data_are_read_where_there_are_some(tmp_path):
    assert read_warnings(str(tmp_path)) == []
    (tmp_path / WARNINGS_FILE).write_text(json.dumps(["28% of negatives were bought before"]))
    assert read_warnings(str(tmp_path)) == ["28% of negatives were bought before"]


def test_counts_are_read_where_there_are_some(tmp_path):
    assert read_counts(str(tmp_path)) == {}
    (tmp_path / COUNTS_FILE).write_text(json.dumps({"behaviors/rows": 7}))
    assert read_counts(str(tmp_path)) == {"behaviors/rows": 7}
