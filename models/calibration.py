"""The correction of predicted odds when negatives were sampled."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf


def corrected_logits(logits: tf.Tensor, negative_sampling_rate: float) -> tf.Tensor:
    """Returns the logits of all impressions, given those of sampled ones: logit + log(w).

    Of data in which each negative was kept with probability w, a model learns odds that are 1/w
    times too high; the order of scores is not affected. The probability p becomes
    p / (p + (1 - p) / w).

    Args:
        logits: Of any shape.
        negative_sampling_rate: w, above 0; 1 leaves the logits as they are.

    References:
        [Practical Lessons from Predicting Clicks on Ads at
        Facebook](https://doi.org/10.1145/2648584.2648589), section 6.3.
    """
    if negative_sampling_rate == 1:
        return logits
    return logits + math.log(negative_sampling_rate)


def uncorrected(scores: np.ndarray, negative_sampling_rate: float) -> np.ndarray:
    """Returns the probabilities that were corrected, in float64: q / (q + w (1 - q)).

    Unlike the correction itself, this loses no digits near 1 of scores that are float32.

    Args:
        scores: Probabilities of corrected logits, of any shape.
        negative_sampling_rate: w of the correction, above 0.
    """
    if negative_sampling_rate == 1:
        return scores
    wide = scores.astype(np.float64)
    return wide / (wide + negative_sampling_rate * (1 - wide))
