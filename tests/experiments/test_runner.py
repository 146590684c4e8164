import errno

import pytest

from lifelong.data.full_disk import FullDiskError
from lifelong.experiments import runner
from lifelong.experiments.runner import conclude, run_trials, time_left
from lifelong.experiments.trial import read_result
from tests.experiments.fake_trials import NO_DATA, FakeTrial


@pytest.fixture
def reports():
    """Names and seeds of the results in each report."""
    return []


@pytest.fixture
def run(tmp_path, reports):
    def report(results):
        reports.append([(result.name, result.seed) for result in results])

    return lambda *trials: run_trials("compare", trials, NO_DATA, tmp_path, report)


def test_every_trial_runs_once_and_is_reported_as_it_ends(run, reports, tmp_path, capsys):
    ran = []
    assert run(FakeTrial("eta", 1, ran), FakeTrial("none", 1, ran)) == []
    assert ran == ["eta-seed1", "none-seed1"]
    assert reports == [[("eta", 1)], [("eta", 1), ("none", 1)]]
    assert read_result(tmp_path / "eta-seed1").settings == {"setting": 1, "seed": 1}
    output = capsys.readouterr().out
    assert "[compare] 2/2 none seed 1 ... about 0 s left" in output
    assert "[compare] 2/2 none seed 1: validation AUC 0.7000, eval AUC 0.7500" in output


def test_finished_trials_are_not_run_again(run, reports, capsys):
    ran = []
    run(FakeTrial("eta", 1, ran))
    run(FakeTrial("none", 1, ran), FakeTrial("eta", 1, ran))
    assert ran == ["eta-seed1", "none-seed1"]
    # At once what there is, then in the order of the trials.
    assert reports[1:] == [[("eta", 1)], [("none", 1), ("eta", 1)]]
    assert "[compare] 2/2 eta seed 1: finished before" in capsys.readouterr().out


def test_a_trial_whose_settings_have_changed_is_run_again_and_says_so(run, tmp_path, capsys):
    ran = []
    run(FakeTrial("eta", 1, ran))
    run(FakeTrial("eta", 1, ran, setting=2))
    assert ran == ["eta-seed1"] * 2
    assert read_result(tmp_path / "eta-seed1").settings["setting"] == 2
    assert "settings or data have changed" in capsys.readouterr().out


def test_a_trial_that_fails_does_not_keep_the_others_from_running(run, reports, tmp_path):
    ran = []
    (failure,) = run(FakeTrial("eta", 1, ran, fails=ValueError("no!")), FakeTrial("none", 1, ran))
    assert failure.startswith("eta seed 1: ValueError: no!")
    assert ran == ["eta-seed1", "none-seed1"]
    assert reports == [[("none", 1)]]
    assert read_result(tmp_path / "eta-seed1") is None
    error = tmp_path / "eta-seed1" / runner.ERROR_FILE
    assert "Traceback" in error.read_text()
    assert run(FakeTrial("eta", 1, ran)) == []
    assert not error.exists()


def test_a_full_disk_ends_the_run_and_keeps_what_is_finished(run, reports, tmp_path):
    """The other trials need room, too; so does a file about the error."""
    ran = []
    full = OSError(errno.ENOSPC, "No space left on device")
    last = FakeTrial("mean", 1, ran)
    with pytest.raises(FullDiskError, match=r"2/3 none seed 1 failed: the disk of .* run the same"):
        run(FakeTrial("eta", 1, ran), FakeTrial("none", 1, ran, fails=full), last)
    assert not (tmp_path / "none-seed1" / runner.ERROR_FILE).exists()
    run(FakeTrial("eta", 1, ran), FakeTrial("none", 1, ran), last)
    assert ran == ["eta-seed1", "none-seed1", "none-seed1", "mean-seed1"]


def test_an_interruption_ends_the_run_and_keeps_what_is_finished(run, reports):
    ran = []
    with pytest.raises(KeyboardInterrupt):
        run(FakeTrial("eta", 1, ran), FakeTrial("none", 1, ran, fails=KeyboardInterrupt()))
    run(FakeTrial("eta", 1, ran), FakeTrial("none", 1, ran))
    assert ran == ["eta-seed1", "none-seed1", "none-seed1"]
    assert reports[-1] == [("eta", 1), ("none", 1)]


def test_the_time_left_goes_by_the_same_model_where_it_has_been_timed():
    waiting = [FakeTrial("eta", 2, []), FakeTrial("none", 2, []), FakeTrial("full", 1, [])]
    # 100 + 10, and for the model that was never timed the mean of the two.
    assert time_left({"eta": [90.0, 110.0], "none": [10.0]}, waiting) == " about 3 min left"
    assert time_left({}, waiting) == ""


def test_the_report_is_printed_and_failures_make_the_exit_status(tmp_path, capsys):
    report = tmp_path / "compare.md"
    assert conclude(report, ["eta seed 1: no!"]) == 1
    assert capsys.readouterr().err == "failed: eta seed 1: no!\n"
    report.write_text("# Comparison")
    assert conclude(report, []) == 0
    assert capsys.readouterr().out == f"\n# Comparison\nwritten, with plots, to {tmp_path}\n"
