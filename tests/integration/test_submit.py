"""Runs handed over to a cluster: a Ray head on loopback that asks for a token does, follows and ends them."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import psutil
import pytest
import small_world

from eomap import api

MARK = "EOMAP_TEST_CLUSTER"
PROGRAM = f"{sys.executable} -m eomap"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(url, token):
    request = urllib.request.Request(f"{url}/api/version", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


@pytest.fixture(scope="module")
def head():
    """The address of a head's dashboard, and its token."""
    # Sockets lie in the folder, and their names may not be long.
    home, token, port = Path(tempfile.mkdtemp(prefix="head-")), secrets.token_hex(16), free_port()
    mark = uuid.uuid4().hex
    words = [
        f"--temp-dir={home}",
        "--head",
        "--block",
        "--disable-usage-stats",
        "--num-cpus=2",
        f"--port={free_port()}",
    ]
    words += [f"--dashboard-port={port}", "--dashboard-host=127.0.0.1", "--node-ip-address=127.0.0.1"]
    words += [f"--ray-client-server-port={free_port()}"]
    mode = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    started = subprocess.Popen(
        [
            str(Path(sys.executable).with_name("ray")),
            "start",
            *words,
            f"--ray-client-server-port={free_port()}",
        ],
        env=os.environ | mode | {MARK: mark},
        stdout=(home / "log").open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + 180
    try:
        while not answers(url, token):
            assert started.poll() is None and time.monotonic() < end, (home / "log").read_text()
            time.sleep(0.5)
        yield url, token
    finally:
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == mark:
                    process.kill()
            except psutil.Error:
                continue
        started.wait(60)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def keyed(head, monkeypatch):
    """The address of the head, its token in the environment."""
    url, token = head
    monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    return url


@pytest.fixture
def asked(tmp_path):
    """The options of a small run, with a campaign file that has some of them."""
    catalog = small_world.write_catalog(tmp_path / "scenes")
    campaign = tmp_path / "small.toml"
    campaign.write_text(
        f'product = "composite"\ncollection = "{small_world.COLLECTION}"\nperiod = "2030"\nworkers = 1\n'
    )
    west, south, east, north = small_world.AREA.split(",")
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    area = tmp_path / "area.geojson"
    area.write_text(f'{{"type": "Polygon", "coordinates": [{str(ring).replace(chr(39), "")}]}}')
    words = ["--campaign", campaign, "--aoi", area, "--catalog", catalog, "--period", small_world.PERIOD]
    return [*words, "--out", tmp_path / "map.zarr"]


def test_a_cluster_makes_a_map_by_itself_and_says_how_it_went(keyed, asked, monkeypatch, capsys):
    words = ("submit", "--cluster", keyed, "--program", PROGRAM, "--follow", *asked)
    code, out, err = small_world.command(monkeypatch, capsys, *words)
    assert code == 0, out + err
    job = out.splitlines()[0]
    assert "2 of 2 tiles" in out and "succeeded" in err
    assert api.verify(str(asked[-1])) == {}
    assert (
        api.status(str(asked[-1]))["period"] == f"{small_world.PERIOD}-01-01/{small_world.PERIOD}-12-31"
    )  # the command line goes first
    code, out, _ = small_world.command(monkeypatch, capsys, "job", "status", job, "--cluster", keyed)
    assert code == 0 and out.startswith(f"{job}: succeeded, begun 20") and "--aoi area.geojson" in out
    code, _, err = small_world.command(monkeypatch, capsys, "job", "cancel", job, "--cluster", keyed)
    assert code == 0 and "was over already" in err


def test_a_job_that_cannot_be_done_says_why_and_ends_with_1(keyed, asked, monkeypatch, capsys):
    words = ("submit", "--cluster", keyed, "--program", PROGRAM, *asked, "--product", "nonsense")
    code, out, _ = small_world.command(monkeypatch, capsys, *words)
    assert code == 0
    code, out, err = small_world.command(
        monkeypatch, capsys, "job", "follow", out.split()[0], "--cluster", keyed
    )
    assert code == 1 and "error: --product; expected one of" in out and "failed" in err


def test_a_job_can_be_ended(keyed, asked, monkeypatch, capsys):
    slow = f"{sys.executable} -c 'import time; time.sleep(600)'"
    job = api.submit(keyed, [("--out", str(asked[-1]))], program=slow)
    end = time.monotonic() + 60
    while api.job_status(keyed, job)["status"] != "RUNNING":
        assert time.monotonic() < end
        time.sleep(0.2)
    code, _, err = small_world.command(monkeypatch, capsys, "job", "cancel", job, "--cluster", keyed)
    assert code == 0 and f"{job}: ended" in err
    while (said := api.job_status(keyed, job))["status"] != "STOPPED":
        assert time.monotonic() < end
        time.sleep(0.2)
    assert said["ended"] >= said["begun"]


@pytest.mark.parametrize("token", ["", "not-the-token"])
def test_without_the_token_nothing_is_taken_and_it_is_not_said_aloud(head, asked, token, monkeypatch, capsys):
    monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    code, out, err = small_world.command(monkeypatch, capsys, "submit", "--cluster", head[0], *asked)
    assert code == 2 and out == "" and len(err.splitlines()) == 1
    assert err.startswith("error: --cluster") and head[1] not in err and "not-the-token" not in err


def test_what_cannot_travel_is_refused_before_anything_is_sent(asked, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "x")
    nowhere = ("submit", "--cluster", "http://127.0.0.1:9")
    for words, blamed in (
        ((*nowhere, *asked[:-2]), "submit; expected --out"),
        ((*nowhere, *asked[:-1], "here/map.zarr"), "--out; expected s3://"),
        ((*nowhere, *asked, "--aoi", tmp_path / "none.geojson"), "submit; expected a file"),
        ((*nowhere, *asked, "--campaign", tmp_path / "none.toml"), "--campaign; expected a TOML file"),
        ((*nowhere[:2], "head", *asked), "--cluster; expected http://HOST:8265"),
        ((*nowhere, *asked), "--cluster http://127.0.0.1:9; expected Ray's job server"),
    ):
        code, out, err = small_world.command(monkeypatch, capsys, *words)
        assert code == 2 and out == "" and err.startswith(f"error: {blamed}"), err
