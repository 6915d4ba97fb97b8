"""The notebooks run from top to bottom, on a CPU and with tiny settings."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

nbformat = pytest.importorskip("nbformat", reason='pip install ".[tests]"')
nbclient = pytest.importorskip("nbclient", reason='pip install ".[tests]"')

NOTEBOOKS = Path(__file__).parent.parent / "examples"
TINY = {"MODEL": "ViT_Ti16", "WEIGHTS": None, "IMAGE_SIZE": 32, "UPDATES": 2}
SETTINGS = {
    "colab_photos.ipynb": {**TINY, "PHOTOS": "photos.zip", "RUN": "runs/photos"},
    "colab_tpu.ipynb": {**TINY, "DATA": "photos", "BATCH_SIZE": 8, "RUN": "runs/tpu"},
}
# The last lines of cells, by a piece of theirs.
EXPECTED = {
    "colab_photos.ipynb": ["images to learn from", "95 % interval", "image/png"],
    "colab_tpu.ipynb": ["jax", "test accuracy:", "image/png"],
}
each = pytest.mark.parametrize("name", SETTINGS)


def test_every_notebook_has_settings_here():
    assert {path.name for path in NOTEBOOKS.glob("*.ipynb")} == set(SETTINGS)


@each
def test_a_notebook_is_valid_and_holds_no_output_of_another_machine(name):
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in code:
        assert cell.outputs == [] and cell.execution_count is None
        compile(cell.source.replace("%pip", "pass  #"), name, "exec")
    [settings] = [c for c in code if "parameters" in c.metadata.get("tags", ())]
    for setting in SETTINGS[name]:
        assert setting in settings.source
    # The backend comes before anything that imports Keras.
    sources = "\n".join(cell.source for cell in code)
    assert sources.index("KERAS_BACKEND") < sources.index("import keras")


@pytest.mark.slow  # 30 to 60 seconds each
@each
def test_a_notebook_runs(name, tmp_path, monkeypatch):
    make_photos(tmp_path / "photos")
    if name == "colab_photos.ipynb":
        (tmp_path / "photos" / "cat" / "broken.jpg").write_bytes(b"no picture")
        shutil.make_archive(tmp_path / "photos", "zip", tmp_path, "photos")
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    for index, cell in enumerate(notebook.cells):
        if "parameters" in cell.metadata.get("tags", ()):
            lines = [f"{key} = {value!r}" for key, value in SETTINGS[name].items()]
            tiny = nbformat.v4.new_code_cell("\n".join(lines))
            notebook.cells.insert(index + 1, tiny)
            break
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOKS.parent))
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    for variable in ("KERAS_BACKEND", "MPLBACKEND"):  # the notebook's own choice
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    client = nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
    said = "".join(
        output.get("text", "") + " ".join(output.get("data", {}))
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    for piece in EXPECTED[name]:
        assert piece in said
    assert (tmp_path / SETTINGS[name]["RUN"] / "model.keras").exists()


def make_photos(root):
    """Twelve dark and twelve bright pictures, each 40 pixels wide."""
    random = np.random.default_rng(0)
    for name, light in (("cat", 60), ("dog", 180)):
        (root / name).mkdir(parents=True)
        for i in range(12):
            pixels = random.integers(light, light + 60, (30, 40, 3)).astype("uint8")
            Image.fromarray(pixels).save(root / name / f"{i}.png")
