import pytest

from keras_vit.common.files import replacing
from keras_vit.training.folder.choice import last_run_folder, next_run_folder
from keras_vit.training.folder.folder import RunFolder, clear_leftovers


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "run.json"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half of the ne")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stays_readable_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.suffix == ".keras"
    assert path.read_text() == "new"


def test_leftovers_of_a_killed_process_go_and_hidden_files_of_others_stay(tmp_path):
    folder = RunFolder(tmp_path)
    folder.checkpoints.mkdir()
    left = [tmp_path / ".model.123.keras", folder.checkpoints / ".step-1.9.npz"]
    mine = [tmp_path / ".gitignore", tmp_path / ".lock", tmp_path / "a.1.csv"]
    for path in left + mine:
        path.write_text("")
    clear_leftovers(folder)
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in mine)


def test_run_folders_are_numbered_and_never_shared(tmp_path):
    assert last_run_folder(tmp_path, "cifar10-small") is None
    (tmp_path / "cifar10-small-9").mkdir()
    (tmp_path / "cifar10-small-x").mkdir()
    first = next_run_folder(tmp_path, "cifar10-small")
    second = next_run_folder(tmp_path, "cifar10-small")
    assert first.path.name == "cifar10-small-10"  # 10 comes after 9
    assert second.path.name == "cifar10-small-11"
    assert last_run_folder(tmp_path, "cifar10-small") is None  # none has begun
    for folder in (first, second):
        folder.write_record({})
    next_run_folder(tmp_path, "cifar10-small")
    assert last_run_folder(tmp_path, "cifar10-small").path == second.path


def test_one_folder_is_for_one_process(tmp_path):
    folder = RunFolder(tmp_path)
    with folder.locked():
        with pytest.raises(ValueError, match="Another process is training"):
            with RunFolder(tmp_path).locked():
                pass
    with RunFolder(tmp_path).locked():
        pass


def test_the_history_keeps_every_bit_of_its_numbers(tmp_path):
    folder = RunFolder(tmp_path)
    rows = [
        {"epoch": 1, "loss": 0.1 + 0.2, "accuracy": 1 / 3},
        {"epoch": 2, "loss": 5e-324, "accuracy": 1.0},
    ]
    folder.write_history(rows)
    assert folder.read_history() == rows


def test_a_broken_record_is_named(tmp_path):
    folder = RunFolder(tmp_path)
    folder.record.write_text('{"status": ')
    with pytest.raises(ValueError, match=r"run\.json is not the record"):
        folder.read_record()


def test_an_unused_folder_goes_and_a_used_one_stays(tmp_path):
    for name, used in (("unused", False), ("used", True)):
        folder = RunFolder(tmp_path / name)
        folder.path.mkdir()
        with folder.locked():
            if used:
                folder.write_history([])
            folder.discard_if_unused()
        assert folder.path.exists() is used
