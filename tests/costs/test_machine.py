"""The memory of a machine is read from the files that Linux keeps."""

from keras_vit.costs.machine import available_memory, available_to_process

GIB = 2**30


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MEMINFO = {"proc/meminfo": "MemTotal: 99 kB\nMemAvailable:    8388608 kB\nX: 1 kB\n"}


def test_this_machine_has_some():
    assert available_memory() is None or available_memory() > 2**26


def test_without_a_container_it_is_what_linux_calls_available(tmp_path):
    assert available_to_process(write(tmp_path, MEMINFO)) == 8 * GIB


def test_elsewhere_it_is_not_known(tmp_path):
    assert available_to_process(tmp_path) is None


def test_the_tightest_group_of_version_2_counts(tmp_path):
    files = {
        **MEMINFO,
        "proc/self/cgroup": "0::/outer/inner\n",
        "sys/fs/cgroup/outer/memory.max": f"{4 * GIB}\n",
        "sys/fs/cgroup/outer/memory.current": f"{3 * GIB}\n",
        "sys/fs/cgroup/outer/memory.stat": f"anon 5\ninactive_file {GIB}\n",
        "sys/fs/cgroup/outer/inner/memory.max": "max\n",
        "sys/fs/cgroup/outer/inner/memory.current": "1\n",
    }
    assert available_to_process(write(tmp_path, files)) == 2 * GIB


def test_groups_of_version_1_count_and_huge_limits_do_not(tmp_path):
    files = {
        **MEMINFO,
        "proc/self/cgroup": "3:cpu,cpuacct:/a\n2:memory:/a\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2**63 - 4096}",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": "1",
        "sys/fs/cgroup/memory/a/memory.limit_in_bytes": f"{5 * GIB}",
        "sys/fs/cgroup/memory/a/memory.usage_in_bytes": f"{4 * GIB}",
    }
    assert available_to_process(write(tmp_path, files)) == GIB


def test_a_group_seen_from_inside_its_container_is_at_the_root(tmp_path):
    files = {
        **MEMINFO,
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": f"{GIB}",
        "sys/fs/cgroup/memory.current": f"{2 * GIB}",
    }
    assert available_to_process(write(tmp_path, files)) == 0
