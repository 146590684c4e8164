import pytest

from lifelong.data.features import RESERVED, Feature, features_of


@pytest.mark.parametrize(
    ("of", "key"),
    [
        ("event", "history_price"),
        ("candidate", "candidate_price"),
        ("request", "request_price"),
        ("user", "user_price"),
        ("item", "item_price"),
    ],
)
def test_a_feature_is_named_after_its_owner(of, key):
    assert Feature("price", of).key == key


def test_a_feature_is_a_category_of_the_column_of_its_name_unless_it_says_otherwise():
    plain = Feature("price", "event")
    assert plain.source_column == "price"
    assert plain.is_categorical
    other = Feature("price", "event", "numeric", column="Cost")
    assert other.source_column == "Cost"
    assert not other.is_categorical


@pytest.mark.parametrize("name", ["Price", "1st", "a-b", "a b", "_x", "", "ü", *sorted(RESERVED)])
def test_a_name_that_cannot_be_used_is_refused(name):
    with pytest.raises(ValueError, match=r"feature name .*use lower-case letters"):
        Feature(name, "event")


def test_unknown_owners_and_kinds_are_refused():
    with pytest.raises(ValueError, match=r"`of` is 'shop'; expected one of event, candidate"):
        Feature("price", "shop")
    with pytest.raises(ValueError, match="`kind` is 'text'; expected one of categorical, numeric"):
        Feature("price", "event", "text")


def test_a_vector_belongs_to_items_and_has_a_size():
    assert not Feature("image", "item", "vector", size=64).is_categorical
    with pytest.raises(ValueError, match="a vector must be `of: item`, not 'event'"):
        Feature("image", "event", "vector", size=64)
    for kind, size in (("vector", 0), ("vector", -1), ("numeric", 3)):
        with pytest.raises(ValueError, match=f"'image': `size` is {size}; a vector needs"):
            Feature("image", "item", kind, size=size)


def test_features_of_an_owner_keep_their_order():
    features = (Feature("b", "event"), Feature("c", "user"), Feature("a", "event"))
    assert [feature.name for feature in features_of(features, "event")] == ["b", "a"]
    assert features_of(features, "request") == []
