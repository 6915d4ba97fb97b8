"""`keras-vit study fewshot-proxy`, which reads finished cells and trains nothing."""

import dataclasses
from pathlib import Path

from keras_vit.terminal import WrongUsage, command

NAME = "fewshot-proxy"

# What it reads where no folder is given.
_READS = "transfer"
# The options that it has; those that say what would be read and what that costs, with
# --dry-run; and among these, those that make up a study where none is begun.
_OPTIONS = ("name", "preset", "folder", "dry_run")
_PRICES = ("hardware", "devices", "workers")
_STUDY = ("data", "levels", "seeds", "set")


def run_proxy(words, price):
    """Does what the words of a command ask of fewshot-proxy.

    Args:
        words: The command `Study`.
        price: Function of a `Study`, and options of `study_cost`, to a `StudyCost`.

    Returns:
        The exit status.
    """
    from keras_vit import studies
    from keras_vit.studies.opening import PROXY

    if words.preset not in PROXY.presets:
        raise WrongUsage(
            f"{NAME} has the preset {', '.join(PROXY.presets)}: that of {_READS} both "
            "probes and trains each model. Of a study of your own that does, give the "
            f"--folder. Received: --preset {words.preset}"
        )
    folder = _folder(words)
    begun = (folder / "study.json").is_file()
    _refuse_others(words, begun)
    if words.dry_run:
        study = studies.StudyFolder(folder).read_study() if begun else None
        return _plan(study or words.found(_READS), folder, price)
    if not begun:
        again = command("study", _READS, "--preset", words.preset)
        raise WrongUsage(
            f"{folder} holds no study whose cells could be read. Run one first, such "
            f"as:  {again}"
        )
    result = studies.fewshot_proxy(folder)
    if words.check:
        return _check(result)
    print(result)
    print(f"page: {studies.write_proxy(result)}")
    is_final = result.grid.folder.is_final
    left = [cell for cell in result.missing if not is_final(cell.name)]
    if left:
        print(f"{len(left)} cells are missing; their price:")
        print(f"  {command('study', NAME, '--folder', folder, '--dry-run')}")
    return 0


def _folder(words):
    return words.folder or Path("studies") / f"{_READS}-{words.preset}"


def _refuse_others(words, begun):
    """Refuses every option that would do nothing."""
    known = _OPTIONS + (_PRICES if words.dry_run else ("check",))
    known += _STUDY if words.dry_run and not begun else ()
    for field in dataclasses.fields(words):
        if field.name not in known and getattr(words, field.name) != field.default:
            option = f"--{field.name.replace('_', '-')}"
            why = "it runs no cells of its own, and reads those that are done"
            if field.name in _PRICES:
                why = "only --dry-run says what cells would cost"
            elif field.name in _STUDY and begun:
                why = f"the study that it reads is that of {_folder(words)}"
            raise WrongUsage(f"{NAME} has no use for {option} here: {why}.")


def _plan(study, folder, price):
    """Prints the cells that would be read, and what those that are missing cost."""
    from keras_vit import studies

    there = studies.StudyFolder(folder)
    cells = studies.cells_read(study)
    missing = [cell for cell in cells if not there.is_final(cell.name)]
    names = {cell.name for cell in missing}
    print(f"It would read {len(cells)} cells of {study.name} in {folder}:")
    for cell in cells:
        print(f"  {cell.name}{' (missing)' if cell.name in names else ''}")
    if missing:
        print(
            f"\n{len(missing)} of them are missing, and would be run by {study.name}:"
        )
        print(price(study, cells=missing, folder=there).table())
    return 0


def _check(result):
    from keras_vit import studies

    wrong = studies.check_proxy(result)
    if wrong:
        listed = "".join(f"\n  {line}" for line in wrong)
        raise ValueError(f"proxy.csv does not say what the cells say:{listed}")
    print("as recorded: proxy.csv")
    return 0
