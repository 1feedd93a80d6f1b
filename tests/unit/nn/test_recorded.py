"""What is kept of a network's windows is what was wholly seen, and asking it so changes no answer."""

import numpy as np
import pytest
import torch

from eomap.core.windows import Layout
from eomap.errors import MisuseError
from eomap.nn.predict import OfReflectance, ready
from eomap.nn.recorded import Recorded, seen_parts
from eomap.nn.scored import Scored
from eomap.nn.sen2lcz import Sen2LCZ
from eomap.ood import Familiarity, Samples, fit

LAYOUT = Layout(32, 10, 10, 11, 4)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    module = OfReflectance(Sen2LCZ(dim=4).eval(), features="stages.0.1")
    return ready(module, name="a", sha256="", layout=LAYOUT, channels=17, of_classes=True)


@pytest.fixture(scope="module")
def code():
    return np.random.default_rng(0).integers(1, 5_000, (4, 10, 32, 32), dtype=np.uint16)


NOTHING = np.zeros((4, 0), np.float32)


def test_answers_are_those_of_the_network_and_gaps_are_not_kept(network, code):
    gappy = code.copy()
    gappy[1, 3, 5, 5] = 0
    recorded = Recorded(network)
    np.testing.assert_array_equal(recorded(gappy, NOTHING), network(gappy, NOTHING))
    features, logits = recorded.taken()
    assert features.shape == (3, 4) and logits.shape == (3, 17)
    np.testing.assert_array_equal(features, network.said(gappy, NOTHING)[1][[0, 2, 3]])
    assert not len(recorded.taken()[0])


def test_parts_are_seen_where_they_and_their_surroundings_are():
    layout = Layout(side_px=42, step_px=30, cell_px=10, lead_px=6)
    code = np.ones((1, 2, 42, 42), np.uint16)
    code[0, 1, 41, 0] = 0  # in the lead of the part in the south-west only
    assert seen_parts(code, layout, (3, 3))[0].tolist() == [[True] * 3, [True] * 3, [False, True, True]]
    code[0, 0, 20, 20] = 0
    assert seen_parts(code, layout, (3, 3)).sum() == 0 or not seen_parts(code, layout, (3, 3))[0, 1, 1]
    assert seen_parts(code, layout, (1, 1)).tolist() == [[[False]]]


def test_a_network_without_features_is_refused(code):
    module = OfReflectance(Sen2LCZ(dim=4).eval())
    bare = Recorded(ready(module, name="a", sha256="", layout=LAYOUT, channels=17))
    with pytest.raises(MisuseError, match="layer"):
        bare(code, NOTHING)


def test_a_temperature_changes_probabilities_and_nothing_else(network, code):
    features = network.said(code, NOTHING)[1]
    detector = fit("mahalanobis", Samples.of(np.random.default_rng(1).normal(size=(50, 4))))
    score = Scored(detector, Familiarity.of(detector.score(features)))
    plain, warm = (network.trusted(score=score, temperature=t) for t in (1.0, 2.0))
    assert plain.channels == warm.channels == 18
    a, b = plain(code, NOTHING), warm(code, NOTHING)
    np.testing.assert_array_equal(a[:, 17], b[:, 17])
    np.testing.assert_array_equal(a[:, :17].argmax(axis=1), b[:, :17].argmax(axis=1))
    assert (b[:, :17].max(axis=1) < a[:, :17].max(axis=1)).all()
    np.testing.assert_array_equal(a[:, :17], network(code, NOTHING))
