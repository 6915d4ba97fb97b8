"""Student's t against SciPy."""

import numpy as np
import pytest
from scipy import stats

from keras_vit.common.student import t_probability, t_quantile

DEGREES = (1, 1.5, 2, 3, 8, 30, 400, 1e5)


def test_quantiles_and_probabilities_are_those_of_scipy():
    shares = (1e-6, 0.001, 0.025, 0.6, 0.95, 0.975, 0.9999)
    ours = [[t_quantile(p, d) for p in shares] for d in DEGREES]
    theirs = [[stats.t.ppf(p, d) for p in shares] for d in DEGREES]
    np.testing.assert_allclose(ours, theirs, rtol=1e-7)
    values = (-40.0, -1.5, -1e-9, 0.0, 0.3, 2.0, 12.0)
    ours = [[t_probability(v, d) for v in values] for d in DEGREES]
    theirs = [[stats.t.cdf(v, d) for v in values] for d in DEGREES]
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-300)


@pytest.mark.parametrize(
    "share, degrees", [(0, 2), (1, 2), (0.5, 0), (float("nan"), 2)]
)
def test_what_is_no_probability_or_no_freedom_is_refused(share, degrees):
    with pytest.raises(ValueError, match="`share` must be in"):
        t_quantile(share, degrees)
