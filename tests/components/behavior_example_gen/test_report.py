import dataclasses
import json

import pytest

from lifelong.components.behavior_example_gen import agreement, repeats
from lifelong.components.behavior_example_gen.config import IngestConfig, RequestConfig
from lifelong.components.behavior_example_gen.report import check
from lifelong.data.features import Feature
from lifelong.data.logs.config import LogColumns, LogConfig

BASKETS = IngestConfig(behaviors=LogConfig("events.csv"))
SHOWN = dataclasses.replace(
    BASKETS, impressions=LogConfig("shown.csv", columns=LogColumns(user="member", item="film"))
)
GOOD = {
    "behaviors/rows": 1000,
    "impressions/rows": 500,
    "impressions/users": 50,
    "impressions/users_not_in_behaviors": 5,
    agreement.sampled("item"): 40,
    agreement.unknown("item"): 4,
    agreement.sampled("category"): 10,
    agreement.unknown("category"): 1,
    **{
        f"{split}/{name}": number
        for split in ("train", "validation", "eval")
        for name, number in {
            "requests": 100,
            "candidates": 400,
            "positives": 100,
            "requests_without_history": 10,
        }.items()
    },
}


def checked(config=SHOWN, quarantined=(), **changes):
    return check({**GOOD, **changes}, config, quarantined)


def test_categories_of_the_item_table_that_do_not_fit_are_told():
    without = dataclasses.replace(
        BASKETS,
        behaviors=LogConfig("events.csv", columns=LogColumns(category="")),
        items=LogConfig("items.csv"),
    )
    (warning,) = checked(without, **{"behaviors/missing/category": 3})
    assert "3 of 1,000 rows of the log behaviors are of items without a category" in warning
    with pytest.raises(ValueError, match=r"no item of .* behaviors\.columns\.item the same kind"):
        checked(without, **{"behaviors/missing/category": 1000})
    both = dataclasses.replace(BASKETS, items=LogConfig("items.csv"))
    (warning,) = checked(both, **{"behaviors/category_not_of_item_table": 7})
    assert "7 of 1,000 rows of the log behaviors have another category" in warning
    assert warning.endswith("the log's counts")


def test_good_logs_give_no_warning():
    assert checked() == checked(BASKETS) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"impressions/users_not_in_behaviors": 50},
            r"none of the 50 users of the log impressions .* impressions\.columns\.user \(member\) "
            r"and behaviors\.columns\.user \(user\)",
        ),
        (
            {agreement.unknown("item"): 40},
            r"none of 40 item ids of the impressions' candidates .*columns\.item \(film\)",
        ),
        ({agreement.unknown("category"): 10}, "none of 10 category ids"),
        ({"validation/requests": 0}, r"the split 'validation' got no requests\. Check splits"),
        ({"train/positives": 0}, r"'train' has 400 candidates, but not one positive\. .*label"),
        ({"eval/positives": 400}, r"'eval' has 400 candidates, but not one negative\. .*label"),
        (
            {"train/requests_without_history": 100},
            r"'train' has 100 requests, but none of a user with an earlier event\. .*units of time",
        ),
        ({"behaviors/bad_rows/user: missing": 11}, r"11 of 1,000 rows .* max_bad_share"),
    ],
)
def test_what_nothing_can_come_of_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        checked(**changes)


def test_a_log_of_one_user_has_no_negatives():
    with pytest.raises(ValueError, match=r"not one negative\. Negatives are items of other users"):
        checked(BASKETS, **{"train/positives": 400})


def test_behaviours_that_never_occur_are_named():
    config = dataclasses.replace(
        BASKETS,
        behaviors=LogConfig("a", columns=LogColumns(behavior="action")),
        requests=RequestConfig(positive_behaviors=("bought",)),
    )
    with pytest.raises(ValueError, match=r"Check requests\.positive_behaviors \(bought\)"):
        checked(config, **{"train/requests": 0, "baskets/without_positive": 7})


def test_a_user_table_of_nobody_is_refused():
    config = dataclasses.replace(
        BASKETS, users=LogConfig("users.csv"), features=(Feature("age", "user", "numeric"),)
    )
    table = {"users/rows": 9, "users/users": 9}
    assert checked(config, **table, **{"users/users_not_in_behaviors": 8}) == []
    with pytest.raises(ValueError, match="none of the 9 users of the log users"):
        checked(config, **table, **{"users/users_not_in_behaviors": 9})


def test_a_feature_without_any_value_is_refused():
    config = dataclasses.replace(BASKETS, features=(Feature("price", "event", "numeric", "cost"),))
    bad = {"behaviors/bad_rows/user: missing": 3}
    some = {"behaviors/missing/history_price": 996}
    assert len(checked(config, **bad, **some)) == 1
    with pytest.raises(ValueError, match=r"no row of the log behaviors .* column 'cost'"):
        checked(config, **bad, **{"behaviors/missing/history_price": 997})


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        (
            {"impressions/users_not_in_behaviors": 10},
            "10 of 50 users of the log impressions do not occur in the log behaviors (20%)",
        ),
        (
            {agreement.unknown("item"): 39},
            "39 of 40 item ids of the impressions' candidates do not occur in the log behaviors (98%)",
        ),
        (
            {"eval/requests_without_history": 30},
            "30 of 100 requests of eval have no earlier event of their user (30%)",
        ),
        (
            {"train/requests_short_of_negatives": 60},
            "60 of 100 requests of train have fewer negatives than requests.negatives asks for (60%)",
        ),
        (
            {"users/users_with_requests": 40, "users/users_without_row": 10},
            "10 of 40 users with requests have no row in the log users: their features are missing "
            "(25%)",
        ),
        (
            {"behaviors/bad_rows/user: missing": 5},
            "5 of 1,000 rows of the log behaviors cannot be used and were set aside (0.50%); the "
            "counts above have the reasons",
        ),
        (
            {"requests/contradictory_features": 1},
            "1 requests have rows with different values of a request feature; the first was taken",
        ),
    ],
)
def test_what_is_odd_is_told(changes, warning):
    assert checked(**changes) == [warning]


def test_a_split_by_what_users_had_is_told_with_the_option():
    looked_up = {repeats.POSITIVES: 100, repeats.NEGATIVES: 1000}
    films = {**looked_up, repeats.POSITIVES_HAD: 1, repeats.NEGATIVES_HAD: 280}
    (warning,) = checked(BASKETS, **films)
    assert warning.startswith("28% of the sampled negatives are items that their user has had")
    assert "only 1% of the positives" in warning
    assert "requests.exclude_history_from_negatives" in warning
    shopping = {**looked_up, repeats.POSITIVES_HAD: 30, repeats.NEGATIVES_HAD: 120}
    assert checked(BASKETS, **shopping) == []
    assert checked(SHOWN, **films) == [], "these were shown, not sampled"


def test_an_example_of_the_worst_row_is_shown():
    row = {"log": "behaviors", "file": "f.csv", "row": 7, "reason": "user: missing", "text": ",1"}
    with pytest.raises(ValueError, match=r"Worst: 1 rows of f\.csv \(user: missing\), .* row 7"):
        checked(quarantined=[json.dumps(row)], **{"behaviors/bad_rows/user: missing": 999})
