import json

from lifelong.serving.follower.event_lines import BadLine
from lifelong.serving.follower.quarantine import Quarantine

LINES = [BadLine("log", 3, 17, "malformed JSON", "{"), BadLine("log", 4, 19, "user: missing", "é")]


def test_lines_are_added(tmp_path):
    path = tmp_path / "folder" / "bad.jsonl"
    told = []
    for line in LINES:
        Quarantine(path, told.append).write([line])
    Quarantine(path, told.append).write([])
    rows = [json.loads(text) for text in path.read_text().splitlines()]
    assert rows[0] == {
        "file": "log",
        "line": 3,
        "offset": 17,
        "reason": "malformed JSON",
        "text": "{",
    }
    assert rows[1]["text"] == "é"
    assert told == []


def test_it_does_not_fill_the_disk(tmp_path):
    path = tmp_path / "bad.jsonl"
    told = []
    quarantine = Quarantine(path, told.append, largest=100)
    for _ in range(10):
        quarantine.write(LINES[:1])
    assert len(path.read_text().splitlines()) == 2
    assert len(told) == 1
    assert "counted only" in told[0]
