"""Runs a study in a process of its own: on a Ray cluster, or one cell after another."""

import sys

from keras_vit.studies.running.job import run_study
from keras_vit.studies.study import Study


def main(study, folder, address=None):
    options = {"engine": "ray", "address": address} if address else {}
    outcome = run_study(
        Study.from_json(study), folder, devices="cpu", save_minutes=0.005, **options
    )
    print(outcome)
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
