import json
import re

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from lifelong.data.ids import (
    ID_SPACE,
    LEADING_ZEROS,
    NEGATIVE,
    NO_INTEGER,
    NUL,
    ROUNDED,
    TOO_LARGE,
    fingerprint,
    id_of,
    ids_of,
    number_ids,
    text_ids,
)
from lifelong.data.logs.id_values import parse_ids

TEXTS = ["bread", "", "FRZN ICE", "Äpfel", "7", "x" * 1000]


def test_fingerprints_equal_those_of_tensorflow():
    expected = tf.strings.to_hash_bucket_fast(TEXTS, ID_SPACE).numpy()
    assert [fingerprint(text) for text in TEXTS] == expected.tolist()


@pytest.mark.parametrize(
    "value",
    [1017, "1017", " 1017 ", "1017.0", "1017.000", 1017.0, np.uint64(1017), np.float32(1017)],
)
def test_an_integer_is_one_id_whatever_carries_it(value):
    assert id_of(value) == 1017


@pytest.mark.parametrize(
    "text",
    [
        "1E5",
        "1e5",
        "+5",
        "1,000",
        "1_000",
        "1.5",
        "5.",
        ".0",
        "0x10",
        "٣",
        "²",
        "12a",
        "1017.0a",
        "nan",
        "None",
        "true",
        "--5",
        "1.0.0",
    ],
)
def test_what_is_no_canonical_integer_is_text(text):
    assert id_of(text) == fingerprint(text)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("007", LEADING_ZEROS),
        ("00", LEADING_ZEROS),
        ("007.0", LEADING_ZEROS),
        ("-5", NEGATIVE),
        ("-5.0", NEGATIVE),
        ("-0", NEGATIVE),
        (-5, NEGATIVE),
        (-5.0, NEGATIVE),
        (str(2**63), TOO_LARGE),
        (2**63, TOO_LARGE),
        (np.uint64(2**63 + 5), TOO_LARGE),
        ("9" * 5000, TOO_LARGE),
        (2.0**53, ROUNDED),
        (np.float32(2**24), ROUNDED),
        (np.float16(2**11), ROUNDED),
        (1.5, NO_INTEGER),
        (float("nan"), NO_INTEGER),
        (float("inf"), NO_INTEGER),
        ("a\0b", NUL),
        ("", "empty"),
        ("  ", "empty"),
    ],
)
def test_what_may_be_another_id_is_refused_with_the_reason(value, why):
    with pytest.raises(ValueError, match=rf"is no id: {re.escape(why)}$"):
        id_of(value)


def test_the_ends_of_the_range_are_ids():
    assert id_of("0") == id_of(0) == id_of("0.0") == id_of(-0.0) == 0
    assert id_of(str(2**63 - 1)) == id_of(2**63 - 1) == 2**63 - 1
    assert id_of(2.0**53 - 1) == 2**53 - 1


def test_in_a_column_declared_text_digits_are_text():
    assert id_of("007", is_text=True) == fingerprint("007")
    assert id_of("7", is_text=True) == id_of(7, is_text=True) == fingerprint("7")
    assert id_of("-7", is_text=True) == fingerprint("-7")
    assert id_of(7.0, is_text=True) == fingerprint("7")


@pytest.mark.parametrize("value", [None, b"7", [7]])
def test_only_texts_and_numbers_have_ids(value):
    with pytest.raises(TypeError, match="made of text or a number, got"):
        ids_of([value])


def test_half_a_surrogate_pair_is_no_text():
    with pytest.raises(ValueError, match="surrogates"):
        id_of("\ud800")


def test_arrays_and_nothing_at_all():
    assert ids_of(np.array(["bread"])).tolist() == [fingerprint("bread")]
    assert ids_of([]).dtype == np.int64
    for ids, faults in (text_ids([]), number_ids(np.zeros(0)), number_ids(np.zeros(0), True)):
        assert (len(ids), ids.dtype, faults) == (0, np.int64, {})


def test_one_refused_value_leaves_the_others():
    ids, faults = text_ids(["5", "-5", "05", "x", "5.0"])
    assert ids.tolist() == [5, 0, 0, fingerprint("x"), 5]
    assert {name: mask.tolist() for name, mask in faults.items()} == {
        NEGATIVE: [False, True, False, False, False],
        LEADING_ZEROS: [False, False, True, False, False],
    }


def test_columns_of_any_type_agree_with_single_values():
    """The rule is one: for a random mix of integers, each type that holds them gives the same."""
    numbers = np.random.default_rng(5).integers(0, 120, 50).tolist()
    for kind in (pa.int8(), pa.uint8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64()):
        assert parse_ids(pa.array(numbers, kind)).values.tolist() == numbers
    for texts in (map(str, numbers), (f"{n}.0" for n in numbers), map(json.dumps, numbers)):
        assert parse_ids(pa.array(list(texts))).values.tolist() == numbers
    assert ids_of(numbers).tolist() == numbers
