"""TFDS builders by name or directory, with their data prepared."""

import contextlib
import os
import pathlib
import re

from keras_vit.common.wording import hint
from keras_vit.data.sets.catalog import DEFAULT_DATA_DIR, EMBEDDED, NOT_IN_TFDS
from keras_vit.data.sets.downloads import quiet

EMBEDDED_DIR = pathlib.Path(__file__).parents[1] / "embedded"
MANY_FILES = 100  # that a folder of versions does not have
VERSION = r"\d+\.[\d*]+\.[\d*]+"


def find_builder(place, data_dir=None):
    """A TFDS builder, and whether its data are prepared. Asks no host.

    Args:
        place: A `pathlib.Path` for which `prepared_directory` finds something, or a
            TFDS name, `"name"`, `"name/config"`, `"name:version"`.
        data_dir: Where TFDS keeps prepared data, or None.

    Raises:
        ValueError: if there is no such name, with the closest ones.
    """
    import tensorflow_datasets as tfds

    root = data_root(data_dir)
    directory = directory_of(place, data_dir)
    with quiet(), without_bucket():
        if directory is not None:
            return tfds.builder_from_directory(str(directory)), True
        try:
            builder = tfds.builder(place, data_dir=str(root), try_gcs=False)
        except tfds.core.registered.DatasetNotFoundError:
            raise ValueError(_unknown(place, root)) from None
        except ValueError as error:  # an unknown config or version
            raise ValueError(f"{place}: {error}") from None
    there = os.path.exists(os.path.join(builder.data_dir, "dataset_info.json"))
    return builder, there


@contextlib.contextmanager
def without_bucket():
    """Keeps TFDS from looking for facts of a set in its cloud while the block lasts.

    It has switched that off itself, but leaves an empty temporary folder behind each
    time.
    """
    import tensorflow_datasets as tfds

    info = tfds.core.DatasetInfo
    before = info.initialize_from_bucket
    info.initialize_from_bucket = lambda self: None
    try:
        yield
    finally:
        info.initialize_from_bucket = before


def data_root(data_dir=None) -> pathlib.Path:
    """Where TFDS keeps prepared data."""
    root = data_dir or os.environ.get("TFDS_DATA_DIR") or DEFAULT_DATA_DIR
    return pathlib.Path(root).expanduser()


def directory_of(place, data_dir=None) -> pathlib.Path | None:
    """The prepared directory of a place or name that can be read without TFDS code."""
    if isinstance(place, pathlib.Path):
        return prepared_directory(place)
    if place in EMBEDDED:
        return EMBEDDED_DIR / place / EMBEDDED[place].version
    return _prepared_by_name(data_root(data_dir), place)


def prepared_directory(path: pathlib.Path) -> pathlib.Path | None:
    """The prepared directory that a path means: itself, or its latest version."""
    if (path / "dataset_info.json").is_file():
        return path
    if not path.is_dir():
        return None
    inner = [child for child in sorted(path.iterdir()) if child.is_dir()]
    if version := _latest(inner):
        return version
    configs = [found for child in inner if (found := _latest(_folders_of_few(child)))]
    if len(configs) > 1:
        raise ValueError(
            f"{path} holds several prepared data sets. Name one: "
            f"{', '.join(str(config.parent) for config in configs)}"
        )
    return configs[0] if configs else None


def _folders_of_few(path):
    """The folders in a folder; none where many files are, which no set has here.

    So a folder of a hundred thousand images is not listed.
    """
    found, files = [], 0
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir():
                    found.append(pathlib.Path(entry.path))
                elif (files := files + 1) > MANY_FILES:
                    return []
    except OSError:  # it may not be looked into
        return []
    return found


def _latest(directories):
    versions = [
        directory
        for directory in directories
        if re.fullmatch(VERSION, directory.name)
        and (directory / "dataset_info.json").is_file()
    ]
    numbers = {v: [int(n) for n in v.name.split(".")] for v in versions}
    return max(versions, key=numbers.get) if versions else None


def _prepared_by_name(root, name):
    """What lies in the data directory; not what TFDS can only read with its code."""
    name, _, version = name.partition(":")
    path = root / name / version
    try:
        found = prepared_directory(path) if path.is_dir() else None
    except ValueError:  # several configs: TFDS knows the default one
        return None
    return found if found and (found / "features.json").is_file() else None


def _unknown(name, root):
    import tensorflow_datasets as tfds

    if name in NOT_IN_TFDS:
        return NOT_IN_TFDS[name].how
    known = [*EMBEDDED, *tfds.list_builders(with_community_datasets=False)]
    return (
        f"There is no data set {name!r} in TFDS, none prepared in {root}, and no such "
        f"folder here.{hint(re.split('[/:]', name)[0], known, str)}"
    )
