import numpy as np
import pytest

from lifelong.report.calibration_section import Bin, calibration_bins, mean_gap

SCORE = np.array([0.9, 0.1, 0.3, 0.7, 0.2])
LABEL = np.array([1, 0, 1, 1, 0], np.float32)


def test_bins_hold_as_many_candidates_each_by_score():
    # Sorted: 0.1, 0.2, 0.3 (of which the last is positive), then 0.7, 0.9 (both are).
    low, high = calibration_bins(SCORE, LABEL, np.ones(5), count=2)
    assert low == Bin(0.1, 0.3, 3, pytest.approx(0.2), pytest.approx(1 / 3))
    assert high == Bin(0.7, 0.9, 2, pytest.approx(0.8), 1.0)


def test_a_negative_counts_as_often_as_sampling_left_it():
    (only,) = calibration_bins(SCORE, LABEL, np.where(LABEL > 0, 1.0, 4.0), count=1)
    # 3 positives and 2 negatives that stand for 8.
    assert only.observed == pytest.approx(3 / 11)
    assert only.predicted == pytest.approx((0.9 + 0.3 + 0.7 + 4 * (0.1 + 0.2)) / 11)


def test_there_are_no_empty_bins():
    bins = calibration_bins(SCORE, LABEL, np.ones(5), count=10)
    assert [each.candidates for each in bins] == [1] * 5


def test_the_mean_gap_weighs_bins_by_their_candidates():
    bins = [Bin(0.0, 0.1, 3, 0.2, 0.3), Bin(0.1, 0.9, 1, 0.8, 0.6)]
    assert mean_gap(bins) == pytest.approx((3 * 0.1 + 0.2) / 4)
