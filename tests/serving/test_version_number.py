import time

import pytest

from lifelong.serving.version_number import find_versions, next_number, version_number


@pytest.mark.parametrize(
    ("name", "number"),
    [("7", 7), ("0000008", 8), ("0", 0), ("9223372036854775807", 2**63 - 1)],
)
def test_an_int64_is_a_version(name, number):
    assert version_number(name) == number


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-3",
        "1.5",
        "4x",
        "9223372036854775808",
        "20261126215148123456",
        "\u00b2",
        "\u0663",
        "1_0",
    ],
)
def test_all_else_is_none(name):
    assert version_number(name) is None


def test_versions_by_number_and_why_others_are_none():
    found = find_versions(["9", "10", "0007", "7", ".12", "12x"])
    assert found.folders == {7: "7", 9: "9", 10: "10"}
    assert list(found.folders) == [7, 9, 10]
    assert found.skipped == {
        "0007": "'7' is version 7, too",
        "12x": "a version's name is a number from 0 to 2^63 - 1",
    }


def test_there_is_no_number_after_the_largest():
    with pytest.raises(ValueError, match="shop has a version 9223372036854775807, the largest"):
        next_number(["7", str(2**63 - 1)], "shop")


def test_the_time_may_be_told_in_another_unit():
    assert next_number(["7"], now=5) == 8
    assert next_number(["7"], now=9) == 9


def test_the_next_number_is_the_time_or_larger_than_all():
    assert abs(next_number([]) / 1000 - time.time()) < 10
    assert abs(next_number(["7", "part"]) / 1000 - time.time()) < 10
    assert next_number(["9999999999999", "7"]) == 10_000_000_000_000
    # No int64, hence no version.
    assert next_number(["9999999999999", "20261126215148123456"]) == 10_000_000_000_000
