"""What is read out of the text of a compiled program."""

from keras_vit.tpu_check.program import layer_of, read_program

HEAD = "HloModule jit_train_step, is_scheduled=true\n\n"
FUSED = """%fused_computation (p: bf16[8,64]) -> bf16[8,64] {
  %p = bf16[8,64]{1,0:T(8,128)(2,1)} parameter(0)
  ROOT %add.1 = bf16[8,64]{1,0:T(8,128)(2,1)} add(%p, %p)
}

"""


def main(*lines):
    body = "".join(f"  %value.{i} = {line}\n" for i, line in enumerate(lines))
    return f"{HEAD}{FUSED}ENTRY %main.1 (x: f32[4]) -> f32[4] {{\n{body}}}\n"


def test_tiles_are_counted_along_the_dimensions_that_lie_closest():
    program = read_program(
        main(
            "bf16[10,65,64]{2,1,0:T(8,128)(2,1)} fusion(%x), kind=kLoop",
            "f32[100,3]{0,1:T(8,128)} parameter(0)",
            "f32[300]{0:T(128)S(1)} copy(%y)",
            "f32[]{:T(128)} add(%a, %b)",
        )
    )
    sizes = [(buffer.size, buffer.padded) for buffer in program.buffers]
    assert sizes == [
        (2 * 10 * 65 * 64, 2 * 10 * 72 * 128),
        (4 * 300, 4 * 128 * 8),  # the first dimension lies closest
        (4 * 300, 4 * 384),
        (4, 4),
    ]
    size, padded = (sum(column) for column in zip(*sizes))
    assert program.padding == 1 - size / padded
    assert program.most_padded(1)[0].shape == (10, 65, 64)


def test_names_for_values_that_are_there_already_are_no_buffers():
    program = read_program(
        main(
            "(f32[8]{0}, f32[8]{0}) tuple(%a, %b)",
            "f32[8]{0} get-tuple-element(%value.0), index=0",
            "f32[2,4]{1,0} bitcast(%value.1)",
        )
    )
    assert program.buffers == [] and program.padding == 0


def test_what_a_loop_does_is_counted_as_often_as_it_goes_round():
    body = """%region_0.56 (p: (s32[], f32[8])) -> (s32[], f32[8]) {
  %sum = f32[8]{0} all-reduce(%p), channel_id=1
}

"""
    loop = "(s32[], f32[8]{0}) while(%x), condition=%region_1.57, body=%region_0.56"
    text = main(loop, "f32[16]{0} all-reduce(%d), channel_id=2")
    program = read_program(text.replace("ENTRY", body + "ENTRY"), repeats=3)
    assert program.collectives == {"all-reduce": (4, 3 * 32 + 64)}
    assert [b.size for b in program.buffers] == [32, 4, 32, 64]


def test_collectives_are_counted_with_their_bytes():
    program = read_program(
        main(
            "(f32[128]{0:T(128)}, bf16[4,8]{1,0}) all-reduce(%a, %b), channel_id=1",
            "f32[16]{0} all-reduce-start(%c), channel_id=2",
            "f32[16]{0} all-reduce-done(%value.1)",
            "f32[32]{0} all-gather(%d), dimensions={0}",
        )
    )
    assert program.collectives == {
        "all-reduce": (2, 512 + 64 + 64),
        "all-gather": (1, 128),
    }


def test_leaks_name_the_layer_at_fault():
    where = 'metadata={op_name="jit(train_step)/transpose(jvp(block_03))/mlp/mul"}'
    program = read_program(
        main(
            f"f64[8]{{0}} multiply(%a, %b), {where}",
            f"f64[8]{{0}} add(%a, %b), {where}",
            'f32[8]{0} custom-call(%c), custom_call_target="xla_python_cpu_callback"',
            'f32[8]{0} custom-call(%c), custom_call_target="tpu_custom_call"',
            "s32[8]{0} add(%d, %d)",
        )
    )
    assert program.leaks == {"f64": ["block_03/mlp"], "host": [""]}


def test_the_layer_of_an_instruction():
    def named(name):
        return layer_of(f'%a = f32[] add(), metadata={{op_name="{name}" id=3}}')

    assert named("jit(train_step)/jvp(block_00)/attention/dot_general") == (
        "block_00/attention"
    )
    assert named("jit(train_step)/transpose(jvp(head))/dot_general") == "head"
    assert named("jit(train_step)/adam_w/mul") == "adam_w"
    assert named("broadcast.3") == ""
    assert layer_of("%a = f32[] add()") == ""


def test_only_what_touches_main_memory_is_traffic():
    program = read_program(
        main(
            "f32[256]{0:T(128)} parameter(0)",
            "f32[256]{0:T(128)S(1)} copy(%value.0)",  # read, and kept on the chip
            "f32[200]{0:T(128)} fusion(%value.1), kind=kLoop",  # written, in two tiles
            "(f32[256]{0:S(1)}, f32[256]{0}, u32[]) copy-start(%value.0)",
            "f32[256]{0:S(1)} copy-done(%value.3)",
            "(f32[256]{0}) tuple(%value.2)",
        )
    )
    assert program.traffic == 1024 + 1024 + 1024


def test_cycles_are_summed_and_those_of_layout_copies_named():
    text = """%only_moves (p: f32[8]) -> f32[8] {
  %p.1 = f32[8]{0} parameter(0)
  ROOT %t = f32[8]{0} transpose(%p.1), dimensions={0}
}

%body (p: f32[8]) -> f32[8] {
  %round = f32[8]{0} copy(%p.2), backend_config={"estimated_cycles":"5"}
}

ENTRY %main (x: f32[8]) -> f32[8] {
  %a = f32[8]{0} fusion(%x), calls=%only_moves, backend_config={"estimated_cycles":"9"}
  %b = f32[8]{0} add(%a, %a), backend_config={"estimated_cycles":"100"}
  %c = f32[8]{0} while(%b), body=%body, backend_config={"known_trip_count":{"n":"4"}}
}
"""
    program = read_program(text)
    assert program.cycles == 9 + 100 + 4 * 5
    assert [cycles for cycles, _ in program.largest_copies()] == [20, 9]
