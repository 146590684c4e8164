import pytest

from lifelong.data.spoken_times import day_of, describe_age, describe_sent, spoken_gap

DAY = 86_400
NOW = 17_454 * DAY + 3_600  # 2017-10-15


@pytest.mark.parametrize(
    ("age", "told"),
    [
        (3_600, "2017-10-14, the day before the request"),
        (3_600 + DAY, "2017-10-13, 1 day old"),
        (3_600 + 2_000 * DAY, "2012-04-23, 2,000 days old"),
        (3_600 + 9 * DAY, "2017-10-05, 9 days old"),
        (3_600 - DAY, "2017-10-15, the day of the request: they may count what came after it"),
        (3_600 - 2 * DAY, "2017-10-16, 1 day after the request: they count what came after it"),
        (3_600 - 9 * DAY, "2017-10-23, 8 days after the request: they count what came after it"),
    ],
)
def test_the_age_of_statistics_is_told_in_words(age, told):
    assert describe_age(age, NOW) == f"statistics of all users' events up to {told}"


def test_gaps_are_told_in_their_largest_unit():
    gaps = (0, 1, 119, 3_600, 2 * DAY - 1, 2_000 * DAY)
    assert [spoken_gap(gap) for gap in gaps] == [
        "0 seconds",
        "1 second",
        "1 minute",
        "1 hour",
        "1 day",
        "2,000 days",
    ]


def test_years_have_four_digits():
    assert day_of(-62_135_596_800) == "0001-01-01"


def test_what_is_sent_is_told_of_what_is_known():
    assert describe_sent(0, 5) == "none of the user's 5 events"
    assert describe_sent(1, 1) == "all of the user's 1 event"
    assert describe_sent(1, 5) == "the last 1 event before the request, of 5 in all"
