"""The printed form of a comparison."""


def print_case(title, report):
    print(f"\n{title}: medians of {report['rounds']} rounds, ratios are ours / theirs")
    head = "contender          time     CPU    peak  |  time   CPU   peak | of GEMM"
    print(head + "\n" + "-" * len(head))
    for row in report["rows"]:
        name = row["contender"] + (" (jit)" if row.get("jit") else "")
        if not row.get("median_wall"):
            print(f"{name:16} {row['status']}")
            continue
        ratios = [
            f"{row[f'ours_over_this_{key}']:6.2f}"
            if row.get(f"ours_over_this_{key}") and row["contender"] != "GEMM"
            else "     -"
            for key in ("wall", "cpu", "peak")
        ]
        share = row.get("share_of_ceiling")
        print(
            f"{name:16} {row['median_wall']:5.2f} s {row['median_cpu']:5.2f} s "
            f"{row['peak'] / 1e9:4.2f} GB  |{' '.join(ratios)} | "
            f"{'-' if share is None else f'{share:.0%}':>5}"
        )
    for row in report["rows"]:
        tried = row.get("with_jit")
        if isinstance(tried, dict) and tried["time_ratio_to_without"]:
            ratio = tried["time_ratio_to_without"]
            print(f"  {row['contender']}: with jit_compile {ratio:.2f} of the time")
        elif tried:
            print(f"  {row['contender']}: with jit_compile {tried}")
    gemm = report["rows"][-1]
    if gemm.get("median_wall"):
        print(f"  GEMM ceiling, float32: {gemm['gflops_per_second']:.0f} GFLOP/s")
    if report.get("machine_used_by_others", 0) > 0.1:
        busy = report["machine_used_by_others"]
        print(f"  NOISY: other processes used {busy:.0%} of the machine's CPU time")


def print_targets(checked):
    print("\nTargets (ours / theirs, medians of paired rounds)")
    for t in checked:
        if t["key"] == "ceiling":
            what, bound = "share of the GEMM ceiling", ">="
        else:
            quantity = "time" if t["key"] == "wall" else "peak memory"
            what, bound = f"{quantity} / {t['other']}", "<="
        verdict = "met" if t["met"] else "MISSED"
        print(
            f"  {t['case']:17} {what:28} {t['value']:5.2f}  {bound} {t['limit']:.2f}  "
            f"{verdict}"
        )
