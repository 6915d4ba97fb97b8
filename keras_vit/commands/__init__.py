"""The commands of `keras-vit`: a dataclass each, whose fields are its options.

Called, a command does its work, prints the result on stdout and returns the exit
status. What computes is imported only by the command that needs it.
"""

from keras_vit.commands.data import Data
from keras_vit.commands.evaluate import Evaluate
from keras_vit.commands.explain import Explain
from keras_vit.commands.export import Export
from keras_vit.commands.models import Models
from keras_vit.commands.predict import Predict
from keras_vit.commands.pretrain import Pretrain
from keras_vit.commands.probe import Probe
from keras_vit.commands.recipes import Recipes
from keras_vit.commands.runs import Runs
from keras_vit.commands.tpu_check import TpuCheck
from keras_vit.commands.train import Train
from keras_vit.commands.tune import Tune
from keras_vit.commands.verify import Verify

# In the order of the help.
COMMANDS = {
    "probe": Probe,
    "pretrain": Pretrain,
    "train": Train,
    "tune": Tune,
    "evaluate": Evaluate,
    "runs": Runs,
    "predict": Predict,
    "explain": Explain,
    "export": Export,
    "data": Data,
    "models": Models,
    "recipes": Recipes,
    "tpu-check": TpuCheck,
    "verify": Verify,
}

__all__ = [
    "COMMANDS",
    "Data",
    "Evaluate",
    "Explain",
    "Export",
    "Models",
    "Predict",
    "Pretrain",
    "Probe",
    "Recipes",
    "Runs",
    "TpuCheck",
    "Train",
    "Tune",
    "Verify",
]
