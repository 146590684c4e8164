import dataclasses

import numpy as np

from lifelong.explain.charts import chart_of_searches, timeline
from lifelong.explain.text import describe
from tests.explain.looks import DAY, NOW, a_look, found


def test_events_are_told_newest_first_with_who_found_them():
    look = a_look()
    assert [event.position for event in look.events] == [1, 2, 3, 4]
    assert [event.found_by for event in look.events] == [
        ("hard",),
        ("soft", "eta"),
        ("hard", "soft"),
        (),
    ]
    assert [event.days_before for event in look.events] == [9, 20, 40, 300]
    assert [event.same_item for event in look.events] == [True, False, True, False]
    assert [event.same_category for event in look.events] == [True, False, True, True]
    assert [event.item for event in look.events] == [
        "item tea",
        "item cake",
        "item tea",
        "item 9",
    ]


def test_attention_is_told_head_by_head():
    look = a_look()
    assert look.heads == 2
    assert {event.position: event.attention for event in look.attended()} == {
        2: (0.75, 0.5),
        4: (0.25, 0.5),
    }
    plain = a_look(attended=False)
    assert plain.heads == 0
    assert plain.attended() == []
    assert [event.position for event in plain.events] == [1, 2, 3]


def test_counts_are_told_in_words():
    look = a_look()
    assert look.counts()[0] == ("events", "2", "1,200")
    assert look.counts()[4] == (
        "the last",
        "2017-12-23, 9 days before",
        "2017-12-31, 1 day before",
    )
    assert look.counts()[6][2] == "-"
    assert look.popularity()[3] == ("ever", "4", "4,000")


def test_what_the_model_does_with_the_history_is_told_of_the_events_that_it_was_sent():
    told = [
        (({}), ["1 of the short part", "3 of the long part", "1 that are counted alone"]),
        (({"long_length": 30}), ["1 of the short part", "4 of the long part"]),
        (({"short_length": 5}), ["5 of the short part"]),
        (({"short_length": 0, "long_length": 9}), ["5 of the long part"]),
    ]
    for changes, parts in told:
        look = a_look(**changes)
        found = [f"{part.events} {part.role}" for part in look.parts]
        assert [it.partition(",")[0] for it in found] == parts
        assert (
            f"sent the last 5 events before the request, of 1,000 in all, the newest first: {found[0]}"
            in describe(look, 3)
        )
        lines = timeline(look).chart.to_dict()["layer"][1]["data"]["values"]
        assert len(lines) == len(parts) - 1
        assert timeline(look).text.count("dashed line") == (len(parts) > 1)


def test_a_history_without_events_is_told():
    nothing = {key: np.zeros(0, np.int64) for key in ("item", "category", "timestamp")}
    look = a_look(history=nothing, items=(nothing_found(),))
    assert look.parts == []
    text = describe(look, 3)
    assert "model version 12, sent none of the user's 1,000 events\n" in text
    assert "if the long part were empty  0.2500  (it is)" in text
    assert "without any event            0.1250  (there is none)" in text
    assert "no search found an event: the long part is empty" in text
    assert "evidence: the last 0 events before the request" in text


def test_evidence_names_the_events_that_it_counts():
    look = a_look(evidence_length=2)
    assert "evidence: the last 2 events before the request" in describe(look, 3)
    assert "older ones are not counted either" in describe(look, 3)
    plain = a_look(evidence_length=0)
    assert "(the short part stays)" in describe(plain, 3)
    assert "(older ones are not sent)" in describe(plain, 3)


def test_the_chart_of_searches_says_how_many_events_a_search_finds():
    assert "at most 2 events of the long part" in chart_of_searches(a_look()).text


def test_the_text_tells_scores_searches_attention_and_counts():
    text = describe(a_look(), most=3)
    assert "user anna on 2018-01-01, item tea, drinks" in text
    assert "score                        0.5000  (as Predict gives it)" in text
    assert "if the long part were empty  0.2500  (counts and the short part stay)" in text
    assert "of the last 1 event alone    0.1250  (older ones are not counted either)" in text
    assert "hard search  2 events, 2 of the item, 2 of its category, 9 to 40 days before" in text
    assert "ETA search   1 event, 0 of the item, 0 of its category, 20 days before" in text
    rows = text.partition("\nevent ")[2].splitlines()
    # The largest attention first.
    assert rows[1].split()[:6] == ["2017-12-11", "20", "soft,", "eta", "0.750", "0.500"]
    assert "and 1 more event" in text
    assert text.endswith("50")


def test_a_look_without_events_says_so():
    empty = a_look(attended=False)
    none = dict.fromkeys(empty.candidate.searches, found())
    item = dataclasses.replace(
        empty.candidate, attended=None, searches=none, evidence={}, statistics={}
    )
    text = describe(a_look(items=(item,)), most=3)
    assert "no search found an event" in text
    assert "evidence" not in text


def points_and_lines(figure):
    """Times of the points that a chart draws, and of its lines."""
    points, lines = (layer["data"]["values"] for layer in figure.chart.to_dict()["layer"])
    return points, [line["time"] for line in lines]


def test_lines_of_the_timeline_lie_between_the_events_of_the_parts():
    """Also where a part ends within a week."""
    day = NOW - DAY
    history = {
        "item": np.array([7, 7, 7, 7]),
        "category": np.array([1, 1, 1, 1]),
        # The newest two are the short part; all lie in the week of Monday 2017-12-25.
        "timestamp": np.array([day, day - 3_600, day - 7_200, day - 10_800]),
    }
    look = a_look(history=history, short_length=2, long_length=9, items=(nothing_found(),))
    points, (line,) = points_and_lines(timeline(look))
    assert [(point["events"], point["time"] > line) for point in points] == [(2, True), (2, False)]
    assert {point["week of"] for point in points} == {"2017-12-25"}
    assert points[0]["time"] == 1_000 * (day - 1_800)


def test_short_histories_have_axes_of_days():
    axes = []
    for days in (10, 400):
        history = {
            "item": np.array([7]),
            "category": np.array([1]),
            "timestamp": np.array([NOW - days * DAY]),
        }
        figure = timeline(a_look(history=history, items=(nothing_found(),)))
        axes.append(figure.chart.to_dict()["layer"][0]["encoding"]["x"]["axis"]["format"])
    assert axes == ["%d %b %Y", "%b %Y"]


def nothing_found():
    item = a_look().candidate
    return dataclasses.replace(item, attended=None, searches=dict.fromkeys(item.searches, found()))
