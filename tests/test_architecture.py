"""What may import what, and what importing the package costs."""

import ast
import collections
import importlib
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

import keras_vit
from keras_vit.common import environment, lazy

PACKAGE = Path(keras_vit.__file__).parent
ROOT = PACKAGE.parent
PAGE = Path(__file__).parents[1] / "ARCHITECTURE.md"
FILES = sorted(PACKAGE.rglob("*.py"))

FACE = {"__init__", "__main__", "cli", "commands", "terminal"}
ANYONE = {"common", "_version"}
# Old names of modules, which go on for one release.
MOVED = {
    *("cards", "certificate", "facts", "models.cost", "prediction", "results", "runs"),
    "training.hardware",
}
# Folders that are grouped into rooms.
GROUPED = {
    *("checkpoints", "commands", "data", "evaluation", "layers", "models", "training")
}
MOST_LINES, MOST_FILES = 400, 20
# At the head of a file, besides Keras, NumPy and the standard library.
HEAVY = {
    "data": {"tensorflow"},
    "training": {"tensorflow"},
    "cli": {"tyro", "rich"},
    "estimator": {"sklearn"},
    "serving": {"starlette", "uvicorn", "h11"},
    "tuner": {"keras_tuner"},
    "commands": {"tyro"},
    "terminal": {"rich"},
}
# Nowhere in these packages, not even inside a function.
NEUTRAL = {"layers", "models", "checkpoints"}
BACKENDS = {"tensorflow", "jax", "torch", "tensorflow_datasets"}
# Literals and dataclasses only.
TABLES = [
    "models/variants/rows.py",
    "checkpoints/names/vit.py",
    "data/sets/catalog.py",
    "data/sets/vtab.py",
    "training/recipes/published_runs.py",
    "costs/chips.py",
    "studies/ablations.py",
    "studies/catalogue.py",
]


def module_of(file):
    """The dotted name of a file below the package, "" for the package's own face."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_of(file): file for file in FILES}
TREES = {file: ast.parse(file.read_text()) for file in FILES}


def room_of(module):
    """The room that a module lies in."""
    parts = module.split(".")
    if parts[0] in GROUPED and len(parts) > 1:
        return ".".join(parts[:2])
    return parts[0] or "__init__"


def read_table():
    """Room to (what it holds, what it may import): the table of ARCHITECTURE.md."""
    rows = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0].startswith("`"):
            rows[cells[0].strip("`")] = (cells[1], cells[2].split())
    return rows


TABLE = read_table()


def allowed_for(room):
    """The rooms that a room may import; a name without a dot means all its rooms."""
    names = TABLE.get(room, ("", []))[1]
    return {r for r in TABLE for n in names if r == n or r.startswith(f"{n}.")} | {
        *names
    }


def is_face(file):
    """Whether a file only gathers the names of a grouped folder."""
    return file.name == "__init__.py" and module_of(file) in {"", *GROUPED}


def named(offenders, rule):
    """Fails with all offenders at once."""
    offenders = [str(offender) for offender in offenders]
    assert not offenders, f"{rule}:\n  " + "\n  ".join(offenders)


def imports(tree):
    """(module, imported names, whether that happens at the head of the file)."""
    inner = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            inner.update(id(child) for child in ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, [], id(node) not in inner
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [alias.name for alias in node.names]
            yield node.module, names, id(node) not in inner


# The rooms --------------------------------------------------------------------------


def own_imports(file):
    """The modules of the package that a file imports, without the package's name."""
    for module, names, _ in imports(TREES[file]):
        if module == "keras_vit" or module.startswith("keras_vit."):
            base = module.removeprefix("keras_vit").removeprefix(".")
            for name in names or [""]:
                inner = f"{base}.{name}".strip(".")
                yield inner if inner in MODULES else base


def test_rooms_import_only_what_the_table_allows():
    offenders = []
    for file in FILES:
        room = room_of(module_of(file))
        if room.partition(".")[0] in FACE or is_face(file):
            continue
        if module_of(file) in MOVED:
            continue
        allowed = {room, *ANYONE, *allowed_for(room)}
        offenders += [
            f"{room} ({file.name}) imports {module}"
            for module in own_imports(file)
            if room_of(module) not in allowed
        ]
    named(offenders, "Imports that the table does not allow")


def test_the_table_has_no_circle_and_nothing_idle():
    floors = dict.fromkeys(TABLE, 0)
    for _ in TABLE:
        for room in TABLE:
            below = [floors[other] for other in allowed_for(room) & floors.keys()]
            floors[room] = 1 + max(below, default=0)
    named([r for r in TABLE if floors[r] > len(TABLE)], "Rooms in a circle")
    used = {}
    for file in FILES:
        if not is_face(file) and module_of(file) not in MOVED:
            room = room_of(module_of(file))
            used.setdefault(room, set()).update(map(room_of, own_imports(file)))
    idle = [
        f"{room}: {name}"
        for room, (_, names) in TABLE.items()
        for name in names
        if not any(r == name or r.startswith(f"{name}.") for r in used.get(room, ()))
    ]
    named(idle, "The table allows what nobody imports")
    known = {*TABLE, *ANYONE}
    absent = [r for r in used if r not in known and r.partition(".")[0] not in FACE]
    named(absent, "Rooms that are not in the table")
    named(TABLE.keys() - used.keys(), "Rows of the table without a room")


