"""MIMO U-Net: published sizes, costs, keys, answers; members may change places; golden losses."""

import copy

import pytest
import torch
from filled import filled, gflop, n_parameters, ramp
from hypothesis import given, settings
from hypothesis import strategies as st

from eomap.errors import MisuseError
from eomap.nn.mimo_losses import LossBuffer, mimo_loss, pooled, scale, standard_deviation
from eomap.nn.mimo_unet import MimoUNet, for_every_member, members_samples, rename_checkpoint

SHAPE = (2, 3, 1, 4, 5)
MEAN = ramp(SHAPE, 0.37)
LOG_SCALE = ramp(SHAPE, 0.53, 1.0, low=-2.0, high=1.0)
TARGET = ramp(SHAPE, 0.71, 2.0)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("width", "n_in", "members", "expected", "expected_gflop"),
    [
        (30, 2, 1, 3_797_612, 17.6),
        (30, 2, 2, 15_063_514, 64.9),
        (30, 2, 3, 33_822_006, 145),
        (30, 2, 4, 60_097_388, 261),
        (21, 3, 1, 1_862_450, 8.7),
        (21, 3, 2, 7_383_622, 31.8),
    ],
)
def test_published_sizes_and_costs(width, n_in, members, expected, expected_gflop):
    def made():
        return MimoUNet(n_in, members=members, width=width)

    with torch.device("meta"):
        assert n_parameters(made()) == expected
    assert gflop(made, 1, members, n_in, 256, 256) == pytest.approx(expected_gflop, rel=6e-3)


def test_published_keys():
    with torch.device("meta"):
        network = MimoUNet(2)
    assert len(list(network.parameters())) == 100
    assert len(network.state_dict()) == 172
    double = [f"double_conv.{i}.{k}" for i in (0, 1, 3, 4) for k in ("weight", "bias")]
    expected = [f"encoder.in_convs.{s}.{d}" for s in (0, 1) for d in double]
    expected += [f"encoder.down1s.{s}.conv.{d}" for s in (0, 1) for d in double]
    steps = ("down2", "down3", "down4", "up1", "up2", "up3")
    expected += [f"core.{step}.conv.{d}" for step in steps for d in double]
    expected += [f"decoder.up4s.{s}.conv.{d}" for s in (0, 1) for d in double]
    expected += [f"decoder.outcs.{s}.conv.{k}" for s in (0, 1) for k in ("weight", "bias")]
    assert [name for name, _ in network.named_parameters()] == expected


@pytest.mark.parametrize("prefix", ["model.", "model._orig_mod.", ""])
def test_published_checkpoints_fit(prefix):
    network = MimoUNet(2, width=2)
    state = {f"{prefix}{k}": v for k, v in network.state_dict().items()}
    network.load_state_dict(rename_checkpoint(state))


@pytest.fixture(scope="module")
def golden():
    return filled(MimoUNet(2))


def test_golden_answer(golden):
    with torch.inference_mode():
        out = torch.cat(golden(ramp((1, 2, 2, 64, 64), 0.0137)), dim=2)
    assert float(out.mean()) == pytest.approx(-0.0518926, abs=1e-5)
    assert float(out.std()) == pytest.approx(0.0523068, abs=1e-5)
    assert out[0, 0, 0, 0, :3].tolist() == pytest.approx([0.0224644, 0.0224655, 0.0224726], abs=1e-5)
    assert float(out[0, 1, 1, 10, 10]) == pytest.approx(-0.1231842, abs=1e-5)


def test_members_may_change_places():
    network, f = filled(MimoUNet(2, width=4)), 4
    other = copy.deepcopy(network)
    state = other.state_dict()
    own = {k: v for k, v in network.state_dict().items() if k.startswith(("encoder.", "decoder."))}
    for key, value in own.items():
        part, kind, member, *rest = key.split(".")
        state[".".join([part, kind, "10"[int(member)], *rest])] = value
    for key in ("core.down2.conv.double_conv.0.weight", "core.up3.conv.double_conv.0.weight"):
        first, second, *behind = network.state_dict()[key].split(2 * f, dim=1)
        state[key] = torch.cat([second, first, *behind], dim=1)
    other.load_state_dict(state)
    x = ramp((1, 2, 2, 32, 48), 0.137)
    with torch.inference_mode():
        for ours, theirs in zip(network(x), other(x.flip(1)), strict=True):
            assert torch.allclose(ours, theirs.flip(1), atol=1e-6)
            assert not torch.allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("members", [2, 3])
def test_equal_members_do_not_disagree_at_all(members):
    torch.manual_seed(0)
    network = MimoUNet(2, members=members, width=4).eval()
    for part in (
        network.encoder.in_convs,
        network.encoder.down1s,
        network.decoder.up4s,
        network.decoder.outcs,
    ):
        for member in part[1:]:
            member.load_state_dict(part[0].state_dict())
    with torch.inference_mode():
        mean, log_scale = network(for_every_member(torch.rand(2, 2, 32, 32), members))
    together = pooled(mean, log_scale, "laplace")
    assert float(together.epistemic.max()) == 0
    assert torch.equal(together.mean, mean[:, 0])
    assert float(together.aleatoric.min()) > 0


def test_a_single_member_has_no_opponent():
    network = filled(MimoUNet(2, members=1, width=4))
    with torch.inference_mode():
        mean, log_scale, features = network.forward_with_features(ramp((1, 1, 2, 32, 32)))
    together = pooled(mean, log_scale, "gauss")
    assert not together.epistemic.any()
    assert torch.equal(together.mean, mean[:, 0])
    assert features.shape == (1, 32, 2, 2)


