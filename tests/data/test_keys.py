import pytest

from lifelong.data import keys
from lifelong.data.features import PREFIXES, Feature

NAMES = {name: value for name, value in vars(keys).items() if name.isupper() and name != "SPLITS"}
OWNERS = ("HISTORY_", "SEARCHED_", "CANDIDATE_", "REQUEST_")


def test_every_name_is_given_once():
    assert len(set(NAMES.values())) == len(NAMES)


def test_a_key_is_written_as_it_is_called():
    """`HISTORY_ITEM` is `history_item`: its owner's prefix, and what it is."""
    of_owners = {name: value for name, value in NAMES.items() if name.startswith(OWNERS)}
    assert len(of_owners) > 15
    assert of_owners == {name: name.lower() for name in of_owners}


@pytest.mark.parametrize(
    "key",
    [
        keys.HISTORY_ITEM,
        keys.HISTORY_CATEGORY,
        keys.HISTORY_TIMESTAMP,
        keys.HISTORY_LENGTH,
        keys.CANDIDATE_ITEM,
        keys.CANDIDATE_CATEGORY,
        keys.CANDIDATE_LABEL,
        keys.CANDIDATE_LENGTH,
        keys.CANDIDATE_SLOT,
        keys.REQUEST_TIMESTAMP,
        keys.REQUEST_EVENTS,
        keys.REQUEST_CANDIDATES,
    ],
)
def test_no_extra_feature_takes_a_key_of_records_or_requests(key):
    (owner,) = (owner for owner, prefix in PREFIXES.items() if key.startswith(prefix))
    with pytest.raises(ValueError, match="feature name"):
        Feature(key.removeprefix(PREFIXES[owner]), owner)


def test_a_store_holds_events_alone_and_names_them_without_the_prefix():
    assert keys.event_column("history_quantity") == "quantity"
    assert keys.event_column("item") == "item"
