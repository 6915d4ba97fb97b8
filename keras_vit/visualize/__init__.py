"""What a model looks at: arrays first, plots after."""

from keras_vit.common.lazy import lazy_attributes

_LAZY = {
    "attention_distance": "keras_vit.visualize.measures:attention_distance",
    "attention_entropy": "keras_vit.visualize.measures:attention_entropy",
    "attention_maps": "keras_vit.visualize.attention:attention_maps",
    "attention_rollout": "keras_vit.visualize.attention:attention_rollout",
    "attention_to_patches": "keras_vit.visualize.attention:attention_to_patches",
    "class_activation": "keras_vit.visualize.features:class_activation",
    "feature_colours": "keras_vit.visualize.features:feature_colours",
    "feature_drift": "keras_vit.visualize.lab:feature_drift",
    "filter_mosaic": "keras_vit.visualize.plots:filter_mosaic",
    "filter_components": "keras_vit.visualize.filters:filter_components",
    "inductive_bias": "keras_vit.visualize.lab:inductive_bias",
    "mean_attention_distance": "keras_vit.visualize.measures:mean_attention_distance",
    "norm_outliers": "keras_vit.visualize.measures:norm_outliers",
    "overlay": "keras_vit.visualize.plots:overlay",
    "patch_filters": "keras_vit.visualize.filters:patch_filters",
    "plot_attention": "keras_vit.visualize.plots:plot_attention",
    "plot_attention_distance": "keras_vit.visualize.depth:plot_attention_distance",
    "plot_attention_entropy": "keras_vit.visualize.depth:plot_attention_entropy",
    "permute_patches": "keras_vit.visualize.changes:permute_patches",
    "plot_inductive_bias": "keras_vit.visualize.lab_plots:plot_inductive_bias",
    "plot_filters": "keras_vit.visualize.plots:plot_filters",
    "plot_position_similarity": "keras_vit.visualize.plots:plot_position_similarity",
    "plot_token_norms": "keras_vit.visualize.depth:plot_token_norms",
    "pooling_attention": "keras_vit.visualize.attention:pooling_attention",
    "position_similarity": "keras_vit.visualize.positions:position_similarity",
    "relevance": "keras_vit.visualize.gradients:relevance",
    "rollout": "keras_vit.visualize.attention:rollout",
    "shift": "keras_vit.visualize.changes:shift",
    "token_norms": "keras_vit.visualize.measures:token_norms",
}
__getattr__, __dir__ = lazy_attributes(globals(), _LAZY)

__all__ = sorted(_LAZY)
