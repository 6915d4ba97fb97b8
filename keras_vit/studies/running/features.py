"""Features of the weights that cells begin with: computed once, shared by cells."""

import dataclasses
import hashlib
import json
import logging
import time
import zipfile
from pathlib import Path

import numpy as np

from keras_vit.common.files import replacing
from keras_vit.common.locks import exclusive
from keras_vit.common.wording import display
from keras_vit.costs.flops import forward_flops
from keras_vit.evaluation.probes.features import Extractor
from keras_vit.studies.parts import slug
from keras_vit.studies.running.data_prints import DataChanged, fingerprint
from keras_vit.studies.running.machines import check_machine, machine_differences
from keras_vit.studies.running.weights import weights_print
from keras_vit.training.model_arguments import model_arguments
from keras_vit.training.run.build import build_model

logger = logging.getLogger(__name__)

# Images at a time; the features do not depend on it.
BATCH = 32

_ARRAYS = ("train", "test", "train_labels", "test_labels")

# Fields of a recipe in these groups decide the features, but for what only training
# reads.
_GROUPS = ("data", "model", "weights", "memory")
_TRAINING = ("augment", "freeze", "head_bias", "validation_fraction")
_TRAINING += ("momentum_dtype", "accumulation_steps", "remat")


@dataclasses.dataclass(frozen=True)
class Frozen:
    """Features of a whole data set, and what they are of.

    Attributes:
        train, test: float32 arrays `(N, D)`, in the stored order.
        train_labels, test_labels: int32 arrays `(N,)`.
        parameters: Integer, weights of the model with its head.
        flops: Float, operations of one image forwards.
        mixed: Boolean, whether they were made on another kind of machine.
        waited: Float, seconds in which another process made them.
    """

    train: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray
    test_labels: np.ndarray
    parameters: int
    flops: float
    mixed: bool = False
    waited: float = 0.0


def first_model(recipe, source):
    """The model of a recipe before its first update.

    Args:
        recipe: A `Recipe`.
        source: The `keras_vit.data.Source` of its training images.
    """
    arguments = model_arguments(
        recipe, native_size=source.image_size, num_channels=source.num_channels
    )
    return build_model(recipe, source.num_classes, arguments)


def features_file(recipe, folder):
    """Where the features of a recipe's first weights are kept.

    Args:
        recipe: A `Recipe` of whole data.
        folder: The `StudyFolder`, or `None`.

    Returns:
        Path of the file, which may not exist yet. Recipes that differ in training only
        share one.
    """
    key = hashlib.sha256(_key(recipe).encode()).hexdigest()[:12]
    root = folder.path if folder else Path()
    return root / "features" / f"{slug(recipe.model)}-{key}.npz"


def frozen_features(recipe, sources, folder, environment, progress=None, mixed=False):
    """The features of a recipe's first weights, from the file or into it.

    Of several processes one computes them, and the others wait for it.

    Args:
        recipe: A `Recipe` of whole data.
        sources: Its training and test `keras_vit.data.Source`s.
        folder: The `StudyFolder`.
        environment: What `describe_environment` says of this process.
        progress: `None`, or a function (images done, images in all of a part), which is
            also called, with zeros, while another process makes the features.
        mixed: Boolean, whether features of another kind of machine will do.

    Returns:
        A `Frozen`.

    Raises:
        DataChanged: if the images or weights are not those that the file was made of.
        OtherMachine: if it was made on another kind of machine and is not `mixed`.
        ValueError: if the file is damaged, or the model gives no features.
    """
    path = features_file(recipe, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    prints = [fingerprint(source) for source in sources]
    weights, asked = weights_print(recipe), time.monotonic()
    with exclusive(path.with_suffix(".lock"), meanwhile=_waiting(progress)):
        waited = time.monotonic() - asked
        if not path.exists():
            more = {"weights": weights, "environment": json.dumps(environment)}
            _write(recipe, sources, {"prints": prints, **more}, path, progress)
    try:
        with np.load(path) as file:
            found = {name: file[name] for name in file.files}
        frozen = Frozen(
            *(found[name] for name in _ARRAYS),
            int(found["parameters"]),
            float(found["flops"]),
        )
        known = found["prints"].tolist()
        # Files of version 0.2 have neither of the two.
        made_of = str(found["weights"]) if "weights" in found else None
        before = json.loads(str(found.get("environment", "null")))
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is damaged: {error}. Delete it: it is then made again."
        ) from None
    if known != prints:
        raise DataChanged(
            f"The images of {recipe.data} have changed since {path} was made. Bring "
            "them back as they were, or begin the study in another folder. The "
            "finished cells stay."
        )
    if made_of is None and recipe.weights is not None:
        logger.warning(
            "%s is of an older version, which noted no hash of its weights: whether "
            "%s has changed since is not known.",
            *(path, recipe.weights),
        )
    elif made_of is not None and made_of != weights:
        raise DataChanged(
            f"The weights {recipe.weights} have changed since {path} was made. Bring "
            "them back as they were, or begin the study in another folder. The "
            "finished cells stay."
        )
    other = bool(before and machine_differences(before, environment))
    if other and not mixed:
        check_machine(display(path), before, environment, path)
    return dataclasses.replace(frozen, mixed=other, waited=waited)


def _waiting(progress):
    return None if progress is None else lambda: progress(0, 0)


def _write(recipe, sources, facts, path, progress):
    model = first_model(recipe, sources[0])
    extract = Extractor(model)
    train, test = (extract(source, BATCH, progress) for source in sources)
    arrays = (train.values, test.values, train.labels, test.labels)
    with replacing(path) as temporary:
        np.savez(
            temporary,
            **dict(zip(_ARRAYS, arrays)),
            parameters=model.count_params(),
            flops=forward_flops(model),
            recipe=_key(recipe),
            **facts,
        )


def _key(recipe):
    """What decides the features, as JSON; random weights are those of the seed."""
    fields = {
        name: getattr(recipe, name)
        for name, field in recipe.__dataclass_fields__.items()
        if field.metadata["group"] in _GROUPS and name not in _TRAINING
    }
    if recipe.weights is None:
        fields["seed"] = recipe.seed
    return json.dumps(fields, sort_keys=True)
