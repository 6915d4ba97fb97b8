"""What the model of a recipe costs, found before it is built."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import keras

from keras_vit.costs.flops import forward_flops
from keras_vit.costs.memory import estimate_training
from keras_vit.devices import current
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.run.batches import check_batch
from keras_vit.training.run.build import build_model


@dataclasses.dataclass(frozen=True)
class DataFacts:
    """What must be known of data before a model for them is built."""

    # (height, width) where all images have one size, else `None`.
    image_size: tuple[int, int] | None
    # 1 if all images are grey, else 3.
    num_channels: int
    num_classes: int
    # Images to train on, and those to compare by.
    num_training: int
    num_validation: int

    def __post_init__(self):
        if isinstance(self.image_size, list):  # from JSON
            object.__setattr__(self, "image_size", tuple(self.image_size))


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a model costs, found before it is built."""

    parameters: int
    # Floating-point operations of one forward pass of one image, in 1e9; a multiply-add
    # counts as two.
    gflops: float
    # Bytes that training it needs at most, as `estimate_training` finds them.
    memory: int


def measure_recipe(recipe, facts) -> Cost:
    """Parameters, operations and memory of a recipe, without building its model.

    The layers are put together as they would be, but no weight is made, so that the
    cost of a model is known on a machine that could never hold it.

    Args:
        recipe: A `Recipe`.
        facts: `DataFacts` of its data.

    Returns:
        A `Cost`. The memory is that of one device of those in force.

    Raises:
        ValueError: if the recipe contradicts itself, its data or its devices.

    Example:

    >>> measure_recipe(Recipe(model="ViT_H14", image_size=224), facts).parameters
    630275850
    """
    check_batch(recipe)
    # Both need values, which an outline lacks: weights of a file, and the head's bias.
    recipe = dataclasses.replace(recipe, weights=None, head_bias=0.0)
    arguments = model_arguments(
        recipe, native_size=facts.image_size, num_channels=facts.num_channels
    )
    devices = current()
    parts = devices.num_hosts if devices.kind == "cpu" else devices.num_replicas

    def measure():
        # A variable that is made in here has a shape, but no value.
        with keras.StatelessScope(initialize_variables=False):
            model = build_model(recipe, facts.num_classes, arguments)
        memory = estimate_training(
            model,
            -(-recipe.batch_size // parts),
            optimizer=recipe.optimizer,
            momentum_dtype=recipe.momentum_dtype,
            accumulation_steps=recipe.accumulation_steps,
            average=recipe.ema_momentum is not None,
        )
        gflops = forward_flops(model) / 1e9
        return Cost(model.count_params(), gflops, memory.total)

    # Keras lists variables without values, to fill them in later, for each thread. The
    # list of a thread that has ended is never filled in.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(measure).result()
