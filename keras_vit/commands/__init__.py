"""The commands of `keras-vit`: one dataclass each, whose fields are its options.

Called, a command does its work, prints the result on stdout and returns the exit
status. What computes is imported only by the command that needs it.
"""

from keras_vit.commands.files.convert import Convert
from keras_vit.commands.files.export import Export
from keras_vit.commands.files.verify import Verify
from keras_vit.commands.judging.evaluate import Evaluate
from keras_vit.commands.judging.explain import Explain
from keras_vit.commands.judging.predict import Predict
from keras_vit.commands.judging.probe import Probe
from keras_vit.commands.judging.serve import Serve
from keras_vit.commands.listing.data import Data
from keras_vit.commands.listing.models import Models
from keras_vit.commands.listing.published import Published
from keras_vit.commands.listing.recipes import Recipes
from keras_vit.commands.listing.runs import Runs
from keras_vit.commands.machines.tpu_check import TpuCheck
from keras_vit.commands.training.pretrain import Pretrain
from keras_vit.commands.training.reproduce import Reproduce
from keras_vit.commands.training.study import Study
from keras_vit.commands.training.train import Train
from keras_vit.commands.training.tune import Tune

# In the order of the help.
COMMANDS = {
    "probe": Probe,
    "pretrain": Pretrain,
    "train": Train,
    "tune": Tune,
    "study": Study,
    "reproduce": Reproduce,
    "evaluate": Evaluate,
    "runs": Runs,
    "predict": Predict,
    "explain": Explain,
    "serve": Serve,
    "export": Export,
    "convert": Convert,
    "data": Data,
    "models": Models,
    "recipes": Recipes,
    "published": Published,
    "tpu-check": TpuCheck,
    "verify": Verify,
}

__all__ = ["COMMANDS", *(kind.__name__ for kind in COMMANDS.values())]
