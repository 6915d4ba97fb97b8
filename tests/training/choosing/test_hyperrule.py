"""BiT-HyperRule at its boundaries, against the paper's and the code's numbers."""

import numpy as np
import pytest

from keras_vit.training import BiTHyperRule, build_schedule


@pytest.mark.parametrize(
    "examples, size, supports, mixup",
    [
        (1, "small", (100, 200, 300, 400, 500), 0.0),
        (19_999, "small", (100, 200, 300, 400, 500), 0.0),
        (20_000, "medium", (500, 3000, 6000, 9000, 10_000), 0.1),
        (499_999, "medium", (500, 3000, 6000, 9000, 10_000), 0.1),
        (500_000, "large", (500, 6000, 12_000, 18_000, 20_000), 0.1),
    ],
)
def test_the_schedule_of_the_code(examples, size, supports, mixup):
    rule = BiTHyperRule(examples, 224)
    assert (rule.size, rule.supports, rule.mixup) == (size, supports, mixup)
    assert rule.total_steps == supports[-1]


@pytest.mark.parametrize("examples", [19_999, 20_000, 499_999, 500_000])
def test_the_schedule_of_the_paper_falls_at_30_60_and_90_percent(examples):
    rule = BiTHyperRule(examples, 224, version="paper")
    warmup, *falls, end = rule.supports
    assert warmup == 0 and [fall / end for fall in falls] == [0.3, 0.6, 0.9]
    assert end == BiTHyperRule(examples, 224).total_steps


@pytest.mark.parametrize(
    "image_size, version, model, resolution",
    [
        (95, "code", "BiT_R50x1", (160, 128)),
        ((96, 95), "code", "BiT_R50x1", (160, 128)),
        (96, "code", "BiT_R50x1", (512, 480)),  # not smaller than 96 x 96
        ((90, 110), "paper", "BiT_R50x1", (448, 384)),  # the area counts
        (96, "paper", "BiT_R50x1", (448, 384)),
        (96, "paper", "BiT_R152x4", (512, 480)),
        (32, "paper", "BiT_R152x4", (160, 128)),
    ],
)
def test_the_resolution(image_size, version, model, resolution):
    rule = BiTHyperRule(100, image_size, version, model)
    assert (rule.resize, rule.crop) == resolution


def test_the_rate_of_the_code_step_by_step():
    rule = BiTHyperRule(100, 32)
    expected = {0: 0, 50: 0.0015, 99: 0.00297, 100: 0.003, 200: 0.003, 201: 3e-4}
    expected |= {300: 3e-4, 301: 3e-5, 400: 3e-5, 401: 3e-6, 499: 3e-6}
    for step, rate in expected.items():
        assert rule.learning_rate(step) == pytest.approx(rate), step
    assert rule.learning_rate(500) is None


@pytest.mark.parametrize("version", ["code", "paper"])
@pytest.mark.parametrize("examples", [100, 50_000, 1_000_000])
def test_the_recipe_has_the_rates_of_the_rule(version, examples):
    rule = BiTHyperRule(examples, 224, version)
    recipe = rule.to_recipe(data="cifar10")
    assert recipe.data == "cifar10" and recipe.total_steps == rule.total_steps
    schedule = build_schedule(recipe, recipe.total_steps)
    for support in rule.supports:
        for step in (support - 1, support, support + 1):
            if 0 <= step < rule.total_steps:
                expected = rule.learning_rate(step)
                assert float(schedule(step)) == pytest.approx(expected, rel=1e-5)
    assert recipe.scaled_to(128).total_steps == 4 * rule.total_steps


def test_the_recipe_has_the_crop_and_the_mixup_of_the_rule():
    recipe = BiTHyperRule(50_000, 32).to_recipe()
    assert recipe.augment == ("resize(160)|random_crop(128)|flip|mixup(0.1,form='bit')")
    assert (recipe.image_size, recipe.weight_decay) == (128, 0.0)
    assert recipe.global_clipnorm is None
    assert "mixup" not in BiTHyperRule(100, 32).to_recipe().augment


def test_the_rule_prints_itself_and_refuses_nonsense():
    text = str(BiTHyperRule(50_000, (32, 32)))
    assert "medium" in text and "3,000, 6,000, 9,000" in text and "160" in text
    with pytest.raises(ValueError, match="version='papers'"):
        BiTHyperRule(100, 32, "papers")
    with pytest.raises(ValueError, match="num_examples=0"):
        BiTHyperRule(0, 32)
    for size in (None, 0, (32, 0), (32,), (32, 32, 3), 32.5, (None, None)):
        with pytest.raises(ValueError, match=r"pair \(height, width\).*image_size="):
            BiTHyperRule(5, size)
    with pytest.raises(ValueError, match="num_examples=None"):
        BiTHyperRule(None, 32)
    assert BiTHyperRule(np.int64(5), [32, 48]).crop == 128
