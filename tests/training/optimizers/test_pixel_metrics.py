import numpy as np
import pytest

from keras_vit.evaluation.masks import MaskConfusion
from keras_vit.training.optimizers.pixel_metrics import PixelAccuracy, PixelMeanIoU


@pytest.fixture
def batches():
    """Two batches, the second one short, without class 3 and with a filled-up image."""
    random = np.random.default_rng(0)
    found = []
    for count in (3, 2):
        masks = random.integers(0, 3, (count, 4, 5))
        masks[random.random(masks.shape) < 0.2] = 255
        logits = random.normal(size=(count, 4, 5, 4)).astype("float32")
        logits[..., 3] -= 9  # nobody says the class that nobody has
        weights = np.full(count, 1.25, "float32")
        found.append((masks, logits, weights))
    found[-1][2][-1] = 0
    return found


@pytest.mark.parametrize("by_pixel", [False, True])
def test_the_metrics_are_those_of_the_confusion_matrix(batches, by_pixel):
    metrics = PixelAccuracy(4), PixelMeanIoU(4)
    confusion = MaskConfusion(4)
    for masks, logits, weights in batches:
        kept = weights > 0
        if by_pixel:
            weights = weights[:, None, None] * (masks != 255)
        for metric in metrics:
            metric.update_state(masks, logits, weights)
        confusion.update(masks[kept], logits[kept].argmax(-1))
    scores = confusion.scores()
    assert np.isnan(scores.iou[3])  # so that the mean leaves it out
    found = [float(metric.result()) for metric in metrics]
    expected = [scores.pixel_accuracy, scores.mean_iou]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    for metric in metrics:
        metric.reset_state()
        assert float(metric.result()) == 0.0


def test_a_metric_is_made_again_from_its_config():
    for metric in (PixelAccuracy(4), PixelMeanIoU(4)):
        assert type(metric).from_config(metric.get_config()).num_classes == 4
