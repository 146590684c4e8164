import json
import re

import pytest

from lifelong.data.features import Feature
from tests.data.logs.whole_logs import read_whole, told

GOOD = {"user": 1, "item": 2, "category": 3, "timestamp": 4}
PRICE = (Feature("price", "event", "numeric"),)


@pytest.fixture
def jsonl(tmp_path):
    """Writes rows, or text, to a file of JSON lines; returns its path."""

    def write(rows, name="log.jsonl"):
        path = tmp_path / name
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path.write_text("".join(f"{line}\n" for line in lines))
        return str(path)

    return write


@pytest.mark.parametrize("earlier", [1500, 3000])
def test_a_key_that_first_stands_late_is_read(jsonl, earlier):
    note = {"note": "x" * 60} if earlier == 3000 else {}
    path = jsonl([{**GOOD, **note}] * earlier + [{**GOOD, "price": 2.5}])
    block, bad = read_whole(path, PRICE)
    assert (block["history_price"][-2:], bad) == ([0, 2.5], [])


def test_a_required_key_that_first_stands_late_is_read(jsonl):
    path = jsonl([{"user": 1, "note": "x" * 80}] * 2000 + [GOOD])
    block, bad = read_whole(path)
    assert block["item"] == [2]
    assert {row.reason for row in bad} == {"item: missing"}
    assert len(bad) == 2000


@pytest.mark.parametrize("written", ['"pr\\u0069ce"', '"preis_gr\\u00f6\\u00dfe"', '"preis_größe"'])
def test_a_late_key_may_be_written_with_escapes(jsonl, written):
    late = json.dumps(GOOD).replace("}", f", {written}: 7}}")
    path = jsonl([{**GOOD, "note": "x" * 60}] * 1500 + [late])
    features = (Feature("price", "event", "numeric", column=json.loads(written)),)
    assert read_whole(path, features)[0]["history_price"][-1] == 7


def test_a_key_that_no_line_has_is_told(jsonl):
    rows = [{**GOOD, "note": '"price": 1'}] * 2000
    for path in (jsonl(rows), jsonl([GOOD])):
        message = (
            rf"^{re.escape(path)} has no column 'price' \(read as history_price\); it has user,"
        )
        with pytest.raises(ValueError, match=message):
            read_whole(path, PRICE)
    with pytest.raises(ValueError, match=r"log\.jsonl has no column 'item'"):
        read_whole(jsonl([{"user": 1}]))


def test_a_feature_may_be_absent_from_single_files(jsonl, tmp_path):
    jsonl([GOOD], "a.jsonl")
    jsonl([{**GOOD, "price": 1.5}], "b.jsonl")
    assert read_whole(str(tmp_path), PRICE)[0]["history_price"] == [0, 1.5]
    jsonl([{"user": 1}], "c.jsonl")
    with pytest.raises(ValueError, match=r"c\.jsonl has no column 'item'"):
        read_whole(str(tmp_path), PRICE)


def test_an_object_with_a_wanted_key_twice_is_set_aside(jsonl):
    twice = json.dumps(GOOD).replace("}", ', "item": 9}')
    other = json.dumps(GOOD).replace("}", ', "note": 8, "note": {"item": 1, "item": 2}}')
    block, bad = read_whole(jsonl([GOOD, twice, other]))
    assert block["item"] == [2, 2]
    assert told(bad) == [(2, "key 'item' stands twice")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[\n" + json.dumps(GOOD) + "\n]\n", "is a JSON array; write .* jq -c '.\\[\\]' FILE"),
        (json.dumps([GOOD, GOOD]), "is a JSON array"),
        ("\n  [" + json.dumps(GOOD) + ",\n" + json.dumps(GOOD) + "]", "is a JSON array"),
        (json.dumps(GOOD, indent=1), "has objects that span lines; .* jq -c . FILE"),
        (json.dumps({"events": [GOOD]}), "has no column 'user'.* it has events"),
        ("nothing\n", "has no column 'user' .*; it has none"),
    ],
)
def test_json_in_another_form_is_told_with_what_to_do(jsonl, text, message):
    path = jsonl([text], "log.json")
    with pytest.raises(ValueError, match=f"^{re.escape(path)} {message}"):
        read_whole(path)