def read_floors():
    """Room to its floor: the list of ARCHITECTURE.md."""
    text = PAGE.read_text().partition("## Floors")[2]
    lines = [line.split() for line in text.split("```")[1].splitlines() if line]
    stated = {name: int(number) for number, *names in lines for name in names}
    known = {*TABLE, *FACE} - {"__init__"}
    absent = stated.keys() - known - {room.partition(".")[0] for room in known}
    named(absent, "Names on a floor that are no rooms")
    tops = {room: stated.get(room.partition(".")[0]) for room in known}
    return {room: stated.get(room, floor) for room, floor in tops.items()}


def test_no_room_imports_one_of_a_higher_floor():
    floors = read_floors()
    named([room for room in floors if floors[room] is None], "Rooms on no floor")
    upwards = [
        f"{room} on {floors[room]} imports {other} on {floors[other]}"
        for room in TABLE
        for other in allowed_for(room) & TABLE.keys()
        if floors[other] > floors[room]
    ]
    named(upwards, "Imports from a higher floor")
    assert {floors[room] for room in FACE - {"__init__"}} == {max(floors.values())}


def test_the_table_says_what_the_rooms_say_of_themselves():
    offenders = []
    for room, (what, _) in TABLE.items():
        head = ast.get_docstring(TREES[MODULES[room]]) or ""
        if " ".join(head.partition("\n\n")[0].split()) != what:
            offenders.append(room)
    named(offenders, "Rooms whose head differs from the table of ARCHITECTURE.md")


def test_no_two_files_import_each_other():
    heads = {
        name: {module for module in own_imports(file)} - {name}
        for name, file in MODULES.items()
    }
    seen, done = [], set()

    def visit(name):
        assert name not in seen, " -> ".join([*seen[seen.index(name) :], name])
        if name in done:
            return
        seen.append(name)
        for other in sorted(heads[name]):
            visit(other)
        seen.pop()
        done.add(name)

    for name in sorted(heads):
        visit(name)
    assert done == set(MODULES)


def test_folders_and_files_can_be_taken_in_at_a_sitting():
    long = [
        f"{module_of(file)}: {lines} lines"
        for file in FILES
        if (lines := len(file.read_text().splitlines())) > MOST_LINES
    ]
    named(long, f"Files over {MOST_LINES} lines")
    counts = collections.Counter(f.parent for f in FILES if f.name != "__init__.py")
    full = [f"{folder}: {n} files" for folder, n in counts.items() if n > MOST_FILES]
    named(full, f"Folders of over {MOST_FILES} files")


def test_no_module_hides_a_public_name_beside_it():
    offenders = []
    for name, file in MODULES.items():
        if file.name != "__init__.py":
            continue
        face = importlib.import_module(f"keras_vit.{name}".strip("."))
        for public in getattr(face, "__all__", ()):
            if f"{name}.{public}".strip(".") in MODULES:
                if not isinstance(getattr(face, public), types.ModuleType):
                    offenders.append(f"keras_vit.{name}.{public}")
    named(offenders, "Modules with the name of a function or class of their face")


def test_heavy_modules_are_imported_where_they_belong():
    offenders = []
    for file in FILES:
        top = module_of(file).partition(".")[0]
        allowed = {"keras", "keras_vit", "numpy"} | HEAVY.get(top, set())
        for module, _, at_head in imports(TREES[file]):
            first = module.partition(".")[0]
            if at_head and first not in allowed | sys.stdlib_module_names:
                offenders.append(f"{module_of(file)}: {module} at its head")
            elif not at_head and top in NEUTRAL and first in BACKENDS:
                offenders.append(f"{module_of(file)}: {module}")
    named(offenders, "Heavy modules where they do not belong")


def test_library_code_neither_asserts_nor_prints():
    offenders = []
    for file in FILES:
        if module_of(file).partition(".")[0] in FACE:
            continue
        for node in ast.walk(TREES[file]):
            if isinstance(node, ast.Assert):
                offenders.append(f"{module_of(file)}:{node.lineno}: assert")
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", None))
                if name in ("print", "Lambda"):
                    offenders.append(f"{module_of(file)}:{node.lineno}: {name}")
    named(offenders, "Calls that do not belong into a library")


def test_files_of_tables_hold_no_functions():
    functions = (ast.FunctionDef, ast.Lambda, ast.For, ast.While, ast.If)
    offenders = [
        f"{name}:{node.lineno}"
        for name in TABLES
        for node in ast.walk(TREES[PACKAGE / name])
        if isinstance(node, functions)
    ]
    named(offenders, "Code in a table")


