import dataclasses
import json
from pathlib import Path

import pytest

from lifelong.experiments.trial import (
    RESULT_FILE,
    read_result,
    write_result,
)
from tests.experiments.fake_trials import NO_DATA, FakeTrial, result


def test_a_result_is_read_back(tmp_path):
    written = result("eta", 17, 0.75, parameters=12, ranking_ms=1.5)
    write_result(written, tmp_path)
    assert read_result(tmp_path) == written
    assert read_result(tmp_path / "elsewhere") is None


def test_a_result_of_before_cold_items_were_measured_is_read(tmp_path):
    write_result(result("eta", 17, 0.75), tmp_path)
    path = tmp_path / RESULT_FILE
    fields = json.loads(path.read_text())
    del fields["measured"]["by_item"]
    path.write_text(json.dumps(fields))
    assert read_result(tmp_path) == result("eta", 17, 0.75)


def test_an_interrupted_write_leaves_the_old_result_or_none(tmp_path, monkeypatch):
    def interrupted(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_result(result("eta", 17, 0.75), tmp_path)
    assert read_result(tmp_path) is None
    monkeypatch.undo()
    write_result(result("eta", 17, 0.75), tmp_path)
    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_result(result("eta", 17, 0.5), tmp_path)
    assert read_result(tmp_path) == result("eta", 17, 0.75)


@pytest.mark.parametrize("change", [{"speed": 3}, {"seed": None}])
def test_a_file_of_another_version_is_named(tmp_path, change):
    write_result(result("eta", 17, 0.75), tmp_path)
    fields = {**json.loads((tmp_path / RESULT_FILE).read_text()), **change}
    if fields["seed"] is None:
        del fields["seed"]
    (tmp_path / RESULT_FILE).write_text(json.dumps(fields))
    with pytest.raises(ValueError, match=r"result\.json: .*delete the file to run its trial"):
        read_result(tmp_path)


def test_each_name_and_seed_has_a_folder_of_its_own():
    names = ["eta", "eta+heads=2", "eta+hidden=[8,8]", "eta+hidden=(8,8)", "a/../b"]
    slugs = {FakeTrial(name, seed, []).slug for name in names for seed in (1, 2)}
    assert len(slugs) == 2 * len(names)
    assert "eta+heads=2-seed1" in slugs
    assert not any(character in slug for slug in slugs for character in "/[]() ")


def test_settings_seed_and_data_all_count_in_the_fingerprint():
    trial = FakeTrial("eta", 1, [])
    other_data = dataclasses.replace(NO_DATA, transform_graph="graph/2")
    fingerprints = {
        trial.fingerprint(NO_DATA),
        trial.fingerprint(other_data),
        dataclasses.replace(trial, setting=2).fingerprint(NO_DATA),
        dataclasses.replace(trial, seed=2).fingerprint(NO_DATA),
    }
    assert len(fingerprints) == 4
    assert FakeTrial("eta", 1, ["ran"]).fingerprint(NO_DATA) in fingerprints
