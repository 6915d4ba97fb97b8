"""Whether cells and features were made on machines of one kind."""

from keras_vit.training.run.environment import compare_environments


class OtherMachine(ValueError):
    """Something was begun on a machine of another kind, or with other versions."""


def machine_differences(environment, other):
    """In which lines two sessions differ in the kind of machine, or in versions.

    Another number of threads is no such thing.
    """
    same = ("threads", "variables")
    now = {**other, **{name: environment.get(name) for name in same}}
    return compare_environments(environment, now)


def check_machine(what, before, now, place):
    """Raises if something is not of a machine like this one.

    Args:
        what: String, what was begun, such as the name of a cell.
        before: Environment in which it was begun; see `describe_environment`.
        now: The environment of this process.
        place: Its folder or file, which may be deleted.

    Raises:
        OtherMachine: with what differs, and what can be done.
    """
    if lines := machine_differences(before, now):
        listed = "".join(f"\n  {line}" for line in lines)
        raise OtherMachine(
            f"{what} was begun on another kind of machine or with other versions:"
            f"{listed}\nGo on there; or allow it with mixed=True (--mixed): then the "
            "cell is marked, and nothing called of it; or delete "
            f"{place} to begin anew."
        )
