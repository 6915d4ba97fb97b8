"""The plan of the whole paper against what was published."""

import pytest

from keras_vit import cli, published
from keras_vit.studies import paper_plan


@pytest.fixture(scope="module")
def plan():
    return paper_plan.plan("tpu-v5e", 256)


def line(plan, start):
    (found,) = [line for line in plan if line.name.strip().startswith(start)]
    return found


def test_the_models_of_table_6_cost_what_is_printed(plan):
    rows = published.find(source="vit", table="6", metric="exaflops")
    printed = sum(row.value for row in rows)
    assert line(plan, "table 6").exaflops == pytest.approx(printed, rel=0.02)
    h14 = published.row("vit/table6/vit_h14_14ep/exaflops").value
    assert line(plan, "of it ViT_H14").exaflops == pytest.approx(h14, rel=0.002)


def test_figure_4_costs_its_share_of_table_6(plan):
    # 7 epochs on 9, 30, 90 and 303 million images; ViT-b/32, of half the width, is
    # about a quarter of B/32.
    names = ("vit_l16", "vit_l32", "vit_b32", "bit_r50x1", "bit_r152x2")
    whole = [published.row(f"vit/table6/{n}_7ep/exaflops").value for n in names]
    at_most = sum(whole) + whole[2] / 4
    equal = line(plan, "figure 4").exaflops
    assert equal == pytest.approx(at_most * (9 + 30 + 90 + 303) / 303, rel=0.02)
    assert line(plan, "or the updates").exaflops == pytest.approx(4 * at_most, rel=0.02)


def test_core_days_and_hours_follow_from_the_peaks(plan):
    for part in plan:
        days = part.exaflops * 1e18 / (0.4 * 61.5e12) / 86_400
        assert part.core_days == pytest.approx(days)
        hours = part.exaflops * 1e18 / (0.4 * 197e12) / 3600 / 256
        assert part.hours == pytest.approx(hours)


def test_published_core_days_stand_beside_and_are_of_the_same_order(plan):
    found = {p.published_core_days: p for p in plan if p.published_core_days}
    assert found.keys() == {2500, 680, 9900, 230}
    for days, part in found.items():
        assert 0.9 < days / part.core_days < 1.6, part.name


def test_the_plan_prints_what_is_private_and_adds_no_part_twice(plan):
    text = str(plan)
    whole = sum(part.exaflops for part in plan if not part.inside)
    assert f"all: {whole:,.0f} exaFLOPs" in text
    assert "256 x tpu-v5e" in text and "JFT-300M is private" in text
    assert {p.name: p.private for p in plan}["table 2: BiT-L R152x4, 40 epochs"]
    assert "tpu-v5e" not in str(paper_plan.plan())


def test_unknown_hardware_is_refused():
    with pytest.raises(ValueError, match="tpu-v5e"):
        paper_plan.plan("tpu-v5f", 256)


def test_one_command_prints_the_plan(capsys):
    words = ["study", "--all", "--preset", "paper", "--dry-run"]
    chip = ["--hardware", "tpu-v5e", "--devices", "256"]
    assert cli.main([*words, *chip]) == 0
    out = capsys.readouterr().out
    assert "256 x tpu-v5e" in out and "table 6: 18 models on JFT-300M" in out
    # 40 % of 61.5 TFLOP/s, given as such, take the core-days.
    assert cli.main([*words, "--hardware", "24.6", "--devices", "24"]) == 0
    assert "24 x 24.6" in capsys.readouterr().out
    assert cli.main(words[:2]) == 2  # nothing of it is run
