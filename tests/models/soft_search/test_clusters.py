import numpy as np
import tensorflow as tf

from lifelong.models.soft_search.clusters import find_centers, nearest_center

CORNERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 20.0]], np.float32)
# Around each corner, whose mean they have.
AROUND = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]], np.float32)


def test_the_nearest_center_is_that_of_the_smallest_distance_not_of_the_largest_product():
    vectors = tf.constant([[1.0, 1.0], [6.0, 1.0], [4.0, 9.0], [1.0, 11.0]])
    cluster = nearest_center(vectors, tf.constant(CORNERS))
    assert cluster.numpy().tolist() == [0, 1, 0, 2]
    assert cluster.dtype == tf.int32


def test_centers_are_the_means_of_the_vectors_that_are_nearest_to_them():
    vectors = tf.constant((CORNERS[:, np.newaxis] + AROUND).reshape(-1, 2))
    centers = find_centers(vectors, 2).numpy()
    cluster = nearest_center(vectors, tf.constant(centers)).numpy()
    assert set(cluster) == {0, 1}
    means = [vectors.numpy()[cluster == each].mean(axis=0) for each in (0, 1)]
    np.testing.assert_allclose(centers, means, atol=1e-5)
    np.testing.assert_array_equal(find_centers(vectors, 2), centers)


def test_as_many_centers_as_vectors_are_the_vectors():
    centers = find_centers(tf.constant(CORNERS), 3).numpy()
    np.testing.assert_array_equal(centers[np.lexsort(centers.T)], CORNERS)


def test_a_cluster_without_vectors_keeps_its_center():
    """Of equal vectors the first center takes all."""
    centers = find_centers(tf.constant([[1.0, 2.0]] * 4), 3)
    np.testing.assert_array_equal(centers, [[1.0, 2.0]] * 3)
