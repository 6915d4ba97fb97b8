"""Logits of transformers or timm for images, in a process without TensorFlow.

    python torch_worker.py transformers|timm|timm-npz MODEL IMAGES.npy LOGITS.npy

Loaded into one process, torch and TensorFlow can crash each other.
"""

import sys

import numpy as np
import torch


def network(kind, path):
    if kind == "transformers":
        import transformers

        return transformers.AutoModelForImageClassification.from_pretrained(path)
    import timm

    if kind == "timm":
        return timm.create_model(f"local-dir:{path}", pretrained=True)
    model = timm.models.vision_transformer.VisionTransformer(
        img_size=12, patch_size=4, embed_dim=16, depth=2, num_heads=2, num_classes=5,
        mlp_ratio=1.5, act_layer="gelu_tanh",
    )  # fmt: skip
    model.load_pretrained(path)
    return model


def main(kind, path, images, logits):
    pixels = torch.from_numpy(np.load(images)).permute(0, 3, 1, 2)
    with torch.no_grad():
        found = network(kind, path).eval()(pixels)
    np.save(logits, getattr(found, "logits", found).numpy())


if __name__ == "__main__":
    main(*sys.argv[1:])