def test_every_module_says_what_it_holds():
    without = [module_of(f) for f in FILES if not ast.get_docstring(TREES[f])]
    named(without, "Modules without a head")


def test_the_face_lists_what_it_offers():
    for name in keras_vit.__all__:
        assert name in dir(keras_vit)
    assert len(set(keras_vit.__all__)) == len(keras_vit.__all__)
    for package in (keras_vit.layers, keras_vit.models):
        assert set(package.__all__) <= set(dir(package))


# Importing --------------------------------------------------------------------------


def run(code, **variables):
    """The output of a fresh Python process."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout.strip(), done.stderr


IMPORT = """
import sys
import keras
before = set(sys.modules)
import keras_vit
new = set(sys.modules) - before
print(*sorted({name.partition('.')[0] for name in new}))
print(*sorted({name.split('.')[1] for name in new if name.startswith("keras_vit.")}))
print("tensorflow" in sys.modules)
print(*(n for n in keras.saving.get_custom_objects() if n.startswith("keras_vit>")))
"""

DECORATED = re.compile(
    r'^@keras.saving.register_keras_serializable\(package="keras_vit"\)\n'
    r"(?:@.*\n)*(?:class|def) (\w+)",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def importing():
    """The packages that Keras did not bring, and the rooms of ours that came."""
    code, output, error = run(IMPORT)
    assert code == 0, error
    packages, rooms, _, known = output.splitlines()
    return set(packages.split()), set(rooms.split()), set(known.split())


def test_import_brings_only_what_saved_models_need(importing):
    needed = {"boxes", "checkpoints", "common", "layers", "losses", "models"}
    assert importing[1] <= needed | {
        "pretraining",
        "registered",
        "training",
        "_version",
    }


def test_import_registers_all_that_files_hold(importing):
    texts = [path.read_text() for path in PACKAGE.rglob("*.py")]
    names = {f"keras_vit>{n}" for text in texts for n in DECORATED.findall(text)}
    assert len(names) == sum(t.count("@keras.saving.register") for t in texts)
    assert importing[2] == names


def test_import_pulls_in_nothing_heavy(importing):
    modules = importing[0] - {"keras", "keras_vit", "tensorflow", "jax", "torch"}
    # Of the rest Keras brings NumPy and h5py, and matplotlib where it finds it.
    assert modules <= sys.stdlib_module_names | {"numpy", "h5py"}


def test_jax_does_not_bring_tensorflow():
    pytest.importorskip("jax")
    code, output, error = run(IMPORT, KERAS_BACKEND="jax", JAX_PLATFORMS="cpu")
    assert code == 0, error
    assert output.splitlines()[2] == "False"


@pytest.mark.parametrize("backend", ["jax", "torch", "tensorflow"])
def test_a_missing_backend_is_explained(backend):
    code = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {backend!r}:
            raise ModuleNotFoundError("No module named " + name, name=name)
sys.meta_path.insert(0, Absent())
import keras_vit
"""
    status, _, error = run(code, KERAS_BACKEND=backend)
    last = error.strip().splitlines()[-1]
    assert status == 1
    assert last.startswith("ImportError: ")
    assert backend in last and "pip install" in last and "KERAS_BACKEND" in last


def test_another_failure_of_keras_is_not_dressed_up(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ImportError) as error:
        environment.check_environment()
    assert "KERAS_BACKEND" not in str(error.value)


def test_the_foreign_package_is_noticed(tmp_path, monkeypatch, recwarn):
    folder = tmp_path / "keras_vit-0.3.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: keras-vit\nVersion: 0.3.1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(UserWarning, match="pip uninstall keras-vit") as warned:
        environment.check_environment()
    message = str(warned[0].message)
    assert "0.3.1" in message and "keras-vision-transformer" in message


def test_our_own_distribution_is_no_foreigner(tmp_path, monkeypatch, recwarn):
    folder = tmp_path / "keras_vision_transformer-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: keras-vision-transformer\nVersion: 1.0\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    environment.check_environment()
    assert not [w for w in recwarn if "keras-vit" in str(w.message)]


# Lazy attributes --------------------------------------------------------------------


def test_a_lazy_attribute_is_imported_at_its_first_use():
    namespace = {"__name__": "there", "own": 1}
    homes = {"common.wording": ["display"], "common.lazy": []}
    get, names, public = lazy.lazy_attributes(namespace, homes)
    assert names() == ["__name__", "display", "lazy", "own"]
    assert public == ["display", "lazy"]
    assert "display" not in namespace
    assert get("display")(b"a") == "a" and namespace["display"] is get("display")
    assert get("lazy").__name__ == "keras_vit.common.lazy"


def test_an_absent_attribute_is_named():
    with pytest.raises(
        AttributeError, match="module 'keras_vit' has no attribute 'no'"
    ):
        _ = keras_vit.no


def test_every_lazy_attribute_of_the_package_is_there():
    assert "data" in dir(keras_vit) and "training" in dir(keras_vit)
    assert keras_vit.predict is keras_vit.predict
    assert keras_vit.data.load is sys.modules["keras_vit.data"].load
