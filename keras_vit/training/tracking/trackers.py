"""What each tracker is told of a run, in its own words.

A tracker begins with a name, the parameters, and the key that it gave the run before;
`key` is that of the run now. It is told numbers by test, files, and how the run ended.
"""

import os
import uuid

PROJECT = "keras-vit"


class MlflowTracker:
    """A run of mlflow, where its own variables say: MLFLOW_TRACKING_URI and so on.

    Args:
        folder: The `RunFolder`.
        parameters: Dictionary of texts and numbers.
        key: The run's id there, or `None` for a new run.
    """

    def __init__(self, folder, parameters, key=None):
        from mlflow import MlflowClient

        self.client = MlflowClient()
        self.key = key or self._new(folder)
        if key is None:
            for name, value in parameters.items():
                self.client.log_param(self.key, name, value)
        self.client.update_run(self.key, status="RUNNING")

    def _new(self, folder):
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        experiment = self.client.get_experiment_by_name(name)
        number = getattr(experiment, "experiment_id", None)
        if number is None:
            number = self.client.create_experiment(name)
        return self.client.create_run(number, run_name=folder.path.name).info.run_id

    def log(self, numbers, step):
        for name, value in numbers.items():
            self.client.log_metric(self.key, name, value, step=step)

    def summarise(self, numbers, step):
        self.log(numbers, step)

    def save(self, paths):
        for path in paths:
            self.client.log_artifact(self.key, str(path))

    def end(self, status):
        known = {"finished": "FINISHED", "interrupted": "KILLED"}
        self.client.set_terminated(self.key, known.get(status, "FAILED"))


class WandbTracker:
    """A run of Weights & Biases, where WANDB_MODE, WANDB_PROJECT and so on say.

    Args:
        folder, parameters, key: As for `MlflowTracker`.
    """

    def __init__(self, folder, parameters, key=None):
        import wandb

        self.key = key or uuid.uuid4().hex[:8]
        self.folder = folder
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=self.key,
            name=folder.path.name,
            resume="allow",
            config=parameters,
            dir=os.environ.get("WANDB_DIR", str(folder.path)),
            settings=wandb.Settings(silent=True, console="off"),
        )

    def log(self, numbers, step):
        self.run.log(numbers, step=step)

    def summarise(self, numbers, step):
        self.run.summary.update(numbers)

    def save(self, paths):
        for path in paths:
            self.run.save(str(path), base_path=str(self.folder.path), policy="now")

    def end(self, status):
        self.run.finish(exit_code=0 if status == "finished" else 1)


class TensorBoardTracker:
    """Recipe and final numbers beside those that a run's folder has anyway.

    Args:
        folder, parameters, key: As for `MlflowTracker`. There is one run in a folder.
    """

    key = "tensorboard"

    def __init__(self, folder, parameters, key=None):
        import tensorflow as tf

        self.summary, self.folder = tf.summary, folder
        if key is None:
            rows = [f"| {name} | {value} |" for name, value in parameters.items()]
            text = "\n".join(["| field | value |", "| --- | --- |", *rows])
            with self._writer():
                self.summary.text("recipe", text, step=0)

    def _writer(self):
        writer = self.summary.create_file_writer(str(self.folder.tensorboard / "final"))
        return writer.as_default()

    def log(self, numbers, step):
        """The run writes them itself."""

    def summarise(self, numbers, step):
        with self._writer():
            for name, value in numbers.items():
                self.summary.scalar(name, value, step=step)

    def save(self, paths):
        """It shows no pages."""

    def end(self, status):
        """Its files are complete at any time."""


# Names of trackers, with the package that each needs.
TRACKERS = {
    "mlflow": (MlflowTracker, "mlflow"),
    "wandb": (WandbTracker, "wandb"),
    "tensorboard": (TensorBoardTracker, "tensorboard"),
}
