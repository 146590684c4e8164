import pytest
import tensorflow as tf

from lifelong.report.training_section import Epoch, best_epoch, read_epochs


def epoch(number, auc):
    return Epoch(number, 0.3, 0.7, 0.4, auc)


def test_the_first_of_the_best_epochs_is_kept():
    assert best_epoch([epoch(1, 0.7), epoch(2, 0.8), epoch(3, 0.8)]) == 2
    assert best_epoch([epoch(1, None)]) is None
    assert best_epoch([]) is None


@pytest.fixture
def logs(tmp_path):
    """Logs of a training as Keras writes them, of which the second epoch was done again."""
    for part, base in (("train", 0.2), ("validation", 0.4)):
        for steps in ((0, 1), (1, 2)):
            writer = tf.summary.create_file_writer(str(tmp_path / part), filename_suffix=str(steps))
            with writer.as_default():
                for step in steps:
                    again = 0.05 * (steps == (1, 2) and step == 1)
                    tf.summary.scalar("epoch_loss", base + step / 10 + again, step)
                    tf.summary.scalar("epoch_auc", 0.5 + base + step / 100, step)
                    tf.summary.scalar("batch_loss", 9.0, step)
            writer.close()
    return str(tmp_path)


def test_epochs_are_read_and_one_that_was_done_again_counts_as_the_last_time(logs):
    epochs = read_epochs(logs)
    assert [epoch.number for epoch in epochs] == [1, 2, 3]
    assert [epoch.loss for epoch in epochs] == pytest.approx([0.2, 0.35, 0.4])
    assert [epoch.validation_loss for epoch in epochs] == pytest.approx([0.4, 0.55, 0.6])
    assert epochs[2].validation_auc == pytest.approx(0.92)


def test_a_folder_without_logs_has_no_epochs(tmp_path):
    assert read_epochs(str(tmp_path)) == []


def test_without_a_validation_its_values_are_not_there(logs, tmp_path):
    tf.io.gfile.rmtree(f"{logs}/validation")
    assert {(e.validation_loss, e.validation_auc) for e in read_epochs(logs)} == {(None, None)}
