"""What one study does otherwise than another: lines for people."""


def differences(study, other):
    """What differs from another study, a line for each.

    Args:
        study, other: `Study`s.

    Returns:
        List of texts, such as `"batch_size: 64, not 4096"`.

    Example:

    >>> differences(find_study("data-size", "laptop"), find_study("data-size", "paper"))
    """
    both = _runs(study).keys() & _runs(other).keys()
    mine, others, unset = _flat(study, both), _flat(other, both), "the default"
    return [
        f"{name}: {mine.get(name, unset)}, not {others.get(name, unset)}"
        for name in dict.fromkeys((*mine, *others))
        if mine.get(name) != others.get(name)
    ]


def _flat(study, arms):
    """Names to texts: all that decides what is run; of some arms their fields."""
    flat = {name: str(value) for name, value in study.base.items()}
    for arm, fields in _runs(study).items():
        if arm in arms:
            flat |= {f"{arm}.{name}": str(value) for name, value in fields.items()}
    axis = study.axis
    return flat | {
        "arms": ", ".join(study.arms),
        "pretrainings": ", ".join(study.pretrainings) or "none",
        "levels": f"{', '.join(axis.levels)} ({axis.unit})" if axis else "none",
        "seeds": ", ".join(map(str, study.seeds)),
        "outcome": study.outcome,
        "a check of the length": "yes" if study.length_check else "no",
    }


def _runs(study):
    return {**study.arms, **study.pretrainings}
