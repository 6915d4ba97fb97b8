"""What BiT and the stems of the hybrids have in common."""

from keras_vit.models.building import arguments

STANDARDIZATIONS = ("variance", "std", None)


def check_resnet(num_blocks, width_factor, **options):
    """Checks the arguments of a ResNet; those to replace, as plain values."""
    try:
        num_blocks = list(num_blocks)
    except TypeError:
        raise ValueError(
            "`num_blocks` must be a sequence, the number of units in each stage, "
            f"such as (3, 4, 6, 3). Received: num_blocks={num_blocks!r}"
        ) from None
    for units in num_blocks:
        arguments.check_positive(num_blocks=units)
    number = isinstance(width_factor, (int, float)) and width_factor > 0
    if not number or isinstance(width_factor, bool) or width_factor * 64 % 32:
        raise ValueError(
            "`width_factor` must be a positive multiple of 0.5: group norms divide "
            "each of their 64 * width_factor channels or more into 32 groups. "
            f"Received: width_factor={width_factor!r}"
        )
    arguments.check_choice(
        options["standardization"], STANDARDIZATIONS, "standardization"
    )
    return dict(
        num_blocks=[int(units) for units in num_blocks], width_factor=width_factor
    )
