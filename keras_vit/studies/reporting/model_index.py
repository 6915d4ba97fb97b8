"""The results of a study as Hugging Face's model index, YAML for a model card."""

import json
from pathlib import PurePath

from keras_vit.data.sets.known import KNOWN
from keras_vit.studies.planning.data import split_off

# The type of a data set that is nobody else's: values of it stand in no leaderboard.
OWN = "custom"


def model_index(tables):
    """The means of a study as a `model-index`, as model cards hold it.

    Args:
        tables: `Tables`.

    Returns:
        String, YAML. Each value names the folder of its cells as `source`; only arms
        with a finished cell are there. The type of a data set is its name where the
        published test images were tested on, all of them; else it is `"custom"`, as of
        the user's own data, of which the last part of the path is the name.

    Reference: https://github.com/huggingface/hub-docs/blob/main/modelcard.md
    """
    grid = tables.grid
    lines = ["model-index:"]
    for arm in grid.study.arms:
        entries = [s for s in tables.summaries if s.arm == arm and s.n]
        if not entries:
            continue
        lines += [f"- name: {_quoted(f'{grid.study.name}: {arm}')}", "  results:"]
        for s in entries:
            cells = [c for c in grid.cells if (c.arm, c.level) == (arm, s.level)]
            folder = cells[0].name.rpartition("/")[0]
            spread = "" if s.sd is None else f" ± {s.sd:.2f}"
            lines += [
                "  - task:",
                "      type: image-classification",
                "    dataset:",
                *_dataset(cells[0].recipe, s.level),
                "    metrics:",
                "    - type: accuracy",
                f"      name: {_quoted(f'test accuracy, %: mean{spread}, n = {s.n}')}",
                f"      value: {s.mean:.2f}",
                "      verified: false",
                "    source:",
                f"      name: {_quoted('runs of this study')}",
                f"      url: {_quoted(f'cells/{folder}')}",
            ]
    return "\n".join(lines) + "\n"


def _dataset(recipe, level):
    """The lines that say on which images a value was reached."""
    data, split = split_off(recipe.data)[0].partition(":")[0], recipe.test_split
    splits = KNOWN[data].splits.keys() - {"train"} if data in KNOWN else set()
    whole = splits & ({split} if split else {"test", "validation"})
    name = f"{data if data in KNOWN else PurePath(data).name} {level}".strip()
    yield f"      name: {_quoted(name + f', tested on {split}' * bool(split))}"
    yield f"      type: {_quoted(data if whole else OWN)}"
    if split:
        yield f"      split: {_quoted(split)}"


def _quoted(text):
    """A string that YAML reads as this text, whatever is in it: JSON is YAML."""
    return json.dumps(text, ensure_ascii=False)