def test_golden_losses_and_spreads():
    assert float(mimo_loss(MEAN, LOG_SCALE, TARGET, "laplace").mean()) == pytest.approx(0.615958, abs=1e-6)
    assert float(mimo_loss(MEAN, LOG_SCALE, TARGET, "gauss").mean()) == pytest.approx(0.199131, abs=1e-6)
    assert float(standard_deviation(LOG_SCALE, "laplace").mean()) == pytest.approx(1.434910, abs=1e-6)
    assert float(standard_deviation(LOG_SCALE, "gauss").mean()) == pytest.approx(0.899789, abs=1e-6)
    together = pooled(MEAN, LOG_SCALE, "laplace")
    assert float(together.mean.mean()) == pytest.approx(0.500112, abs=1e-6)
    assert float(together.aleatoric.mean()) == pytest.approx(3.678166, abs=1e-5)
    assert float(together.epistemic.mean()) == pytest.approx(0.103430, abs=1e-6)
    assert torch.allclose(together.epistemic, MEAN.var(dim=1), atol=1e-6)


def test_golden_weights_of_the_members():
    buffer = LossBuffer(3)
    assert buffer.weights().tolist() == [1, 1, 1]
    buffer.add([1, 2, 3])
    assert buffer.weights().tolist() == pytest.approx([0.690712, 0.963966, 1.345323], abs=1e-6)
    for _ in range(10):
        buffer.add(torch.ones(3))
    assert buffer.weights().tolist() == pytest.approx([1, 1, 1])
    with pytest.raises(MisuseError, match="3 losses"):
        buffer.add([1, 2])


@pytest.mark.parametrize("distribution", ["laplace", "gauss"])
def test_holes_in_the_truth_count_for_nothing(distribution):
    holed = TARGET.clone()
    holed[:, 1, :, 2:] = float("nan")
    holed[:, 2] = float("nan")
    mean = MEAN.clone().requires_grad_()
    loss = mimo_loss(mean, LOG_SCALE, holed, distribution)
    seen = (slice(None), slice(1, 2), slice(None), slice(0, 2))
    whole = mimo_loss(MEAN, LOG_SCALE, TARGET, distribution)
    part = mimo_loss(MEAN[seen], LOG_SCALE[seen], TARGET[seen], distribution)
    assert loss.tolist() == pytest.approx([float(whole[0]), float(part[0]), 0.0])
    loss.sum().backward()
    assert bool(mean.grad.isfinite().all())
    assert not mean.grad[:, 2].any()


def test_limits_of_the_scale_are_unknown_to_the_gradient():
    log_scale = torch.tensor([-20.0, 0.0, 10.0], requires_grad=True)
    width = scale(log_scale)
    width.sum().backward()
    assert width.tolist() == pytest.approx([1e-5, 1, 1e3])
    assert log_scale.grad.tolist() == pytest.approx(log_scale.detach().exp().tolist())


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    n=st.integers(1, 9),
    members=st.integers(1, 4),
    shared=st.floats(0, 1),
    repetitions=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_every_member_sees_every_sample(n, members, shared, repetitions, seed):
    rows = members_samples(n, members, shared=shared, repetitions=repetitions, seed=seed)
    assert rows.shape == (n * repetitions, members)
    for column in rows.T:
        assert column.bincount(minlength=n).tolist() == [repetitions] * n
    n_shared = n * repetitions - int(n * repetitions * (1 - shared))
    alike = (rows == rows[:, :1]).all(dim=1)
    assert alike[len(rows) - n_shared :].all()
    assert torch.equal(rows, members_samples(n, members, shared=shared, repetitions=repetitions, seed=seed))


def test_members_learn_each_their_own_sample():
    torch.manual_seed(0)
    network, buffer = MimoUNet(1, width=3).train(), LossBuffer(2)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    x = torch.randn(8, 1, 32, 32)
    costs = []
    for step in range(25):
        rows = members_samples(8, 2, seed=step)
        mean, log_scale = network(x[rows])
        losses = mimo_loss(mean, log_scale, x.abs()[rows], "laplace")
        buffer.add(losses)
        optimiser.zero_grad()
        (losses * buffer.weights()).mean().backward()
        optimiser.step()
        costs.append(losses.detach())
    assert bool((costs[-1] < costs[0] - 0.3).all())


def test_rows_index_inputs_of_a_batch():
    x = torch.arange(6.0).view(6, 1, 1, 1)
    rows = members_samples(6, 2, seed=3)
    assert x[rows].shape == (6, 2, 1, 1, 1)
    assert not torch.equal(rows[:, 0], rows[:, 1])
    with pytest.raises(MisuseError, match="share from 0 to 1"):
        members_samples(6, 2, shared=1.5, seed=3)


@pytest.mark.parametrize("shape", [(1, 3, 2, 32, 32), (1, 2, 32, 32), (1, 2, 2, 32, 40), (1, 2, 5, 32, 32)])
def test_other_inputs_are_refused(shape):
    with pytest.raises(MisuseError, match="MIMO U-Net"):
        MimoUNet(2, width=2)(torch.zeros(shape))


def test_other_distributions_are_refused():
    with pytest.raises(MisuseError, match="laplace or gauss"):
        mimo_loss(MEAN, LOG_SCALE, TARGET, "cauchy")
