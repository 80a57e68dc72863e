"""Models against scikit-learn, and their documents."""

import json

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Reference

from core.errors import InvalidInput
from core.learning.models import fit, from_document


def sample(seed=1, count=300):
    generator = np.random.default_rng(seed)
    x = generator.normal(2.0, 3.0, (count, 5)) * np.array([1.0, 10.0, 0.1, 1.0, 1.0])
    return x, x @ np.array([0.5, -0.02, 3.0, 0.0, 0.0]) + generator.normal(0.0, 1.0, count)


@pytest.mark.parametrize("penalty", [0.0, 0.01, 1.0, 100.0])
def test_ridge_equals_scikit_learn(penalty):
    x, y = sample()
    found = fit("ridge", x, y, penalty=penalty)
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    reference = Reference(alpha=penalty * len(x), solver="cholesky").fit(scaled, y)
    np.testing.assert_allclose(found.coefficients, reference.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.predict(x), reference.predict(scaled), rtol=1e-9)


@pytest.mark.parametrize("name", ["ridge", "lightgbm"])
def test_a_document_predicts_the_same(name):
    x, y = sample(2)
    model = fit(name, x, y)
    again = from_document(json.loads(json.dumps(model.to_document())))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert np.corrcoef(model.predict(x), y)[0, 1] > 0.8


def test_the_same_seed_grows_the_same_trees():
    x, y = sample(3)
    one, two = (fit("lightgbm", x, y, seed=4).predict(x) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_without_lightgbm_the_message_says_what_to_do(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(InvalidInput, match="not installed") as caught:
        fit("lightgbm", *sample())
    assert "learning" in str(caught.value.hint)


def test_what_does_not_fit_is_named():
    x, y = sample()
    with pytest.raises(InvalidInput, match="at least 50"):
        fit("ridge", x[:10], y[:10])
    with pytest.raises(InvalidInput, match="gaps"):
        fit("ridge", np.where(x > 5, np.nan, x), y)
    with pytest.raises(InvalidInput, match="model is 'guess'"):
        fit("guess", x, y)
    with pytest.raises(InvalidInput, match="holds model"):
        from_document({"model": "other"})
