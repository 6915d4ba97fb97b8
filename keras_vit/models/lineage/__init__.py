"""The networks that the Vision Transformer comes from and is compared to."""
