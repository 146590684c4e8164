import dataclasses

from lifelong.explain.look import spoken_gap
from lifelong.explain.text import describe
from tests.explain.looks import a_look, found


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


def test_gaps_are_told_in_their_largest_unit():
    gaps = (0, 1, 119, 3_600, 2 * 86_400 - 1)
    assert [spoken_gap(gap) for gap in gaps] == [
        "0 seconds",
        "1 second",
        "1 minute",
        "1 hour",
        "1 day",
    ]


def test_the_text_tells_scores_searches_attention_and_counts():
    text = describe(a_look(), most=3)
    assert "user anna on 2018-01-01, item tea, drinks" in text
    assert "sent the last 5 of 1,000 events: 1 are the short part" in text
    assert "score                         0.5000" in text
    assert "if the long part were empty   0.2500" in text
    assert "of the last 1 events alone    0.1250" in text
    assert "hard search  2 events, 2 of the item, 2 of its category, 9 to 40 days before" in text
    assert "ETA search   1 events, 0 of the item, 0 of its category, 20 to 20 days before" in text
    rows = text.partition("\nevent ")[2].splitlines()
    # The largest attention first.
    assert rows[1].split()[:6] == ["2017-12-11", "20", "soft,", "eta", "0.750", "0.500"]
    assert "and 1 more events" in text
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
