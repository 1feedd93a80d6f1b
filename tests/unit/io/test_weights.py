"""The registry and where weights come from: every bad file ends in one clear line before anything runs."""

import hashlib
import http.client
import io
import os
import pickle
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from eomap.errors import BrokenInputError, MisuseError, TransientError
from eomap.io import registry
from eomap.io.cache import cache_folder
from eomap.io.registry import model, models, models_folder
from eomap.io.weights import load_network, weights_path

PUBLISHED = ["sen2lcz-mf", "so2sat-resnet20"]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EOMAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EOMAP_MODEL_MIRROR", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def offline(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise urllib.error.URLError(OSError("no route to host"))

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


@pytest.fixture
def mirror(shared, monkeypatch):
    monkeypatch.setenv("EOMAP_MODEL_MIRROR", str(shared / "data/weights"))
    return shared / "data/weights"


def _one_line(error):
    text = str(error.value)
    assert "\n" not in text
    return text


def test_every_entry_has_what_the_registry_promises():
    of_zones = [m for m in models() if m.product == "lcz"]
    assert {m.name for m in of_zones} == {"sen2lcz-mf", "so2sat-resnet20", "eomap-lcz-s"}
    for entry in of_zones:
        assert len(entry.sha256) == 64
        assert entry.bands == ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
        assert entry.level == "L1C"
        assert (models_folder() / entry.card).is_file()
        assert (models_folder() / entry.name / "item.json").is_file()
        assert entry.shipped or entry.url.startswith("https://raw.githubusercontent.com/")
        for known in entry.test:
            assert sum(known.expected) == pytest.approx(1, abs=1e-4)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(MisuseError) as error:
        model("sen2lcz")
    assert "sen2lcz-mf, " in _one_line(error) or ", sen2lcz-mf" in _one_line(error)


