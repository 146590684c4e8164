import csv

import numpy as np
import pytest
from PIL import Image

from lifelong.experiments.compare_report import AucOver, write_comparison
from lifelong.experiments.item_metrics import ItemMetrics
from lifelong.experiments.metrics import Metrics
from lifelong.experiments.trial import Measured, TrialResult

HISTORIES = ("all", "100-300", "1,200+")


def result(name, seed, auc, **figures):
    rows = tuple(
        Metrics(history, auc + 0.01 * place, auc - 0.1, 0.3, 1000 + place, 4000)
        for place, history in enumerate(HISTORIES)
    )
    measured = {"validation_auc": auc + 0.05, "ranking_ms": 2.0, **figures}
    return TrialResult(name, seed, "f", {}, Measured(rows, **measured))


def by_item(auc):
    return (ItemMetrics("known", auc, 3500, 600), ItemMetrics("unknown", auc - 0.2, 500, 80))


RESULTS = [
    result(
        "eta", 17, 0.75, parameters=12345, training_seconds=90.0, epochs=3, by_item=by_item(0.7)
    ),
    result("gbdt", 17, 0.7, ranking_ms=None),
    result("eta+heads=1", 17, 0.73),
    result(
        "eta", 18, 0.77, parameters=12345, training_seconds=150.0, epochs=4, by_item=by_item(0.72)
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    write_comparison(RESULTS, trials=7, folder=folder)
    return folder


def cells(text, first):
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first} ")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_markdown_has_a_row_per_model(folder):
    overall, _, by_history = (folder / "compare.md").read_text().partition("## AUC by history")
    assert "1,000 requests with 4,000 candidates; 4 of 7 trials finished." in overall
    # 0.75 and 0.77: mean 0.76, deviation 0.02 / sqrt(2).
    assert cells(overall, "eta") == [
        "eta",
        "2",
        "0.8100 ± 0.0141",
        "0.7600 ± 0.0141",
        "0.6600 ± 0.0141",
        "0.3000 ± 0.0000",
        "12,345",
        "-",
        "2.0 ± 0.7",
        "2.00 ± 0.00",
    ]
    assert cells(overall, "gbdt")[2:5] == ["0.7500", "0.7000", "0.6000"]
    assert cells(overall, "gbdt")[-4:] == ["-"] * 4
    by_history, _, by_item = by_history.partition("## AUC by what the training data know")
    assert cells(by_history, "model") == ["model", "100-300", "1,200+"]
    assert cells(by_history, "eta") == ["eta", "0.7700 ± 0.0141", "0.7800 ± 0.0141"]
    assert cells(by_history, "eta+heads=1") == ["eta+heads=1", "0.7400", "0.7500"]
    assert cells(by_item, "model") == ["model", "known", "unknown", "unseen"]
    assert cells(by_item, "eta") == ["eta", "0.7100 ± 0.0141", "0.5100 ± 0.0141", "-"]
    # A result of before this was measured.
    assert cells(by_item, "gbdt") == ["gbdt", "-", "-", "-"]
    assert "Candidates: known 3,500 (600 clicked), unknown 500 (80 clicked)." in by_item


def test_how_much_a_model_is_over_the_trees_is_told_where_it_is_known(folder, tmp_path):
    assert "over the trees" not in (folder / "compare.md").read_text()
    over = {"eta": AucOver(0.0123, 0.0011), "eta+heads=1": AucOver(-0.002, 0.0005)}
    write_comparison(RESULTS, 7, tmp_path, over)
    text, _, _ = (tmp_path / "compare.md").read_text().partition("## AUC by history")
    column = cells(text, "model").index("AUC over the trees")
    assert cells(text, "eta")[column] == "+0.0123 ± 0.0011"
    assert cells(text, "eta+heads=1")[column] == "-0.0020 ± 0.0005"
    assert cells(text, "gbdt")[column] == "-"
    assert "paired (DeLong, clustered by user)" in text


def test_the_csv_has_a_line_per_model_and_bucket(folder):
    with (folder / "compare.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["history"]) for row in rows] == [
        (model, history) for model in ("eta", "gbdt", "eta+heads=1") for history in HISTORIES
    ]
    eta = rows[2]
    assert float(eta["auc"]) == pytest.approx(0.78)
    assert float(eta["auc_sd"]) == pytest.approx(0.02 / 2**0.5, rel=1e-5)
    assert eta["requests"] == "1002"
    assert eta["seeds"] == "2"
    assert eta["parameters"] == "12345"
    assert float(eta["training_seconds"]) == 120
    assert float(eta["validation_auc"]) == pytest.approx(0.81)
    assert float(eta["unknown_items_auc"]) == pytest.approx(0.51)
    assert float(eta["unknown_items_auc_sd"]) == pytest.approx(0.02 / 2**0.5, rel=1e-5)
    assert eta["unseen_items_auc"] == ""
    gbdt = rows[3]
    assert gbdt["auc_sd"] == gbdt["ranking_ms"] == gbdt["parameters"] == ""


@pytest.mark.parametrize("name", ["auc", "auc_by_history", "cost"])
def test_the_plots_are_pictures_with_something_in_them(folder, name):
    with Image.open(folder / f"{name}.png") as image:
        assert image.format == "PNG"
        assert image.width > 600
        assert 150 < image.height < image.width
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    # Besides white, black and greys there are colours.
    assert np.any(np.ptp(pixels.astype(int), axis=1) > 50)
    assert 0.5 < np.mean(np.all(pixels == 255, axis=1)) < 0.999


def test_nothing_unfinished_is_left(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "auc.png",
        "auc_by_history.png",
        "compare.csv",
        "compare.md",
        "cost.png",
    ]


def test_a_model_without_auc_does_not_break_the_plots(tmp_path):
    rows = (Metrics("all", None, None, 0.3, 1, 2), Metrics("100-300", None, None, 0.3, 1, 2))
    write_comparison([TrialResult("eta", 1, "f", {}, Measured(rows, None, 1.0))], 1, tmp_path)
    assert cells((tmp_path / "compare.md").read_text().partition("##")[0], "eta")[3] == "-"


def test_no_result_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="nothing to compare"):
        write_comparison([], 3, tmp_path)
