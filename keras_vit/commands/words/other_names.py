"""What other tools call our options: understood where the meaning is the same."""

# Names of timm, Ultralytics, Hugging Face's Trainer, fastai and Keras, with `-` for
# `_`, and the field that means the same. A command understands those of its own fields.
SAME = {
    # The images and the run folder.
    "path": "data",
    "img-size": "image_size",
    "imgsz": "image_size",
    "size": "image_size",
    "in-chans": "num_channels",
    "valid-pct": "validation_fraction",
    "output-dir": "run",
    # The model and where it begins.
    "arch": "model",
    "initial-checkpoint": "weights",
    "finetune": "weights",
    "hidden-dropout-prob": "dropout_rate",
    "drop-path": "drop_path_rate",
    "num-train-epochs": "epochs",
    "n-epoch": "epochs",
    "max-steps": "total_steps",
    # Batches and the optimizer.
    "batch": "batch_size",
    "bs": "batch_size",
    "lr": "learning_rate",
    "lr0": "learning_rate",
    "lr-max": "learning_rate",
    "base-lr": "learning_rate",
    "wd": "weight_decay",
    "clip-grad": "global_clipnorm",
    "max-grad-norm": "global_clipnorm",
    "model-ema-decay": "ema_momentum",
    "layer-decay-rate": "layer_decay",
    "smoothing": "label_smoothing",
    "label-smoothing-factor": "label_smoothing",
    "gradient-checkpointing": "remat",
    "grad-checkpointing": "remat",
    "patience": "early_stopping",
    "early-stopping-patience": "early_stopping",
    "lora": "lora_rank",
    "lora-r": "lora_rank",
    "class-weight": "class_weights",
    "report-to": "track",
    "opt": "optimizer",
    "optim": "optimizer",
    "sched": "decay",
    "lr-scheduler-type": "decay",
    "device": "devices",
    # Other commands.
    "conf": "score",
    "topk": "top",
    "output": "out",
}

# Of some fields, what other tools write for a value that is the same.
VALUES = {
    "optimizer": {
        "adamw-torch": "adamw",
        "adamw-torch-fused": "adamw",
        "momentum": "sgd",
        "rmsproptf": "rmsprop",
    },
}
# Names with these values only, as others have another meaning; and what to use then.
_RATES = "give --decay, and read what --help-all says of its shapes"
ONLY = {
    "lr-scheduler-type": (("cosine",), _RATES),
    "sched": (("cosine",), _RATES),
    "device": (
        ("auto", "cpu", "gpu", "tpu"),
        "--devices says how many, not which: gpu for all, gpu:2 for two; the "
        "environment variable CUDA_VISIBLE_DEVICES says which",
    ),
}

# Names without a value, and the words that mean the same.
WORDS = {
    "bf16": ("dtype", "mixed_bfloat16"),
    "fp16": ("dtype", "mixed_float16"),
    "load-best-model-at-end": ("keep", "best"),
}

# Names whose meaning is another one, or has no name here: the field that comes nearest,
# and what to do.
_STEP = ("augment", "give it as a step of --augment, if the README lists it there")
_DROPOUT = ("dropout_rate", "--dropout-rate is after each dense layer, not of the head")
INSTEAD = {
    "drop": _DROPOUT,
    "dropout": _DROPOUT,
    "clipnorm": ("global_clipnorm", "--global-clipnorm is of all gradients together"),
    "bce-loss": ("loss", "give --loss sigmoid, which adds up over the classes"),
    "pretrained": (
        "weights",
        "name the weights, as in --weights augreg (`keras-vit models --weights` lists "
        "them)",
    ),
    "model-name-or-path": (
        "weights",
        "give --model and --weights, as in --model ViT_B16 --weights augreg, or "
        "--weights hf://OWNER/NAME",
    ),
    "dataset": ("data", "give the folder or the name: keras-vit train ./photos"),
    "dataset-name": ("data", "give the folder or the name: keras-vit train ./photos"),
    "train-dir": ("data", "give the folder that has train and test in it"),
    "num-classes": ("model", "leave it out: the classes are those of the data"),
    "input-size": ("image_size", "give height and width: --image-size 224"),
    "per-device-train-batch-size": (
        "batch_size",
        "--batch-size counts the images of all devices together",
    ),
    "gradient-accumulation-steps": (
        "accumulation_steps",
        "--accumulation-steps computes a batch in so many parts: give the whole batch "
        "as --batch-size",
    ),
    "grad-accum-steps": (
        "accumulation_steps",
        "--accumulation-steps computes a batch in so many parts: give the whole batch "
        "as --batch-size",
    ),
    "metric-for-best-model": (
        "monitor",
        "--monitor names it, as in --monitor val_accuracy",
    ),
    "time": ("max_minutes", "--max-minutes counts minutes"),
    "time-limit": ("max_minutes", "--max-minutes counts minutes"),
    "warmup-epochs": ("warmup_steps", "--warmup-steps counts updates"),
    "warmup-ratio": (
        "warmup_steps",
        "--warmup-steps counts updates; a tenth of all if not given",
    ),
    "cooldown-epochs": ("cooldown_steps", "--cooldown-steps counts updates"),
    "min-lr": ("decay_end", "--decay-end is the last rate of --decay linear"),
    "lrf": ("decay_end", "--decay-end is the last rate of --decay linear"),
    "cos-lr": ("decay", "--decay cosine is the default"),
    "opt-eps": ("optimizer", "that of AdamW is fixed; --optimizer and --momentum"),
    "amp": ("dtype", "give --dtype mixed_bfloat16, or mixed_float16"),
    "model-ema": ("ema_momentum", "give its momentum: --ema-momentum 0.9999"),
    "mixup": ("augment", "it is a step: --augment 'crop_flip|mixup(0.2)'"),
    "cutmix": _STEP,
    "aa": (
        "augment",
        "it is a step: --augment 'inception_crop|flip|randaugment(2,10)'",
    ),
    "hflip": ("augment", "--augment flip mirrors every other image"),
    "no-aug": ("augment", "give --augment none"),
    "reprob": _STEP,
    "color-jitter": _STEP,
    "project": ("run", "give --run PROJECT/NAME"),
    "name": ("run", "give --run runs/NAME"),
    "experiment": ("run", "give --run OUTPUT/EXPERIMENT"),
    "output": ("run", "give the run folder itself: --run OUTPUT/EXPERIMENT"),
    "exist-ok": ("run", "--run takes a new folder, or with --resume one that is there"),
    "resume-from-checkpoint": ("resume", "give --resume, and --run FOLDER"),
    "save-total-limit": ("keep", "one file is kept, the last or the best: --keep"),
    "workers": ("devices", "leave it out: images are read by all cores"),
    "num-workers": ("devices", "leave it out: images are read by all cores"),
    "dataloader-num-workers": (
        "devices",
        "leave it out: images are read by all cores",
    ),
    "torchcompile": ("jit_compile", "--jit-compile yes compiles the training step"),
    "source": ("files", "give the files after the model: keras-vit predict RUN ./new"),
    "batch-size-per-device": (
        "batch_size",
        "--batch-size counts the images of all devices together",
    ),
}
