"""The page on logs shows what is printed for a log of 1,000 rows with one of each fault."""

import collections
import dataclasses
import json
import re
from pathlib import Path

import pytest

from lifelong.data import columns as cols
from lifelong.data.features import Feature
from lifelong.data.ids import id_of
from lifelong.data.logs import reading
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.counts import check_rows, summary
from lifelong.data.logs.fields import behavior_fields

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "logs.md").read_text()
ROWS = 1000
# Rows that look odd and are read, and what they are read as.
READ = {
    "u4.0,7,bread,1511544070,1.5": ("u4.0", 7, 1511544070),
    "4.0,7.0,bread,1511544070.0,1.5": (4, 7, 1511544070),
    "4,8,bread,2017-11-24 17:21:10 UTC,1.5": (4, 8, 1511544070),
    '4,9,"bread,\nsliced",1511544070,': (4, 9, 1511544070),
}


@pytest.fixture
def log(tmp_path):
    faulty = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)[1].encode()
    faulty = faulty.replace(b"<NUL>", b"\0").replace(b"<E9>", b"\xe9").replace(b"<CR>", b"\r")
    header, faulty = faulty.split(b"\n", 1)
    count = ROWS - len(READ) - faulty.count(b"\n")
    good = [f"{i % 50},{i % 7},c{i % 3},{1511544070 + i},2.5" for i in range(count - 1)]
    # The last fault is a quote that nothing closes: rows after it are read.
    text = "\n".join([*good, *READ]).encode() + b"\n" + faulty + b"1,1,c1,1511544070,2.5\n"
    path = tmp_path / "behaviors.csv"
    path.write_bytes(header + b"\n" + text)
    return LogConfig(str(path), latest="2026-12-31")


@pytest.fixture
def ingested(log):
    """Counts, bad rows as they are quarantined, and the good ones."""
    counts = collections.Counter()
    blocks, bad = [], []
    for batch in reading.read_all(log, fields(log), "behaviors"):
        blocks.append(batch.block)
        bad += [json.dumps({"log": "behaviors", **dataclasses.asdict(row)}) for row in batch.bad]
        counts["behaviors/rows"] += cols.length(batch.block) + len(batch.bad)
        counts.update(f"behaviors/bad_rows/{row.reason}" for row in batch.bad)
        counts.update({f"behaviors/missing/{key}": n for key, n in batch.missing.items()})
    return counts, bad, cols.concat(blocks)


def fields(log):
    return behavior_fields(log, (Feature("price", "event", "numeric"),))


def test_the_page_shows_the_counts_that_are_printed(ingested):
    counts, *_ = ingested
    assert counts["behaviors/rows"] == ROWS
    shown = re.search(r"```\nIngestion:\n(.*?)\n```", PAGE, re.DOTALL)[1]
    assert shown.rstrip() == summary(counts)


def test_the_page_shows_why_the_run_fails(ingested, log):
    counts, bad, _ = ingested
    with pytest.raises(ValueError, match="rows of the log behaviors cannot be used") as refused:
        check_rows(counts, "behaviors", 0.01, bad)
    shown = re.search(r"```\nlifelong run: (.*?)\n```", PAGE, re.DOTALL)[1]
    assert shown.replace("\n", " ") == str(refused.value).replace(log.files, "behaviors.csv")


def test_rows_that_look_odd_are_read_as_the_page_says(ingested):
    *_, block = ingested
    rows = set(zip(*(block[key].tolist() for key in ("user", "item", "timestamp")), strict=True))
    for user, item, time in READ.values():
        assert (id_of(user), item, time) in rows
