"""From what the compiler says to a report; and the compiler itself, where it is."""

import importlib.util

import pytest

from keras_vit.cli import main
from keras_vit.tpu_check import checking, largest_batch, tpu_check
from keras_vit.tpu_check.checking import find_chip
from keras_vit.tpu_check.report import GIB
from keras_vit.training import Recipe, estimate_cost, recipe

# What every step of it does, and what each block adds: 1 GB in 2 ms of a v5e.
PROGRAM = """ENTRY %main (x: f32[8]) -> f32[8] {{
  %sum = f32[8000000]{{0}} all-reduce(%x), channel_id=1
{blocks}}}
"""
BLOCK = (
    "  %copy.{} = f32[250000000]{{0}} copy(%y), "
    'backend_config={{"estimated_cycles":"3000000"}}\n'
)
TI = {"model": "ViT_Ti16", "dtype": "mixed_bfloat16"}


class Compiler:
    """Says what a step would cost by a formula, as the compiler would."""

    def __init__(self, monkeypatch, per_block=0.1, per_image=0.01):
        self.requests = []
        self.per_block, self.per_image = per_block, per_image
        monkeypatch.setattr(checking, "compile_in_child", self.compile)

    def compile(self, request, time_limit, progress):
        self.requests.append(request)
        _, count = find_chip(request["topology"])
        depth = request["arguments"].get("num_layers", 12)
        images = request["batch_size"] / count
        temporary = images * self.per_image * depth
        arguments = 1 + self.per_block * depth
        if arguments + temporary > 15.75:
            return {
                "error": f"total memory required for HLO temporaries "
                f"({arguments + temporary:.2f}G) exceeds available HBM (15.75G)."
            }
        sizes = {"argument_size": arguments, "temp_size": temporary}
        memory = {name: int(size * GIB) for name, size in sizes.items()}
        memory |= {"output_size": 0, "alias_size": 0, "generated_code_size": 0}
        numbers = {"flops": 1e12 * depth * images, "seconds": 1.0}
        blocks = "".join(BLOCK.format(block) for block in range(depth))
        return {"memory": memory, "program": PROGRAM.format(blocks=blocks), **numbers}


def test_the_numbers_of_a_report(monkeypatch):
    Compiler(monkeypatch)
    found = tpu_check(Recipe(**TI, batch_size=64), "v5e:2x4")
    assert found.fits and found.method == "compiled"
    assert found.peak / GIB == pytest.approx(1 + 1.2 + 8 * 0.01 * 12, rel=1e-6)
    assert found.bounds == {
        "arithmetic": pytest.approx(96e12 / 197e12),
        "memory": pytest.approx((12e9 + 32e6) / 819e9),
        "links": pytest.approx(2 * 32e6 * 7 / 8 / 200e9),
    }
    assert found.step_seconds == found.bounds["arithmetic"]
    assert found.estimated_seconds == pytest.approx(12 * 3e6 / 1.5e9)
    assert found.copies == 3 * ("f32[250000000]: 2 ms",)
    assert found.chip_days is None
    text = str(found)
    assert "fits: 3.16 of 15.75 GiB" in text and "1 all-reduce (32 MB)" in text
    assert "nothing was run on a TPU" in text


def test_two_blocks_tell_of_twelve(monkeypatch):
    compiler = Compiler(monkeypatch)
    whole = tpu_check(Recipe(**TI), "v5e:2x4")
    quick = tpu_check(Recipe(**TI), "v5e:2x4", quick=True)
    assert quick.method == "extrapolated" and "Extrapolated" in str(quick)
    for name in ("peak", "arguments", "temporary", "flops", "bytes_moved"):
        assert getattr(quick, name) == pytest.approx(getattr(whole, name), rel=1e-6)
    depths = [r["arguments"].get("num_layers") for r in compiler.requests]
    assert depths == [None, 1, 2]


def test_what_does_not_fit_is_said_with_the_compilers_number(monkeypatch, capsys):
    Compiler(monkeypatch)
    found = tpu_check(Recipe(**TI, batch_size=8000), "v5e:2x4")
    assert not found.fits and found.peak / GIB == pytest.approx(122.2)
    assert "does not fit: at least 122.20 of 15.75 GiB" in str(found)
    args = ["tpu-check", "--model", "ViT_Ti16", "--batch-size", "8000"]
    assert main(args) == 1
    assert "does not fit" in capsys.readouterr().out


@pytest.mark.parametrize("confirm", [True, False])
def test_the_largest_batch_fits_and_a_larger_one_does_not(monkeypatch, confirm):
    compiler = Compiler(monkeypatch)
    found = largest_batch(Recipe(**TI), "v5e:2x4", confirm=confirm)
    # 15.75 GiB less 2.2 of weights, in images of 0.12 GiB: 112 on each chip.
    assert found.fits and found.batch_size == 8 * 112
    assert found.method == ("compiled" if confirm else "extrapolated")
    full = [r for r in compiler.requests if "num_layers" not in r["arguments"]]
    assert len(full) == confirm


