import numpy as np
import pytest
import tensorflow as tf

from lifelong.data.ids import ID_SPACE, string_id, string_ids

TEXTS = ["bread", "", "FRZN ICE", "Äpfel", "7", "x" * 1000]


def test_ids_equal_those_of_tensorflow():
    expected = tf.strings.to_hash_bucket_fast(TEXTS, ID_SPACE).numpy()
    np.testing.assert_array_equal(string_ids(TEXTS), expected)
    assert [string_id(text) for text in TEXTS] == expected.tolist()


def test_arrays_and_no_texts_at_all():
    assert string_ids(np.array(["bread"])).tolist() == [string_id("bread")]
    assert string_ids([]).dtype == np.int64


@pytest.mark.parametrize("value", [7, None, float("nan")])
def test_only_text_has_a_text_id(value):
    with pytest.raises(TypeError, match="must be text, got"):
        string_ids([value])
