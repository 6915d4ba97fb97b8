import golden
import keras
import numpy as np
import pytest

from keras_vit.training.optimizers.schedules import WarmupSchedule


@pytest.mark.parametrize("case", range(4))
def test_the_schedule_is_that_of_the_official_code(case):
    settings = golden.config("train/schedules.json")["cases"][f"schedule.{case}"]
    arrays = golden.arrays("train/schedules.npz")
    schedule = WarmupSchedule(
        settings["base"],
        settings["total_steps"],
        warmup_steps=settings["warmup_steps"],
        decay=settings["decay_type"],
        end=settings.get("linear_end", 1e-5),
    )
    steps = arrays[f"schedule.{case}.step"]
    rates = [float(schedule(int(step))) for step in steps]
    # Near the end of a cosine, float32 leaves a few parts in 1e8 of the base rate.
    np.testing.assert_allclose(
        rates, arrays[f"schedule.{case}.lr"], rtol=2e-6, atol=1e-7 * settings["base"]
    )


def test_the_first_update_of_a_warmup_has_a_rate_of_zero():
    assert float(WarmupSchedule(1.0, 10, warmup_steps=4)(0)) == 0.0
    assert float(WarmupSchedule(1.0, 10, warmup_steps=0)(0)) == 1.0


def test_a_constant_rate_stays_after_its_warmup():
    schedule = WarmupSchedule(0.5, 10, warmup_steps=2, decay="constant")
    assert [float(schedule(step)) for step in (1, 2, 9)] == [0.25, 0.5, 0.5]


def test_rsqrt_falls_after_its_warmup_and_cools_down_to_zero():
    schedule = WarmupSchedule(
        0.5, 1000, warmup_steps=10, decay="rsqrt", timescale=30, cooldown_steps=100
    )
    steps = np.arange(1001)
    rates = keras.ops.convert_to_numpy(schedule(steps))
    expected = 0.5 / np.sqrt(1 + np.maximum(steps - 10, 0) / 30)
    expected *= np.minimum(1, steps / 10) * np.minimum(1, (1000 - steps) / 100)
    np.testing.assert_allclose(rates, expected, rtol=1e-6, atol=1e-9)
    assert rates[40] == pytest.approx(0.5 / 2**0.5) and rates[1000] == 0


def test_bit_divides_by_ten_after_each_step_but_not_at_it():
    schedule = WarmupSchedule(1.0, 50, warmup_steps=2, decay="bit", decay_at=(10, 20))
    steps = [0, 1, 2, 10, 11, 20, 21, 49]
    rates = [float(schedule(step)) for step in steps]
    np.testing.assert_allclose(rates, [0, 0.5, 1, 1, 0.1, 0.1, 0.01, 0.01], rtol=1e-6)


def test_plateaus_may_have_rates_of_their_own():
    schedule = WarmupSchedule(
        5e-4, 20, decay="bit", decay_at=(1, 4), decay_to=(0.4, 0.02)
    )
    rates = [float(schedule(step)) for step in (1, 2, 4, 5)]
    np.testing.assert_allclose(rates, [5e-4, 2e-4, 2e-4, 1e-5], rtol=1e-6)


def test_exponential_decay_goes_by_stairs_which_the_warmup_hides():
    # 2.4 passes of 625.57 updates, as EfficientNet's, and 5 passes of warm-up.
    every = 2.4 * 1281167 / 2048
    schedule = WarmupSchedule(
        0.128, 218_949, warmup_steps=3127, decay="exponential", every=every
    )
    steps = np.array([0, 1600, 3126, 3127, 4503, 4505, 218_948])
    expected = 0.128 * np.where(steps < 3127, steps / 3127, 0.97 ** (steps // every))
    rates = keras.ops.convert_to_numpy(schedule(steps))
    np.testing.assert_allclose(rates, expected, rtol=1e-5)
    assert rates[4] / rates[5] == pytest.approx(1 / 0.97)


def test_every_decay_may_cool_down():
    schedule = WarmupSchedule(1.0, 10, decay="constant", cooldown_steps=4)
    assert [float(schedule(s)) for s in (0, 6, 8, 10, 11)] == [1, 1, 0.5, 0, 0]


def test_the_schedule_is_saved_with_an_optimizer():
    schedule = WarmupSchedule(0.5, 10, warmup_steps=2, decay="linear", end=0.1)
    config = keras.saving.serialize_keras_object(keras.optimizers.SGD(schedule))
    again = keras.saving.deserialize_keras_object(config)
    assert again._learning_rate.get_config() == schedule.get_config()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"decay": "cosin"}, "'cosine', 'linear', 'rsqrt', 'bit', 'exponential"),
        ({"warmup_steps": 10}, "warmup_steps=10, total_steps=10"),
        ({"warmup_steps": -1}, "warmup_steps=-1"),
        ({"warmup_steps": 4, "cooldown_steps": 7}, "cooldown_steps=7, warmup_steps=4"),
    ],
)
def test_a_contradiction_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        WarmupSchedule(0.1, 10, **arguments)
