"""A study on a disk that is really full: files cannot grow beyond a limit."""

import json
import os
import subprocess
import sys

import pytest
from test_real_cells import STUDY

from keras_vit.studies import StudyFolder

resource = pytest.importorskip("resource")

# Bytes: more than a file of the narrow model, less than one of the wide one.
LIMIT = 400_000
ARMS = {"A": {}, "B": {"hidden_dim": 128, "mlp_dim": 256}}


def _limited():
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))


@pytest.mark.slow
def test_a_full_disk_ends_the_study_and_the_same_command_goes_on(tmp_path):
    values = {**STUDY.to_json(), "arms": ARMS}
    (tmp_path / "tiny.json").write_text(json.dumps(values))
    folder = StudyFolder(tmp_path / "s")
    words = [sys.executable, "-m", "keras_vit", "study", str(tmp_path / "tiny.json")]
    words += ["--folder", str(folder.path), "--keep", "all"]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    options = {"env": variables, "cwd": tmp_path, "text": True, "capture_output": True}
    full = subprocess.run(words, preexec_fn=_limited, **options)
    assert full.returncode == 1 and "Traceback" not in full.stderr, full.stderr
    assert "File too large" in full.stderr
    assert folder.read_result("b/seed_0") is None
    assert folder.read_result("a/seed_0")["status"] == "done"
    ended = (folder.cell("a/seed_0") / "result.json").read_bytes()
    again = subprocess.run(words, **options)
    assert again.returncode == 0, again.stderr
    assert (folder.cell("a/seed_0") / "result.json").read_bytes() == ended
    assert folder.read_result("b/seed_0")["status"] == "done"
    assert not list(folder.path.rglob(".*.tmp*"))
