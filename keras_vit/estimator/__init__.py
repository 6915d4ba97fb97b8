"""`Classifier`: fits and predicts as scikit-learn's classifiers do."""

from keras_vit.common.installed import need
from keras_vit.common.lazy import lazy_attributes

need("keras_vit.Classifier", "sklearn", sklearn="scikit-learn")

__getattr__, __dir__, __all__ = lazy_attributes(
    globals(), {"estimator.classifier": ["Classifier"]}
)