def test_a_full_compile_corrects_the_extrapolation(monkeypatch):
    compiler = Compiler(monkeypatch)

    def worse(request, *rest):
        whole = "num_layers" not in request["arguments"]
        compiler.per_image = 0.012 if whole else 0.01
        return Compiler.compile(compiler, request, *rest)

    monkeypatch.setattr(checking, "compile_in_child", worse)
    found = largest_batch(Recipe(**TI), "v5e:2x4")
    assert found.fits and 80 <= found.batch_size / 8 <= 94


def test_memory_that_few_images_take_does_not_make_the_batch_small(monkeypatch):
    compiler = Compiler(monkeypatch)

    def padded(request, *rest):
        images = request["batch_size"] / 8
        compiler.per_image = 0.01 + 0.1 / images  # GiB a block: 0.1 whatever the batch
        return Compiler.compile(compiler, request, *rest)

    monkeypatch.setattr(checking, "compile_in_child", padded)
    # 15.75 GiB less 2.2 of weights and 1.2, in images of 0.12 GiB: 96 on each chip.
    with_room = compiler.per_block * 12 + 1 + 1.2 + 0.12 * 96
    assert with_room < 15.75 < with_room + 0.12 * 8
    assert largest_batch(Recipe(**TI), "v5e:2x4").batch_size == 8 * 96


def test_where_nothing_fits_it_says_so(monkeypatch):
    Compiler(monkeypatch, per_block=2.0)
    found = largest_batch(Recipe(**TI), "v5e:2x4")
    assert not found.fits and found.batch_size == 64


def test_the_whole_recipe_stands_beside_the_papers_figure(monkeypatch):
    Compiler(monkeypatch)
    run = recipe("vit_l16_i21k")
    found = tpu_check(run, "v6e:8x8", name="vit_l16_i21k")
    assert found.total_steps == 90 * (14_000_000 // 4096)
    days = found.total_steps * found.estimated_seconds * 64 / 86_400
    assert found.chip_days == pytest.approx(days)
    assert "230 TPUv3-core-days" in str(found)


@pytest.mark.parametrize(
    ("options", "topology", "message"),
    [
        ({"batch_size": 12}, "v5e:2x4", "whose number must divide"),
        ({}, "v7:2x4", "v4, v5e, v5p, v6e"),
        ({}, "v5e", "such as 'v5e:2x4'"),
        ({"backend": "torch"}, "v5e:1x1", "one of 'jax', 'tensorflow'"),
        ({"backend": "tensorflow"}, "v5e:2x4", "for one chip"),
        (
            {"backend": "tensorflow", "accumulation_steps": 2},
            "v5e:1x1",
            "without accumulation",
        ),
    ],
)
def test_mistakes_are_explained_before_anything_runs(options, topology, message):
    backend = options.get("backend", "jax")
    fields = {k: v for k, v in options.items() if k != "backend"}
    with pytest.raises(ValueError, match=message):
        tpu_check(Recipe(**TI, **fields), topology, backend=backend)


def test_a_resnet_cannot_be_extrapolated(monkeypatch):
    Compiler(monkeypatch)
    with pytest.raises(ValueError, match="which a ResNet does not have"):
        tpu_check(Recipe(model="BiT_R50x1"), "v5e:1x1", quick=True)


# The real compiler --------------------------------------------------------------------

with_compiler = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None,
    reason='skipped: no TPU compiler (pip install ".[tpu-check]")',
)


@with_compiler
@pytest.mark.slow
@pytest.mark.parametrize(
    ("topology", "parts", "backend"),
    [
        ("v5e:1x1", 1, "jax"),
        ("v5e:2x4", 1, "jax"),
        ("v6e:1x1", 2, "jax"),
        ("v6e:2x2", 2, "jax"),
        ("v5e:1x1", 1, "tensorflow"),
    ],
)
def test_a_tiny_model_compiles(topology, parts, backend):
    sizes = {"num_layers": 2, "hidden_dim": 64, "mlp_dim": 128, "num_heads": 2}
    tiny = Recipe(
        **{**sizes, "image_size": 16, "patch_size": 4, "dtype": "mixed_bfloat16"},
        accumulation_steps=parts,
    )
    found = tpu_check(tiny, topology, num_classes=10, backend=backend, time_limit=300)
    # Under TensorFlow, Keras counts updates in 64 bits.
    assert found.fits and list(found.leaks) == ["s64"] * (backend == "tensorflow")
    # Gradients of all weights cross between chips, unless there is one only.
    assert ("all-reduce" in found.collectives) == (found.num_devices > 1)
    cost = estimate_cost(tiny, 64)  # of the matrix products
    products = cost.flops / cost.images * 64 / found.num_devices
    # Besides them, so small a model has nearly as much in norms, GELU and AdamW.
    assert products < found.flops < 3 * products
