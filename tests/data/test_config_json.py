import dataclasses
import json

import pytest

from lifelong.data.config_json import decode


@dataclasses.dataclass(frozen=True)
class Part:
    name: str
    sizes: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Whole:
    first: Part
    parts: tuple[Part, ...] = ()
    other: Part | None = None
    share: float = 0.5
    names: tuple[str, ...] = dataclasses.field(default_factory=tuple)


@pytest.mark.parametrize(
    "value",
    [
        Whole(Part("a")),
        Whole(Part("a", (1, 2)), (Part("b"), Part("c", (3,))), Part("d"), 0.25, ("x", "y")),
    ],
)
def test_what_json_took_apart_is_put_together(value):
    text = json.dumps(dataclasses.asdict(value))
    assert decode(Whole, json.loads(text), "config") == value


def test_defaults_stand_for_what_is_not_written():
    assert decode(Whole, {"first": {"name": "a"}}, "config") == Whole(Part("a"))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"first": {"name": "a"}, "last": 1}, r"config\.last is not a field; the fields are first"),
        ({"first": {"name": "a", "size": 1}}, r"config\.first\.size is not a field"),
        ({"first": {"name": "a"}, "parts": [{"name": "b"}, {"n": 1}]}, r"config\.parts\[1\]\.n is"),
        ({"parts": []}, r"config\.first is missing: another version"),
        ({"first": {"name": "a"}, "other": {}}, r"config\.other\.name is missing"),
    ],
)
def test_errors_name_the_place(value, message):
    with pytest.raises(ValueError, match=message):
        decode(Whole, value, "config")
