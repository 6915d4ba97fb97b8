"""Chips that an estimate can name: the peak of their matrix units."""

# 1e12 floating-point operations per second in bfloat16 (float16 where a chip has no
# bfloat16), dense, as their makers state them; of a TPU, one chip. The papers count
# TPUv3 cores, two to a chip.
PEAK_TFLOPS = {
    "tpu-v2": 45.0,
    "tpu-v3": 123.0,
    "tpu-v3-core": 61.5,
    "tpu-v4": 275.0,
    "tpu-v5e": 197.0,
    "t4": 65.0,
    "v100": 125.0,
    "a100": 312.0,
    "l4": 121.0,
    "h100": 989.0,
}

# The share of the peak that a well-fed training run is assumed to reach. With it, the
# estimates of ViT-L/16 and ViT-H/14 lie within a quarter of the published core-days.
UTILISATION = 0.4
