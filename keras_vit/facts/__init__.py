"""What a model is made of, and what it takes."""

from keras_vit.facts.facts import ModelFacts, summary

__all__ = ["ModelFacts", "summary"]
