import pytest

from lifelong.data.spoken_times import describe_age

DAY = 86_400
NOW = 17_454 * DAY + 3_600  # 2017-10-15


@pytest.mark.parametrize(
    ("age", "told"),
    [
        (3_600, "2017-10-14, the day before the request"),
        (3_600 + DAY, "2017-10-13, 1 day old"),
        (3_600 + 9 * DAY, "2017-10-05, 9 days old"),
        (3_600 - DAY, "2017-10-15, the day of the request: they may count what came after it"),
        (3_600 - 2 * DAY, "2017-10-16, 1 day after the request: they count what came after it"),
        (3_600 - 9 * DAY, "2017-10-23, 8 days after the request: they count what came after it"),
    ],
)
def test_the_age_of_statistics_is_told_in_words(age, told):
    assert describe_age(age, NOW) == f"statistics of all users' events up to {told}"
