"""Detectors on disk: the same bytes again, exactly the same scores, and nothing but safetensors."""

import pickle

import numpy as np
import pytest

from eomap.errors import BrokenInputError
from eomap.io.ood_file import read_detector, write_detector
from eomap.ood import METHODS, Familiarity, Samples, fit


def _fitted(name):
    rng = np.random.default_rng(0)
    x, logits = rng.normal(size=(80, 5)), rng.normal(size=(80, 3)) + 2
    options = {"wild_nd": rng.normal(4, 1, (40, 5))} if name == "tardis" else {}
    return fit(name, Samples.of(x, logits), **options), x, logits


@pytest.mark.parametrize("name", METHODS)
def test_what_is_read_is_what_was_written(tmp_path, name):
    made, x, logits = _fitted(name)
    curve = Familiarity.of(made.score(x, logits))
    about = {"layer": "norm", "network": "abc"}
    for file in ("a", "b"):
        write_detector(tmp_path / file, made, curve, about=about)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    back, curve_back, about_back = read_detector(tmp_path / "a")
    assert about_back == about and type(back) is type(made)
    layer = curve_back.layer(back.score(x, logits))
    assert layer.tobytes() == curve.layer(made.score(x, logits)).tobytes()


def test_detectors_of_wide_features_stay_small(tmp_path):
    x = np.random.default_rng(0).normal(size=(1500, 256))
    for name in ("mahalanobis", "relative-mahalanobis", "neighbours"):
        made = fit(name, Samples.of(x, classes_n=np.arange(1500) % 17))
        write_detector(tmp_path / name, made, Familiarity.of(made.score(x)))
        assert (tmp_path / name).stat().st_size < 1_000_000


def test_other_files_are_refused(tmp_path):
    from safetensors.numpy import save_file

    (tmp_path / "pickle").write_bytes(pickle.dumps({"a": 1}))
    save_file({"a": np.ones(2)}, tmp_path / "weights")
    made, x, logits = _fitted("mahalanobis")
    write_detector(tmp_path / "whole", made, Familiarity.of(made.score(x, logits)))
    (tmp_path / "cut").write_bytes((tmp_path / "whole").read_bytes()[:-9])
    for name in ("pickle", "weights", "cut"):
        with pytest.raises(BrokenInputError):
            read_detector(tmp_path / name)
