"""What a model is made of, and what it takes."""

from keras_vit.costs.summary import ModelFacts, summary

__all__ = ["ModelFacts", "summary"]
