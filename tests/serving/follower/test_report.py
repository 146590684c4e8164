import collections

import numpy as np
import pytest

from lifelong.serving.behavior_store import Appended
from lifelong.serving.follower.event_lines import BadLine, ParsedChunk
from lifelong.serving.follower.report import Report


class Reporting:
    def __init__(self, max_bad_share=0.01):
        self.now, self.said, self.warned = 100.0, [], []
        self.report = Report(
            self.said.append, self.warned.append, max_bad_share, 10, lambda: self.now
        )

    def lines(self, events, bad, duplicates=0):
        parsed = ParsedChunk(
            {"item": np.zeros(events)} if events else {},
            [BadLine("log", i + 1, 0, "malformed JSON", "{") for i in range(bad)],
            collections.Counter(quantity=1),
        )
        self.report.add(parsed, Appended(events - duplicates, duplicates))


def test_progress_is_told_now_and_then():
    one = Reporting()
    one.lines(900, 0, duplicates=100)
    one.report.progress(unread=5)
    assert one.said == []
    one.now += 10
    one.report.progress(unread=12_345)
    assert one.said == [
        "900 lines: 800 events added, 100 duplicates, 0 bad; 90 lines/s, 12,345 bytes behind"
    ]
    one.now += 10
    one.report.progress(unread=0)  # nothing came
    assert len(one.said) == 1
    assert one.report.summary() == (
        "900 lines: 800 events added, 100 duplicates, 0 bad; 20.0 s; missing values: quantity 1"
    )


@pytest.mark.parametrize(
    ("events", "bad", "share", "too_bad"),
    [
        (990, 10, 0.01, False),
        (989, 11, 0.01, True),
        (50, 49, 0.01, False),  # too few lines to tell
        (0, 2, 0.01, True),  # unless none is good
        (0, 2000, 1, False),
        (999, 1, 0, True),
    ],
)
def test_too_many_bad_lines(events, bad, share, too_bad):
    one = Reporting(share)
    one.lines(events, bad)
    one.now += 10
    one.report.progress(0)
    if not too_bad:
        assert one.warned == []
        one.report.check()
        return
    (warning,) = one.warned
    assert f"{bad} of {events + bad:,} lines are bad" in warning
    assert "of log (malformed JSON): '{'" in warning
    with pytest.raises(ValueError, match="lines are bad"):
        one.report.check()


def test_it_warns_of_a_log_that_went_bad_late():
    one = Reporting()
    for bad in (0, 0, 20):
        one.lines(100_000 if not bad else 980, bad)
        one.now += 10
        one.report.progress(0)
    assert len(one.warned) == 1
    one.report.check()  # of all lines they are few
