import dataclasses
import json

import numpy as np
import pytest

from lifelong.data.contract import VERSION, DataContract
from lifelong.serving.behavior_store import Manifest, StoreFormatError
from lifelong.serving.behavior_store.manifest import FORMAT_VERSION

CONTRACT = DataContract(VERSION, id_space="shop", category_taxonomy="shelves")


def test_a_manifest_is_read_as_it_was_written():
    manifest = Manifest({"price": "float32"}, CONTRACT, "log", 3, 64)
    assert Manifest.from_json(manifest.to_json(), "here") == manifest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "here is no manifest"),
        ("[1]", "here is no manifest"),
        ('{"shards": 1}', "here is no manifest"),
        (
            f'{{"format_version": {FORMAT_VERSION + 1}}}',
            f"format {FORMAT_VERSION + 1}, .* reads format {FORMAT_VERSION}; update lifelong",
        ),
        (
            f'{{"format_version": {FORMAT_VERSION - 1}}}',
            f"format {FORMAT_VERSION - 1}, .* reads format {FORMAT_VERSION}; run `lifelong run` again",
        ),
        (f'{{"format_version": {FORMAT_VERSION}, "colour": "red"}}', "here is no manifest"),
        (
            f'{{"format_version": {FORMAT_VERSION}, "features": {{"price": "text"}}}}',
            "here is no manifest",
        ),
    ],
)
def test_what_is_no_manifest_of_this_format_is_refused(text, message):
    with pytest.raises(StoreFormatError, match=message):
        Manifest.from_json(text, "here")


@pytest.mark.parametrize("more", [{}, {"colour": "red"}])
@pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1])
def test_a_store_of_another_contract_is_refused_in_one_sentence(version, more):
    fields = json.loads(Manifest().to_json())
    fields["contract"] = {"version": version, "user": "user", **more}
    with pytest.raises(StoreFormatError) as refused:
        Manifest.from_json(json.dumps(fields), "here")
    assert str(refused.value) == (
        f"here: the store has ids made by rule {version}, this version of lifelong makes them by"
        f" rule {VERSION}; run `lifelong run` again, which trains, builds and pushes both"
        " anew"
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shards": 0}, "shards is 0"),
        ({"block_size": -1}, "block_size is -1"),
        ({"features": {"item": "int64"}}, "feature item: every store has a column"),
        ({"features": {"price": "float64"}}, "feature price: type 'float64'; expected int64 or"),
    ],
)
def test_bad_fields(fields, message):
    with pytest.raises(ValueError, match=message):
        Manifest(**fields)


def test_users_are_spread_over_shards():
    manifest = Manifest(shards=8)
    users = np.array([*range(4_000), 2**63 - 1, 2**62])
    shards = manifest.shard_of(users)
    assert shards.tolist() == [manifest.shard_of_user(user) for user in users.tolist()]
    counts = np.bincount(shards)
    assert len(counts) == 8
    assert counts.min() > 400


@pytest.mark.parametrize("field", ["user", "category", "id_space", "category_taxonomy"])
def test_only_a_difference_of_the_contract_is_refused(field):
    manifest = Manifest(contract=CONTRACT, source="one log", shards=3)
    manifest.check_contract(CONTRACT)
    with pytest.raises(StoreFormatError, match=f"the store has .* {field} '.*', the model 'c': "):
        manifest.check_contract(dataclasses.replace(CONTRACT, **{field: "c"}))


def test_a_model_without_a_contract_is_refused():
    with pytest.raises(StoreFormatError, match="the model tells no data contract"):
        Manifest().check_contract(None)
