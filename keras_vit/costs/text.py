"""The facts of a model for people."""

from keras_vit.costs.memory import as_size
from keras_vit.costs.parts import PARTS


def as_text(facts):
    """A `ModelFacts` as lines of text."""
    height, width, channels = facts.image_shape
    lines = [
        f"{facts.name}: images of {height}x{width}x{channels}, {facts.dtype}",
        "",
        f"{'part':<24}{'parameters':>14}{'GFLOPs':>10}",
    ]
    flops = facts.flops or {}
    for part in dict.fromkeys((*facts.parameters, *flops)):
        count = facts.parameters.get(part, 0)
        lines.append(_row(PARTS.get(part, part), count, flops.get(part, 0)))
    whole = None if facts.flops is None else sum(flops.values())
    lines.append(_row("all", facts.num_parameters, whole))
    lines += ["", f"weights: {as_size(facts.weight_bytes)}", ""]
    head = f"{'batch':>8}{'activations':>14}{'training in all':>18}"
    lines.append(head + f"{'images/s':>12}" * bool(facts.speed))
    for size, estimate in facts.training.items():
        line = f"{size:>8,}{as_size(estimate.activations):>14}"
        line += f"{as_size(estimate.total):>18}"
        if size in facts.speed:
            line += f"{facts.speed[size]:>12.3g}"
        lines.append(line)
    lines.append("(memory: estimated, of a training step)")
    if facts.speed:
        lines.append("(images/s: forward pass, measured on this machine just now)")
    return "\n".join(lines)


def _row(name, count, flops):
    number = "" if flops is None else f"{flops / 1e9:.3f}" if flops else "-"
    return f"{name:<24}{count:>14,}{number:>10}"
