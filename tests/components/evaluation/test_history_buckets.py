import numpy as np

from lifelong.components.evaluation.history_buckets import LABELS, bucket_labels


def test_labels():
    assert LABELS == ("0-100", "100-300", "300-600", "600-1,200", "1,200+")


def test_a_bucket_holds_its_lower_edge_only():
    events = np.array([0, 99, 100, 299, 300, 600, 1199, 1200, 10**9])
    assert bucket_labels(events).tolist() == [
        "0-100",
        "0-100",
        "100-300",
        "100-300",
        "300-600",
        "600-1,200",
        "600-1,200",
        "1,200+",
        "1,200+",
    ]


def test_no_requests():
    assert bucket_labels(np.array([], np.int64)).shape == (0,)
