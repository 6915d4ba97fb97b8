"""The results of a study as Hugging Face's model index, YAML for a model card."""

import json


def model_index(tables):
    """The means of a study as a `model-index`, as model cards hold it.

    Args:
        tables: `Tables`.

    Returns:
        String, YAML. Each value names the folder of its cells as `source`; only arms
        with a finished cell are there.

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
            data = cells[0].recipe.data.partition(":")[0]
            folder = cells[0].name.rpartition("/")[0]
            spread = "" if s.sd is None else f" ± {s.sd:.2f}"
            lines += [
                "  - task:",
                "      type: image-classification",
                "    dataset:",
                f"      name: {_quoted(f'{data} {s.level}'.strip())}",
                f"      type: {_quoted(data)}",
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


def _quoted(text):
    """A string that YAML reads as this text, whatever is in it: JSON is YAML."""
    return json.dumps(text, ensure_ascii=False)
