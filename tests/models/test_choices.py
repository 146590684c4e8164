import pytest

from lifelong.models.choices import choose

CLASSES = {"number": int, "text": str}


def test_a_name_gives_its_class():
    assert choose("kind", "text", CLASSES) is str


def test_an_unknown_name_is_refused_and_told_what_exists():
    with pytest.raises(ValueError, match="kind is 'txt'; expected one of number, text"):
        choose("kind", "txt", CLASSES)
