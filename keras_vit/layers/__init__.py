"""Layers: the parts of ViT, hybrid and BiT models."""

from keras_vit.layers.classic.c_layer import CLayer
from keras_vit.layers.classic.euclidean_rbf import EuclideanRBF
from keras_vit.layers.classic.local_response_norm import LocalResponseNorm
from keras_vit.layers.classic.partial_conv import PartialConv2D
from keras_vit.layers.classic.s_layer import SLayer
from keras_vit.layers.classic.scaled_tanh import scaled_tanh
from keras_vit.layers.classic.subsampling import Subsampling
from keras_vit.layers.convolution.batch_norm import BatchNorm
from keras_vit.layers.convolution.group_norm import GroupNorm
from keras_vit.layers.convolution.mbconv import MBConv
from keras_vit.layers.convolution.residual_units import (
    PostActivationUnit,
    PreActivationUnit,
)
from keras_vit.layers.convolution.resnet_unit import ResNetUnit
from keras_vit.layers.convolution.standardized_conv import StandardizedConv2D
from keras_vit.layers.maps.grid_boxes import BoxesAroundPoints, GridPoints
from keras_vit.layers.maps.mask_transformer import MaskTransformer
from keras_vit.layers.maps.padding import PadToMultiple
from keras_vit.layers.maps.resizing import AlignedUpsampling, ToImageSize
from keras_vit.layers.maps.size_check import SizeCheck
from keras_vit.layers.tokens.crop import CropToMultiple
from keras_vit.layers.tokens.patch_corruption import PatchCorruption
from keras_vit.layers.tokens.patch_encoder import PatchEncoder
from keras_vit.layers.tokens.patches import Patches, unpatchify
from keras_vit.layers.tokens.pooling import AttentionPooling, TokenPooling
from keras_vit.layers.tokens.position_embedding import PositionEmbedding, sincos2d
from keras_vit.layers.tokens.take_tokens import TakeTokens
from keras_vit.layers.tokens.token_map import TokensToMap
from keras_vit.layers.transformer.attention import MultiHeadSelfAttention
from keras_vit.layers.transformer.layer_norm import LayerNorm
from keras_vit.layers.transformer.mlp import MLP
from keras_vit.layers.transformer.relative_attention import RelativeSelfAttention
from keras_vit.layers.transformer.sinusoids import sincos1d
from keras_vit.layers.transformer.stochastic_depth import StochasticDepth
from keras_vit.layers.transformer.transformer_block import LayerScale, TransformerBlock
from keras_vit.layers.transformer.transformer_encoder import TransformerEncoder

__all__ = [
    "MLP",
    "AlignedUpsampling",
    "AttentionPooling",
    "BatchNorm",
    "BoxesAroundPoints",
    "CLayer",
    "CropToMultiple",
    "EuclideanRBF",
    "GridPoints",
    "GroupNorm",
    "LayerNorm",
    "LayerScale",
    "LocalResponseNorm",
    "MBConv",
    "MaskTransformer",
    "MultiHeadSelfAttention",
    "PadToMultiple",
    "PartialConv2D",
    "PatchCorruption",
    "PatchEncoder",
    "Patches",
    "PositionEmbedding",
    "PostActivationUnit",
    "PreActivationUnit",
    "RelativeSelfAttention",
    "ResNetUnit",
    "SLayer",
    "SizeCheck",
    "StandardizedConv2D",
    "StochasticDepth",
    "Subsampling",
    "TakeTokens",
    "ToImageSize",
    "TokenPooling",
    "TokensToMap",
    "TransformerBlock",
    "TransformerEncoder",
    "scaled_tanh",
    "sincos1d",
    "sincos2d",
    "unpatchify",
]