def test_the_registry_needs_no_heavy_import():
    code = (
        "import sys; from eomap.io.weights import models; models();"
        "print([m for m in ('torch', 'h5py', 'safetensors') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_ours_comes_with_eomap_and_is_what_the_registry_says():
    entry = model("eomap-lcz-s")
    path = weights_path(entry)
    assert path.stat().st_size == entry.size < 2_000_000
    predictor = load_network(entry, path)
    assert (predictor.name, predictor.sha256, predictor.layout.halo_px) == (entry.name, entry.sha256, 16)


@pytest.mark.shared
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_mirror_serves_the_published_networks(cache, mirror, offline, name):
    path = weights_path(model(name))
    assert cache in path.parents
    assert load_network(model(name), path).layout.halo_px == 11
    stamp = path.stat().st_mtime_ns
    assert weights_path(model(name)).stat().st_mtime_ns == stamp  # the second time nothing is done


@pytest.mark.shared
def test_a_damaged_cache_is_made_anew(cache, mirror, offline):
    path = weights_path(model("sen2lcz-mf"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert weights_path(model("sen2lcz-mf")).read_bytes() == whole


def test_offline_without_a_mirror_says_what_to_try(cache, offline):
    with pytest.raises(MisuseError) as error:
        weights_path(model("so2sat-resnet20"))
    text = _one_line(error)
    assert "EOMAP_MODEL_MIRROR" in text
    assert "--model eomap-lcz-s" in text
    assert "no route to host" in text


def test_a_mirror_that_is_no_folder(cache, monkeypatch, tmp_path):
    monkeypatch.setenv("EOMAP_MODEL_MIRROR", str(tmp_path / "nowhere"))
    with pytest.raises(MisuseError) as error:
        weights_path(model("sen2lcz-mf"))
    assert "expected a folder" in _one_line(error)


def test_a_mirror_with_other_content_is_refused(cache, monkeypatch, tmp_path, offline):
    entry = model("sen2lcz-mf")
    (tmp_path / entry.file).write_bytes(b"something else")
    monkeypatch.setenv("EOMAP_MODEL_MIRROR", str(tmp_path))
    with pytest.raises(BrokenInputError) as error:
        weights_path(entry)
    assert "sha256 2ca98e4a" in _one_line(error)
    assert not cache.exists()


class _Answer(io.BytesIO):
    status = 200


def _serve(monkeypatch, data):
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_args, **_kwargs: _Answer(data))


@pytest.mark.shared
def test_a_download_reports_progress_and_is_kept(cache, shared, monkeypatch):
    entry = model("so2sat-resnet20")
    data = (shared / "data/weights/so2sat-gul" / entry.file).read_bytes()
    _serve(monkeypatch, data)
    seen = []
    path = weights_path(entry, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (entry.size, entry.size)
    assert sorted(p.name for p in path.parent.iterdir()) == sorted(
        [entry.file, "weights.json", "weights.safetensors"]
    )


@pytest.mark.parametrize("data", [b"", b"<html>proxy login</html>", b"x" * 4_000_000])
def test_a_download_of_other_content_leaves_nothing(cache, monkeypatch, data):
    _serve(monkeypatch, data)
    with pytest.raises(BrokenInputError) as error:
        weights_path(model("sen2lcz-mf"))
    assert "other content" in _one_line(error)
    assert not list(cache.rglob("*.*"))


@pytest.mark.parametrize(("code", "kind"), [(503, TransientError), (429, TransientError), (404, MisuseError)])
def test_http_errors_by_remedy(cache, monkeypatch, code, kind):
    def answer(*_args, **_kwargs):
        raise urllib.error.HTTPError("https://x", code, "no", http.client.HTTPMessage(), None)

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    with pytest.raises(kind) as error:
        weights_path(model("sen2lcz-mf"))
    assert str(code) in _one_line(error)


def test_a_transfer_that_breaks_off_is_no_traceback(cache, monkeypatch):
    class Broken(_Answer):
        def read(self, *_args):
            raise http.client.IncompleteRead(b"", 10)

    monkeypatch.setattr(urllib.request, "urlopen", lambda *_args, **_kwargs: Broken())
    with pytest.raises(TransientError):
        weights_path(model("sen2lcz-mf"))


def test_only_https_is_fetched(cache):
    with pytest.raises(MisuseError) as error:
        weights_path(replace(model("sen2lcz-mf"), url="file:///etc/passwd"))
    assert "https" in _one_line(error)


def _ours():
    return load_file(weights_path(model("eomap-lcz-s")))


def test_weights_of_another_architecture_are_refused(tmp_path):
    with pytest.raises(MisuseError) as error:
        load_network(model("sen2lcz-mf"), weights_path(model("eomap-lcz-s")))
    assert "exactly the tensors of sen2lcz-mf" in _one_line(error)
    state = _ours()
    state["head.bias"] = state["head.bias"][:16]
    save_file(state, tmp_path / "short.safetensors")
    with pytest.raises(MisuseError) as error:
        load_network(model("eomap-lcz-s"), tmp_path / "short.safetensors")
    assert "1 of another shape" in _one_line(error)


def test_truncated_and_pickled_weights_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(weights_path(model("eomap-lcz-s")).read_bytes()[:-8])
    with pytest.raises(BrokenInputError):
        load_network(model("eomap-lcz-s"), path)
    path.write_bytes(pickle.dumps({"head.bias": [0.0]}))
    with pytest.raises(BrokenInputError) as error:
        load_network(model("eomap-lcz-s"), path)
    assert "pickle (refused unread)" in _one_line(error)


@pytest.mark.parametrize("spoil", [lambda a: a + 0.05, lambda a: a * np.nan])
def test_weights_that_answer_differently_are_refused(tmp_path, spoil):
    state = _ours()
    state["head.bias"] = state["head.bias"].copy()
    state["head.bias"][:9] = spoil(state["head.bias"][:9])
    save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(BrokenInputError) as error:
        load_network(model("eomap-lcz-s"), tmp_path / "other.safetensors")
    assert "test answer" in _one_line(error)


def test_the_cache_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("EOMAP_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "eomap"
    monkeypatch.setenv("EOMAP_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"


def test_shipped_weights_that_were_changed_are_refused(tmp_path, monkeypatch):
    entry = model("eomap-lcz-s")
    (tmp_path / "eomap-lcz-s").mkdir()
    (tmp_path / entry.file).write_bytes(b"\0" * entry.size)
    monkeypatch.setattr(registry, "models_folder", lambda: tmp_path)
    with pytest.raises(BrokenInputError) as error:
        weights_path(entry)
    assert hashlib.sha256(b"\0" * entry.size).hexdigest()[:16] in _one_line(error)
    os.remove(tmp_path / entry.file)
    with pytest.raises(BrokenInputError):
        weights_path(entry)
