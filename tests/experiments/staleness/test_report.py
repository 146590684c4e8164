import csv

import pytest
from PIL import Image

from lifelong.experiments.metrics import Metrics
from lifelong.experiments.staleness.conclusion import conclusion
from lifelong.experiments.staleness.metrics import SearchMetrics, StalenessMeasured
from lifelong.experiments.staleness.plan import StalenessPlan
from lifelong.experiments.staleness.report import write_staleness
from lifelong.experiments.trial import TrialResult

WEEK = 7 * 24 * 3600
# 2024-01-01, a Monday.
START = 1_704_067_200
PLAN = StalenessPlan(
    spans=((START - WEEK, START), (START, START + WEEK), (START + WEEK, START + 2 * WEEK)),
    requests=(12_000, 300, 40),
)


def search(name, auc, change=0.0, recall=1.0, error=0.001):
    return SearchMetrics(name, auc, auc - 0.01, 0.3, change, error, recall, None, recall)


def point(*searches):
    return StalenessMeasured(
        metrics=(Metrics("all", 0.7, 0.6, 0.3, 10, 40),),
        validation_auc=None,
        ranking_ms=None,
        searches=searches,
        random_recall=0.125,
        candidates=4000,
        without_events=3,
        new_candidates=7,
        events=9000,
        new_events=21,
    )


SOFT = {
    0: point(search("own", 0.7), search("old", 0.7), search("old_events", 0.7)),
    1: point(
        search("own", 0.72),
        search("old", 0.71, -0.01, 0.625),
        search("old_events", 0.7201, 0.0001, 0.75),
    ),
}
ETA = {
    0: point(search("own", 0.69), search("old", 0.69)),
    2: point(search("own", 0.68), search("old", 0.685, 0.005, 0.5)),
}


def results(**measured):
    return [
        TrialResult(
            f"{model},week={number}", 17, "f", {"point": number, "model": {"long_term": model}}, one
        )
        for model, points in measured.items()
        for number, one in points.items()
    ]


def test_the_conclusion_says_what_the_numbers_say():
    text = conclusion({"sim_soft": SOFT, "eta": ETA})
    assert (
        "1 week after the date, `sim_soft` with the index of the date finds 62.5 % of the events "
        "that its own search finds (as many events at random: 12.5 %), and its AUC is 0.7100 "
        "instead of 0.7200: 0.0100 ± 0.0010 lower." in text
    )
    assert (
        "events as of the date, it is 75.0 % and 0.7201: a change within 2 standard errors "
        "(+0.0001 ± 0.0010)." in text
    )
    assert "`sim_soft` with its own search from 0.7000 to 0.7200 (+0.0200)." in text
    assert "2 weeks after the date, `eta` with the signatures of the date finds 50.0 %" in text
    assert "0.6850 instead of 0.6800: 0.0050 ± 0.0010 higher." in text
    assert "`eta` with its own search from 0.6900 to 0.6800 (-0.0100)." in text
    assert "7 of 4,000 candidates and 21 of 9,000 events" in text
    assert text.endswith(
        "That alone, at the date itself, changed the AUC by +0.0000 ± 0.0010 (`sim_soft`), "
        "+0.0000 ± 0.0010 (`eta`)."
    )


def test_the_conclusion_counts_the_weeks_in_which_the_change_can_be_told_from_none():
    weeks = {
        week: point(search("own", 0.7), search("old", 0.7 + change, change, 0.5))
        for week, change in ((0, -0.5), (1, -0.003), (2, 0.0019), (3, 0.0021))
    }
    assert (
        "Over the 3 weeks the signatures of the date changed the AUC by -0.0030 to +0.0021, by "
        "more than 2 standard errors in 2 of them." in conclusion({"eta": weeks})
    )


def test_before_the_first_week_nothing_is_concluded():
    assert conclusion({"eta": {0: ETA[0]}}).startswith("`eta` has not been trained past the date")


def test_table_csv_and_plot(tmp_path):
    write_staleness(results(sim_soft=SOFT, eta=ETA), PLAN, tmp_path)
    text = (tmp_path / "staleness.md").read_text()
    assert "Index and signatures of 2024-01-01, the end of the base." in text
    table = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ") and "---" not in line
    ]
    assert [row[:3] for row in table[1:]] == [
        ["base", "2023-12-25", "12,000"],
        ["1", "2024-01-01", "300"],
        ["2", "2024-01-08", "40"],
    ]
    assert [" ".join(row[3:]) for row in table[1:]] == [
        "0.7000 0.7000 1.000 0.7000 1.000 0.6900 0.6900 1.000",
        "0.7200 0.7100 0.625 0.7201 0.750 - - -",
        "- - - - - 0.6800 0.6850 0.500",
    ]
    with (tmp_path / "staleness.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["week"], row["search"]) for row in rows] == [
        *(("sim_soft", week, name) for week in "01" for name in ("own", "old", "old_events")),
        *(("eta", week, name) for week in "02" for name in ("own", "old")),
    ]
    old = rows[4]
    assert (old["auc"], old["gauc"], old["log_loss"]) == ("0.71", "0.7", "0.3")
    assert (old["auc_change"], old["auc_change_error"], old["recall"]) == (
        "-0.01",
        "0.001",
        "0.625",
    )
    assert (old["new_auc"], old["new_recall"], old["random_recall"]) == ("", "0.625", "0.125")
    assert (old["from"], old["requests"], old["candidates"]) == ("2024-01-01", "300", "4000")
    assert (old["without_events"], old["new_candidates"], old["new_events"]) == ("3", "7", "21")
    with Image.open(tmp_path / "staleness.png") as image:
        assert image.format == "PNG"
        assert image.width > 900
        assert image.height > 400


def test_a_single_point_can_be_reported_and_none_cannot(tmp_path):
    write_staleness(results(eta={0: ETA[0]}), PLAN, tmp_path)
    assert (tmp_path / "staleness.png").exists()
    with pytest.raises(ValueError, match="no point has a result yet"):
        write_staleness([], PLAN, tmp_path)
