"""The training loop: it learns, it repeats itself bit for bit, interrupted or not."""

import math
from dataclasses import replace

import pytest
import torch
from small_training import RECIPE, samples, small

from eomap.errors import BrokenInputError, MisuseError
from eomap.nn.normalised import Normalised
from eomap.training.loop import Course, rate_at, train
from eomap.training.windows import Windows

WINDOWS = Windows(RECIPE, samples())
SHORT = Course(steps=12, val_every=4, seed=5)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_it_learns_and_keeps_its_best():
    found = train(RECIPE, WINDOWS, Course(steps=120, val_every=20, seed=1))
    history = found.progress.history
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert found.progress.best_figure == min(h["mae"] for h in history)
    assert found.figures["mae"] < 0.15 and found.tested == 2
    assert isinstance(found.network, Normalised) and found.network.mean_c[0] > 1_000


def test_same_seed_same_weights_and_another_seed_others():
    states = [train(RECIPE, WINDOWS, replace(SHORT, seed=s)).network.state_dict() for s in (5, 5, 6)]
    assert same(states[0], states[1]) and not same(states[0], states[2])


def test_killed_and_gone_on_is_the_same_bit_for_bit(tmp_path):
    whole = train(RECIPE, WINDOWS, SHORT, folder=tmp_path / "whole")

    def die(kind, info):
        if kind == "train-step" and info["step"] == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(RECIPE, WINDOWS, SHORT, folder=tmp_path / "cut", notify=die)
    torch.rand(5)  # whatever happened in between
    steps = []
    rest = train(
        RECIPE, WINDOWS, SHORT, folder=tmp_path / "cut", resume=True,
        notify=lambda kind, info: steps.append(info["step"]) if kind == "train-step" else None,
    )  # fmt: skip
    assert steps == list(range(5, 13))
    assert same(whole.network.state_dict(), rest.network.state_dict())
    assert whole.progress.history == rest.progress.history and whole.figures == rest.figures


def test_only_the_same_training_is_gone_on_with(tmp_path):
    with pytest.raises(MisuseError, match="no checkpoint"):
        train(RECIPE, WINDOWS, SHORT, folder=tmp_path, resume=True)
    train(RECIPE, WINDOWS, replace(SHORT, steps=1), folder=tmp_path)
    with pytest.raises(MisuseError, match="another seed"):
        train(RECIPE, WINDOWS, replace(SHORT, seed=8), folder=tmp_path, resume=True)


def test_a_loss_that_is_no_number_ends_it():
    broken = replace(RECIPE, loss=lambda y, target, valid: y.sum() * math.nan)
    with pytest.raises(BrokenInputError, match="a loss that is a number"):
        train(broken, Windows(broken, samples()), SHORT)


def test_minutes_become_steps():
    told = {}
    found = train(RECIPE, WINDOWS, Course(minutes=0.002), notify=lambda k, i: told.setdefault(k, dict(i)))
    assert found.progress.step == found.progress.steps == told["train-begin"]["steps"] >= 1


def test_half_precision_learns_too():
    found = train(RECIPE, WINDOWS, Course(steps=60, half=True))
    assert found.progress.history[-1]["loss"] < found.progress.history[0]["loss"]


def test_the_rate_rises_then_falls():
    rates = [rate_at(k, 50, 1.0) for k in range(50)]
    assert (
        max(rates) == rates[5] == 1.0 and rates[0] < rates[4] and rates[5:] == sorted(rates[5:], reverse=True)
    )


def test_unseen_is_zero_after_normalisation_and_says_so():
    class Same(torch.nn.Module):
        def forward(self, x, aside):
            return x, x.mean(dim=(2, 3))

    network = Normalised(Same(), [100.0, 50.0], [10.0, 5.0], groups=(2,))
    x = torch.tensor([[[[110.0, 0.0]], [[55.0, 60.0]]]])
    y, features = network(x, torch.zeros(1, 0))
    assert y[0, :, 0].tolist() == [[1.0, 0.0], [1.0, 2.0], [1.0, 0.0]] and features.shape == (1, 3)
    assert {"mean_c", "std_c"} <= network.state_dict().keys()
    with pytest.raises(ValueError, match="above 0"):
        network.restate([1.0, 2.0], [1.0, 0.0])
    assert small().mean_c.shape == (5,)
