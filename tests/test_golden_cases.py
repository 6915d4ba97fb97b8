"""The small cases that ship with the tests are those of the golden data."""

from pathlib import Path

import golden
import make_dense_cases
import make_door_cases
import make_golden_cases
import make_lineage_cases
import numpy as np
import pytest

from keras_vit.checkpoints import open_source
from keras_vit.checkpoints.names.layouts import LAYOUTS

# Layouts of which there are no golden data.
WITHOUT = {"Hugging Face hybrid", "mateuszbuda U-Net"}
WITHOUT |= {"torchvision EfficientNet", "torchvision EfficientNet B5 to B7"}
WITHOUT |= {"Hugging Face EfficientNet"}
# Tests make files of these from other cases or from models of this package.
WITHOUT |= {"timm VGG", "Caffe AlexNet"}
WITHOUT |= {x.name for x in LAYOUTS if x.name.startswith("keras_vit ")}

SCRIPTS = {
    golden.SHIPPED: make_golden_cases,
    golden.DOORS: make_door_cases,
    golden.LINEAGE: make_lineage_cases,
    golden.DENSE: make_dense_cases,
}


COMPUTED = (golden.LINEAGE, golden.DENSE)


@pytest.mark.parametrize("source", SCRIPTS)
def test_they_are_what_the_script_makes_of_the_whole_data(source):
    if golden.FOLDER is None:
        pytest.skip("golden data not found")
    wanted = SCRIPTS[source].cases()
    assert golden.shipped(source)[0].keys() == wanted.keys()
    for name, content in wanted.items():
        found = golden.shipped_file(name, source)
        if name.endswith(".json") or isinstance(content, bytes):
            assert found == content, name
            continue
        assert list(found) == list(content), name
        for key, array in content.items():
            assert found[key].dtype == array.dtype, (name, key)
            # Some are computed by the script; the processor has the last digit.
            rtol = 1e-12 if array.dtype == "float64" else 1e-6 * (source in COMPUTED)
            np.testing.assert_allclose(
                found[key], array, rtol, rtol, err_msg=f"{name} {key}"
            )


@pytest.mark.parametrize("source", SCRIPTS)
def test_they_are_small_and_become_the_files_that_they_name(source, tmp_path):
    assert (Path(__file__).parent / source).stat().st_size < 3_000_000
    for name in golden.shipped(source)[0]:
        wanted = golden.shipped_file(name, source)
        golden.write(tmp_path / name, wanted)
        if name.endswith(".json"):
            continue
        if isinstance(wanted, bytes):
            assert (tmp_path / name).read_bytes() == wanted, name
            continue
        if name.endswith(".npz"):
            with np.load(tmp_path / name) as file:
                found = dict(file)
        elif name.endswith(".h5"):
            found = golden.read_keras_h5(tmp_path / name)
        else:
            found = golden.read_safetensors(tmp_path / name)
        assert found.keys() == wanted.keys(), name
        for key, array in wanted.items():
            np.testing.assert_array_equal(found[key], array, f"{name} {key}")


def test_every_layout_of_weights_has_a_case():
    opened = tuple(f"doors/{case}/" for case in make_door_cases.OPEN)
    doors = [n for n in golden.shipped(golden.DOORS)[0] if n.startswith(opened)]
    refused = tuple(f"dense/{case}/" for case in make_lineage_cases.REFUSED)
    names = (*golden.shipped()[0], *doors, *golden.shipped(golden.LINEAGE)[0])
    names += tuple(golden.shipped(golden.DENSE)[0])
    names = [name for name in names if not name.startswith(refused)]
    weights = [n for n in names if n.endswith((".ckpt.npz", "tensors", ".h5"))]
    found = {open_source(golden.path(name)).layout.name for name in weights}
    assert found | WITHOUT == {layout.name for layout in LAYOUTS}


def test_a_value_that_does_not_ship_skips_its_test():
    found = golden._Arrays({"image": 1})
    with pytest.raises(pytest.skip.Exception, match="not found: block4"):
        found["block4"]
