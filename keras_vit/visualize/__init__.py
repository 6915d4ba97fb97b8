"""Attention, filters, features and positions of a model, as arrays and as plots."""

from keras_vit.common.lazy import lazy_attributes

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(),
    {
        "visualize.attention": [
            "attention_maps",
            "attention_rollout",
            "attention_to_patches",
            "pooling_attention",
            "rollout",
        ],
        "visualize.changes": ["permute_patches", "shift"],
        "visualize.charts": [
            "plot_attention_distance",
            "plot_attention_entropy",
            "plot_inductive_bias",
            "plot_token_norms",
        ],
        "visualize.features": ["class_activation", "feature_colours"],
        "visualize.filters": ["filter_components", "patch_filters"],
        "visualize.gradients": ["relevance"],
        "visualize.lab": ["feature_drift", "inductive_bias"],
        "visualize.measures": [
            "attention_distance",
            "attention_entropy",
            "mean_attention_distance",
            "norm_outliers",
            "token_norms",
        ],
        "visualize.pictures": ["plot_images", "plot_patches"],
        "visualize.planes": ["plane_fields"],
        "visualize.plots": [
            "filter_mosaic",
            "overlay",
            "plot_attention",
            "plot_filters",
            "plot_position_similarity",
        ],
        "visualize.positions": ["position_similarity"],
    },
)
