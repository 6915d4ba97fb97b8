"""One test of many alike: a loop, and one message with all that failed."""


def holds_for_each(names, check):
    """Calls `check(name)` for every name, then fails once with all that failed."""
    wrong = []
    for name in names:
        try:
            check(name)
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
    assert not wrong, f"{len(wrong)} of {len(list(names))}:\n" + "\n".join(wrong)
