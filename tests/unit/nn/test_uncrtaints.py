"""UnCRtainTS: the published size, names and numbers; frames have no order, missing ones count nothing."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from eomap.errors import MisuseError
from eomap.nn.uncrtaints import Setting, UnCRtainTS, rename_checkpoint

PAPER = Setting()
SMALL = Setting(
    bands_in=12, bands_out=10, width=16, expanded=32, encoded=32, blocks_out=2, heads=4, pooled_px=8
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def ramp(shape, a):
    n = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return (0.5 + 0.5 * torch.sin(a * n)).float().view(shape)


def made_up(setting, seed=0):
    torch.manual_seed(seed)
    return UnCRtainTS(setting).eval().requires_grad_(False)


def looks(setting, frames=3, side=32, seed=1):
    torch.manual_seed(seed)
    days = 1500 + torch.randint(0, 90, (2, frames)).sort(dim=1).values
    return setting.scale_by * torch.rand(2, frames, setting.bands_in, side, side), days


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({}, 570_010),
        ({"bands_in": 13}, 569_754),
        ({"covariance": "iso"}, 568_462),
        ({"covariance": "uni"}, 570_010),
        ({"mono": True}, 520_218),
    ],
)
def test_it_has_as_many_parameters_as_the_published_network(changes, parameters):
    network = UnCRtainTS(replace(PAPER, **changes))
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert sum(b.numel() for b in network.buffers()) == 7_700


def published_tensors():
    """Name and shape of the 91 tensors in the order of the published files."""

    def pair(name, width):
        return [(f"{name}.weight", (width,)), (f"{name}.bias", (width,))]

    def block(name):
        return [
            *pair(f"{name}.conv.norm", 128),
            (f"{name}.conv.fn.0.weight", (256, 128, 1, 1)),
            *pair(f"{name}.conv.fn.1", 256),
            (f"{name}.conv.fn.3.weight", (256, 1, 3, 3)),
            *pair(f"{name}.conv.fn.4", 256),
            (f"{name}.conv.fn.6.fc.0.weight", (32, 256)),
            (f"{name}.conv.fn.6.fc.2.weight", (256, 32)),
            (f"{name}.conv.fn.7.weight", (128, 256, 1, 1)),
            *pair(f"{name}.conv.fn.8", 128),
        ]

    return [
        ("in_conv.conv.conv.0.weight", (128, 15, 1, 1)),
        ("in_conv.conv.conv.0.bias", (128,)),
        *pair("in_conv.conv.conv.1", 128),
        *block("in_block.0"),
        ("temporal_encoder.inconv.weight", (256, 128, 1)),
        ("temporal_encoder.inconv.bias", (256,)),
        ("temporal_encoder.attention_heads.Q", (16, 4)),
        ("temporal_encoder.attention_heads.fc1_k.weight", (64, 256)),
        ("temporal_encoder.attention_heads.fc1_k.bias", (64,)),
        *pair("temporal_encoder.in_norm", 128),
        *(row for k in range(5) for row in block(f"out_block.{k}")),
        ("out_conv.conv.conv.0.weight", (26, 128, 1, 1)),
        ("out_conv.conv.conv.0.bias", (26,)),
    ]


def test_tensors_have_the_published_names_shapes_and_order():
    found = [(name, tuple(p.shape)) for name, p in UnCRtainTS().named_parameters()]
    assert len(found) == 91
    assert found == published_tensors()
    buffers = {name.rpartition(".")[2] for name, _ in UnCRtainTS().named_buffers()}
    assert buffers == {"running_mean", "running_var", "num_batches_tracked"}


@pytest.mark.parametrize(("frames", "gflop"), [(1, 54.1), (3, 72.6)])
def test_it_costs_what_the_published_network_costs(frames, gflop):
    with torch.device("meta"):
        network = UnCRtainTS(replace(PAPER, masked_norm=False)).eval()
        # Whether a frame is seen cannot be asked of pixels that are not there.
        network._encoded = lambda x, seen: network.in_block[0](network.in_conv(x))
        x, days = torch.empty(1, frames, 15, 256, 256), torch.empty(1, frames)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(x, days)
    assert counter.get_total_flops() / 1e9 == pytest.approx(gflop, rel=0.01)


def test_made_up_weights_give_the_numbers_of_the_reference():
    network = UnCRtainTS(replace(PAPER, masked_norm=False)).eval().requires_grad_(False)
    for j, p in enumerate(network.parameters()):
        p.copy_((0.08 * torch.sin(0.37 * torch.arange(p.numel()) + j)).view(p.shape))
    for module in network.modules():
        if isinstance(module, nn.GroupNorm | nn.BatchNorm2d):
            module.weight.fill_(1)
            module.bias.fill_(0)
    x, days = 10 * ramp((1, 3, 15, 64, 64), 0.0137), torch.tensor([[1500, 1530, 1560]])
    for form in (torch.contiguous_format, torch.channels_last):
        frames = x.flatten(0, 1).contiguous(memory_format=form)
        mean, variance = network.to(memory_format=form)(frames.unflatten(0, (1, 3)), days)
        assert mean.shape == variance.shape == (1, 13, 64, 64)
        assert mean.mean().item() == pytest.approx(4.948992, abs=1e-4)
        assert variance.mean().item() == pytest.approx(0.713751, abs=1e-4)
        expected = [6.1058135, 6.0968614, 6.086092, 6.0754342]
        assert mean[0, 0, 0, :4].tolist() == pytest.approx(expected, abs=1e-4)
        assert variance[0, 0, 10, 10].item() == pytest.approx(0.7422577, abs=1e-4)


@pytest.mark.parametrize("setting", [SMALL, replace(SMALL, masked_norm=False), replace(SMALL, scale_by=1.0)])
def test_frames_have_no_order_but_their_days_count(setting):
    network, (x, days) = made_up(setting), looks(setting)
    mean, variance = network(x, days)
    order = torch.tensor([2, 0, 1])
    shuffled, other = network(x[:, order], days[:, order])
    assert torch.allclose(mean, shuffled, atol=1e-5 * setting.scale_by)
    assert torch.allclose(variance, other, atol=1e-5 * setting.scale_by)
    assert not torch.allclose(mean, network(x, days + 100)[0], atol=1e-4 * setting.scale_by)


def test_without_dates_days_count_nothing():
    setting = replace(SMALL, dated=False)
    network, (x, days) = made_up(setting), looks(setting)
    assert torch.equal(network(x, days)[0], network(x, days + 100)[0])


def padded(x, days, at):
    nothing = torch.zeros_like(x[:, :1])
    return (
        torch.cat([x[:, :at], nothing, x[:, at:]], dim=1),
        torch.cat([days[:, :at], torch.zeros_like(days[:, :1]), days[:, at:]], dim=1),
    )


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2), st.integers(0, 1000))
def test_a_missing_frame_counts_nothing(at, seed):
    network, (x, days) = made_up(SMALL, seed), looks(SMALL, frames=2, seed=seed)
    for alone, with_it in zip(
        network.forward_with_features(x, days),
        network.forward_with_features(*padded(x, days, at)),
        strict=True,
    ):
        assert torch.allclose(alone, with_it, atol=1e-4)


def test_a_missing_frame_counts_in_the_reference():
    setting = replace(SMALL, masked_norm=False)
    network, (x, days) = made_up(setting), looks(setting, frames=2)
    change = (network(x, days)[0] - network(*padded(x, days, 2))[0]).abs().max()
    assert change > 1e-3


def test_series_of_a_batch_may_miss_different_frames():
    network, (x, days) = made_up(SMALL), looks(SMALL)
    x[0, 1] = 0
    mean, _ = network(x, days)
    kept = torch.tensor([0, 2])
    assert torch.allclose(mean[:1], network(x[:1, kept], days[:1, kept])[0], atol=1e-4)
    assert torch.allclose(mean[1:], network(x[1:], days[1:])[0], atol=1e-4)


def test_where_every_frame_is_missing_the_answer_is_finite():
    network, (x, days) = made_up(SMALL), looks(SMALL)
    mean, variance = network(torch.zeros_like(x), days)
    assert mean.isfinite().all() and (variance > 0).all()


@settings(max_examples=8, deadline=None)
@given(st.floats(-50, 50), st.sampled_from([1.0, 10.0]), st.sampled_from(["diag", "uni", "iso", None]))
def test_means_stay_in_range_and_variances_above_their_floor(size, scale_by, covariance):
    setting = replace(SMALL, scale_by=scale_by, covariance=covariance)
    network, (x, days) = made_up(setting), looks(setting)
    mean, variance, features = network.forward_with_features(x * size, days)
    assert mean.shape == (2, 10, 32, 32) and features.shape == (2, 16)
    assert (mean >= 0).all() and (mean <= scale_by).all()
    if covariance is None:
        assert variance is None
    else:
        assert variance.shape == (2, 1 if covariance == "iso" else 10, 32, 32)
        assert (variance >= setting.variance_floor).all()


def test_features_are_those_of_the_same_pass():
    network, (x, days) = made_up(SMALL), looks(SMALL)
    mean, variance, features = network.forward_with_features(x, days)
    assert all(torch.equal(a, b) for a, b in zip((mean, variance), network(x, days), strict=True))
    network.out_block = nn.ModuleList()
    assert torch.equal(network.forward_with_features(x, days)[2], features)


def test_half_precision_gives_single_and_much_the_same():
    network, (x, days) = made_up(SMALL), looks(SMALL)
    with torch.autocast("cpu", torch.bfloat16):
        half = network.forward_with_features(x, days)
    for a, b in zip(half, network.forward_with_features(x, days), strict=True):
        assert a.dtype == torch.float32
        assert torch.allclose(a, b, atol=0.2, rtol=0.05)


def test_a_single_frame_needs_no_days_where_it_is_mono():
    setting = replace(SMALL, mono=True)
    network, (x, days) = made_up(setting), looks(setting, frames=1)
    assert torch.equal(network(x, days)[0], network(x, days + 100)[0])
    with pytest.raises(MisuseError, match="mono"):
        network(*looks(setting, frames=2))


def test_it_learns():
    torch.manual_seed(0)
    network = UnCRtainTS(SMALL).train()
    x, days = looks(SMALL)
    target = x[:, 1, 2:]
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(15):
        mean, _ = network(x, days)
        loss = (mean - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    variance = network(x, days)[1]
    variance.mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def old_names(state):
    """The same tensors as the first published files name them."""

    def old(name):
        top, _, rest = name.partition(".")
        if top in ("in_block", "out_block"):
            k, _, rest = rest.partition(".")
            top = f"{top}{int(k) + 1}"
        return f"netG.{top}.{rest}"

    return {old(name): tensor for name, tensor in state.items()}


def test_old_checkpoints_are_read():
    state = made_up(SMALL).state_dict()
    old = old_names(state)
    assert {"netG.in_block1.conv.norm.weight", "netG.out_block2.conv.fn.0.weight"} <= old.keys()
    renamed = rename_checkpoint(old)
    assert list(renamed) == list(state)
    assert all(torch.equal(renamed[name], state[name]) for name in state)
    assert list(rename_checkpoint(renamed)) == list(state)
    made_up(SMALL, seed=5).load_state_dict(renamed, strict=True)


@pytest.mark.parametrize(
    "changes", [{"width": 20, "heads": 8}, {"width": 18, "heads": 2}, {"covariance": "full"}]
)
def test_settings_that_cannot_be_are_refused(changes):
    with pytest.raises(MisuseError):
        replace(PAPER, **changes)


def test_shapes_that_do_not_fit_are_refused():
    network, (x, days) = made_up(SMALL), looks(SMALL)
    for wrong in ((x[0], days), (x[:, :, :-1], days), (x, days[:, :-1])):
        with pytest.raises(MisuseError, match="days"):
            network(*wrong)
