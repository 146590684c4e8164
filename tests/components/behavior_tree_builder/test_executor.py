import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from lifelong.components.behavior_tree_builder.config import TreeConfig
from lifelong.components.behavior_tree_builder.store_files import store_uri
from lifelong.data.day_statistics import DayStatistics
from lifelong.serving.behavior_store import open_store
from tests.components.behavior_tree_builder.conftest import DAY, START
from tests.sample_fingerprints import FINGERPRINTS


def test_do_writes_the_store_its_description_and_the_counts(build, ingest_config, rows, capsys):
    ingest = ingest_config(rows)
    tree = build(TreeConfig.of(ingest))
    with open_store(store_uri(tree)) as store:
        manifest, size = store.manifest, store.size()
    counts = json.loads((Path(tree.uri) / "counts.json").read_text())
    assert tree.get_int_custom_property("users") == size.users == counts["store/users"] == 9
    events = tree.get_int_custom_property("events")
    assert events == size.events == counts["store/events"]
    # Opened, each shard has a lock file besides.
    assert events < tree.get_int_custom_property("bytes") <= size.bytes
    assert tree.get_float_custom_property("bytes_per_event") == pytest.approx(
        tree.get_int_custom_property("bytes") / events
    )
    assert tree.get_int_custom_property("format_version") == manifest.format_version
    assert manifest.contract == ingest.contract
    for name, text in ingest.contract.texts().items():
        assert tree.get_string_custom_property(name) == text
    assert tree.get_string_custom_property("source") == manifest.source
    assert manifest.source.startswith(f"behaviors {FINGERPRINTS['behaviors']}\nconfig:")
    assert "behaviors/duplicates" in capsys.readouterr().out


def test_the_store_has_the_newest_statistics(build, ingest_config, rows, day_statistics):
    tree = build(TreeConfig.of(ingest_config(rows)))
    newest = DayStatistics(day_statistics.uri).newest()
    with open_store(store_uri(tree)) as store:
        found = store.statistics_of([0, 2, 9], [0, 1, 1])
        expected = newest.look_up(np.array([0, 2, 9]), np.array([0, 1, 1]))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
        times = (store.manifest.statistics_time, tree.get_int_custom_property("statistics_time"))
    assert times == (START + 3 * DAY,) * 2


def test_bad_rows_are_counted_and_too_many_fail_the_build(
    build, ingest_config, rows, capsys, tmp_path
):
    bad = [*rows, *({**row, "item": None} for row in rows[:3])]
    tree = build(TreeConfig.of(ingest_config(bad)))
    assert "behaviors/bad_rows/item: missing" in capsys.readouterr().out
    assert tree.get_int_custom_property("users") == 9
    strict = dataclasses.replace(ingest_config(bad), max_bad_share=0.005)
    message = r"3 of 436 rows .* \(0\.69%; max_bad_share allows 0\.50%\)\. Worst: 3 rows \(item"
    with pytest.raises(ValueError, match=message):
        build(TreeConfig.of(strict), "strict")
    assert not (tmp_path / "strict" / "store" / "manifest.json").exists()


def test_a_log_without_rows_fails_the_build(build, ingest_config, rows, tmp_path):
    config = ingest_config(rows, "csv")
    header = Path(config.behaviors.files).read_text().splitlines()[0]
    Path(config.behaviors.files).write_text(header + "\n")
    with pytest.raises(ValueError, match=r"behaviors\.files have no rows"):
        build(TreeConfig.of(config))


def test_a_log_without_usable_rows_fails_the_build(build, ingest_config, rows):
    config = ingest_config([{**row, "user": None} for row in rows], max_bad_share=1.0)
    with pytest.raises(ValueError, match="behaviors has no usable row"):
        build(TreeConfig.of(config))
