"""The same two jobs written for each library, in the fast form its users would write.

`forward` is a ViT-B/16 on a batch of images; `train` is one step of a ViT-S/16:
forward, backward, AdamW. Random weights, no dropout, 1000 classes. This module is
imported by the workers; every library is imported where it is used.
"""

import os

import numpy as np

SIZES = {
    "forward": {"hidden": 768, "mlp": 3072, "heads": 12, "row": "ViT_B16"},
    "train": {"hidden": 384, "mlp": 1536, "heads": 6, "row": "ViT_S16"},
}
BATCH, IMAGE, PATCH, LAYERS, CLASSES = 8, 224, 16, 12, 1000
TOKENS = (IMAGE // PATCH) ** 2 + 1
LEARNING_RATE, WEIGHT_DECAY = 1e-4, 0.05
# The largest matrix product of ViT-B/16: all tokens of a batch into the MLP.
GEMM_SHAPE = (BATCH * TOKENS, 768, 3072)
GEMM_REPEATS = 12  # about as long as a model's step


def gflops(workload):
    """GFLOPs of one step, 2 for a multiply-add; the backward pass costs two forward."""
    size = SIZES[workload]
    d, m, t = size["hidden"], size["mlp"], TOKENS
    block = 2 * t * d * (4 * d + 2 * m) + 4 * t * t * d
    image = 2 * (t - 1) * 3 * PATCH**2 * d + LAYERS * block + 2 * d * CLASSES
    return BATCH * image * (3 if workload == "train" else 1) / 1e9


def data():
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (BATCH, IMAGE, IMAGE, 3)).astype("float32")
    return images, rng.integers(0, CLASSES, BATCH)


def prepare(contender, workload, dtype, jit=False):
    """A warm step of `contender`, and `{"params": ...}`.

    Args:
        contender: Key of `KERAS_MODELS` or `TORCH_MODELS`.
        workload: `"forward"` or `"train"`.
        dtype: `"float32"` or `"bfloat16"` (mixed precision).
        jit: Boolean, whether Keras compiles with XLA.
    """
    if contender in KERAS_MODELS:
        step, params = _keras(KERAS_MODELS[contender], workload, dtype, jit)
    else:
        step, params = _torch(TORCH_MODELS[contender], workload, dtype)
    step()
    step()
    return step, {"params": int(params)}


def prepare_gemm(dtype):
    """The matrix product that the models are measured against."""
    import tensorflow as tf

    _limit_tensorflow_threads(tf)
    m, k, n = GEMM_SHAPE
    a = tf.cast(tf.random.stateless_normal((m, k), (0, 1)), dtype)
    b = tf.cast(tf.random.stateless_normal((k, n), (0, 2)), dtype)
    product = tf.function(tf.matmul)

    def step():
        for _ in range(GEMM_REPEATS):
            product(a, b)

    step()
    return step, {"gflops": GEMM_REPEATS * 2 * m * k * n / 1e9}


def _keras(build, workload, dtype, jit):
    import keras
    import tensorflow as tf

    _limit_tensorflow_threads(tf)
    keras.utils.set_random_seed(0)
    policy = "mixed_bfloat16" if dtype == "bfloat16" else dtype
    keras.config.set_dtype_policy(policy)
    model = build(SIZES[workload], policy)
    images, labels = map(tf.constant, data())
    if workload == "forward":
        call = tf.function(lambda x: model(x, training=False), jit_compile=jit)
        return lambda: call(images).numpy(), model.count_params()
    model.compile(
        keras.optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=jit,
    )
    return lambda: model.train_on_batch(images, labels), model.count_params()


def _limit_tensorflow_threads(tf):
    threads = int(os.environ["BENCHMARK_THREADS"])
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def keras_vit_model(size, policy):
    import keras_vit

    return getattr(keras_vit, size["row"])(CLASSES, dtype=policy)


def keras_hub_model(size, policy):
    from keras_hub import models

    backbone = models.ViTBackbone(
        image_shape=(IMAGE, IMAGE, 3),
        patch_size=PATCH,
        num_layers=LAYERS,
        num_heads=size["heads"],
        hidden_dim=size["hidden"],
        mlp_dim=size["mlp"],
        dropout_rate=0.0,
        attention_dropout=0.0,
        use_class_token=True,
        dtype=policy,
    )
    return models.ViTImageClassifier(backbone, CLASSES, pooling="token")


def vit_keras_model(size, policy):
    from vit_keras import vit  # takes the global dtype policy

    return vit.build_model(
        image_size=IMAGE,
        patch_size=PATCH,
        num_layers=LAYERS,
        hidden_size=size["hidden"],
        num_heads=size["heads"],
        mlp_dim=size["mlp"],
        name="vit",
        classes=CLASSES,
        dropout=0.0,
    )


def _torch(build, workload, dtype):
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(int(os.environ["BENCHMARK_THREADS"]))
    model, logits = build(SIZES[workload])
    params = sum(p.numel() for p in model.parameters())
    images, labels = map(torch.from_numpy, data())
    images = images.permute(0, 3, 1, 2).contiguous()
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16")

    if workload == "forward":
        model.eval()

        def step():
            with torch.inference_mode(), autocast:
                return logits(images)

        return step, params

    model.train()
    optimizer = torch.optim.AdamW(
        model.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
    )

    def train_step():
        with autocast:
            loss = torch.nn.functional.cross_entropy(logits(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return train_step, params


def transformers_model(size):
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=size["hidden"],
        num_hidden_layers=LAYERS,
        num_attention_heads=size["heads"],
        intermediate_size=size["mlp"],
        image_size=IMAGE,
        patch_size=PATCH,
        num_labels=CLASSES,
    )
    model = ViTForImageClassification(config)
    return model, lambda x: model(x).logits


def timm_model(size):
    import timm

    name = {"ViT_B16": "vit_base_patch16_224", "ViT_S16": "vit_small_patch16_224"}
    model = timm.create_model(name[size["row"]], pretrained=False)
    return model, model


KERAS_MODELS = {
    "keras_vit": keras_vit_model,
    "keras-hub": keras_hub_model,
    "vit-keras": vit_keras_model,
}
TORCH_MODELS = {"transformers": transformers_model, "timm": timm_model}
NEEDS = {  # modules that must be importable
    "keras_vit": ("keras_vit", "tensorflow"),
    "keras-hub": ("keras_hub", "tensorflow"),
    "vit-keras": ("vit_keras", "tensorflow"),
    "transformers": ("transformers", "torch"),
    "timm": ("timm", "torch"),
}
