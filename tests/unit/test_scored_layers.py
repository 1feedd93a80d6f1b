"""What layers say of the truth that they are scored against."""

import re
from dataclasses import asdict

import pytest

from eomap.core.layer import KINDS, Layer
from eomap.products import products

MAIN = {"class", "value", "score"}


@pytest.mark.parametrize("made", products().values(), ids=lambda p: p.name)
def test_layers_that_name_a_truth_say_what_they_are(made):
    by_truth = {}
    for layer in made.gives:
        assert bool(layer.truth) == bool(layer.kind), layer.name
        if layer.truth:
            assert layer.kind in KINDS and re.fullmatch(r"[a-z0-9_]+(:\w+)?", layer.truth)
            assert (layer.kind == "class") == bool(layer.legend)
            by_truth.setdefault(layer.truth, []).append(layer.kind)
    for kinds in by_truth.values():
        assert len(set(kinds)) == len(kinds) and len(MAIN & set(kinds)) == 1


def test_a_layer_of_an_older_cube_names_no_truth():
    old = {k: v for k, v in asdict(Layer("a", "uint8", "a", 255)).items() if k not in ("kind", "truth")}
    assert (Layer(**old).kind, Layer(**old).truth) == ("", "")
