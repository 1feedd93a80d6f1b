"""What may be opened, and what may be shown of it."""

import os
from pathlib import Path

import pytest

from eomap.errors import BrokenInputError, MisuseError, TransientError
from eomap.io import access
from eomap.io.hrefs import HrefRules, confine, gdal_path, is_public, redact, strip_signature, vet_href
from eomap.io.tokens import Tokens

GOOD = [
    "https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs/32/T/MT/2020/3/x/B02.tif",
    "s3://eodata/Sentinel-2/MSI/L2A_N0500/2020/03/01/T35UPU_20200301T090901_B02_10m.jp2",
    "gs://gcp-public-data-sentinel-2/tiles/B02.jp2",
    "az://container/B02.tif",
]
BAD = [
    "",
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "/etc/passwd",
    "etc/passwd",
    "//example.com/x.tif",
    "/vsicurl/http://127.0.0.1/x.tif",
    "/VSIzip/https://example.com/x.zip",
    "%2fvsicurl/https://example.com/x.tif",
    "vrt:///etc/passwd",
    "vrt://https://example.com/x.tif",
    "https://example.com/x.vrt",
    "https://example.com/x.VRT",
    "https://example.com/x%2evrt",
    "https://example.com/x.vrt/y.tif",
    "<VRTDataset><SourceFilename>/etc/passwd</SourceFilename></VRTDataset>",
    " <VRTDataset/>",
    "NETCDF:/etc/passwd:x",
    "HDF5:https://example.com/x.h5://a",
    "GTIFF_DIR:1:/etc/passwd",
    "http://example.com/x.tif",
    "ftp://example.com/x.tif",
    "https://user:secret@example.com/x.tif",
    "https://example.com@127.0.0.1/x.tif",
    "https://example.com\\@127.0.0.1/x.tif",
    "https:///x.tif",
    "https://[::1/x.tif",
    "https://example.com:99999/x.tif",
    "https://example.com/../x.tif",
    "https://example.com/a/%2e%2e/x.tif",
    "https://example.com/x.tif?url=http://127.0.0.1/",
    "https://example.com/x.tif#y",
    "https://example.com/x\0.tif",
    "https://example.com/x%00.tif",
    "https://example.com/x.tif\r\nHost: y",
    "https://example.com/" + "x" * 4096,
    "s3://Bad_Bucket!/x.tif",
    "s3://key:secret@bucket/x.tif",
    "s3:///x.tif",
    "javascript:alert(1)",
]
PRIVATE = [
    "127.0.0.1", "localhost", "a.localhost", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "[fe80::1]",
    "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1",
    "127.1", "0", "10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "metadata.google.internal",
    "printer.local", "intranet", "127.0.0.1.", "224.0.0.1", "127%2e0.0.1", "１２７.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("href", GOOD)
def test_public_addresses_pass_unchanged(href):
    assert vet_href(href) == href


@pytest.mark.parametrize("href", BAD)
def test_tricks_are_refused_in_one_line(href):
    with pytest.raises(BrokenInputError) as caught:
        vet_href(href)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("host", PRIVATE)
def test_private_hosts_are_refused_however_written(host):
    with pytest.raises(BrokenInputError):
        vet_href(f"https://{host}/x.tif")


def test_a_name_that_leads_inside_is_refused_when_asked(monkeypatch):
    answers = {"inside.example.com": "10.0.0.7", "outside.example.com": "93.184.216.34"}
    monkeypatch.setattr(
        "eomap.io.hrefs.socket.getaddrinfo", lambda host, *a, **k: [(2, 1, 6, "", (answers[host], 443))]
    )
    assert vet_href("https://outside.example.com/x.tif", resolve=True)
    assert vet_href("https://inside.example.com/x.tif")
    with pytest.raises(BrokenInputError):
        vet_href("https://inside.example.com/x.tif", resolve=True)


def test_a_silent_name_service_is_transient(monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("no answer")

    monkeypatch.setattr("eomap.io.hrefs.socket.getaddrinfo", fail)
    with pytest.raises(TransientError):
        vet_href("https://example.com/x.tif", resolve=True)


def test_lists_of_hosts_and_buckets_bind():
    rules = HrefRules(hosts=("x.org", "*.y.org", "s3://eodata"))
    for good in ("https://x.org/a", "https://b.y.org/a", "s3://eodata/a"):
        assert rules.vet(good) == good
    for bad in (
        "https://z.org/a",
        "https://x.org.evil.net/a",
        "https://evily.org/a",
        "s3://eodata2/a",
        "gs://eodata/a",
    ):
        with pytest.raises(BrokenInputError):
            rules.vet(bad)


def test_http_is_for_the_named_loopback_only():
    own = ("127.0.0.1:8080",)
    assert vet_href("http://127.0.0.1:8080/x.tif", own_hosts=own)
    for bad in ("http://127.0.0.1:8081/x.tif", "http://localhost:8080/x.tif", "http://example.com/x.tif"):
        with pytest.raises(BrokenInputError):
            vet_href(bad, own_hosts=(*own, "example.com"))


def test_local_files_only_below_the_roots(tmp_path):
    root, outside = tmp_path / "catalog", tmp_path / "outside.tif"
    root.mkdir()
    outside.write_bytes(b"x")
    inside = root / "a" / "x.tif"
    inside.parent.mkdir()
    inside.write_bytes(b"x")
    (root / "link.tif").symlink_to(outside)
    (root / "sister").symlink_to(tmp_path)
    roots = (root,)
    assert vet_href(str(inside), allowed_roots=roots) == str(inside)
    assert vet_href(f"file://{inside}", allowed_roots=roots) == str(inside)
    assert vet_href(f"{root}/a/../a/x.tif", allowed_roots=roots) == str(inside)
    for bad in (
        outside,
        root / "link.tif",
        root / "sister" / "outside.tif",
        f"{root}/../outside.tif",
        f"{root}-more/x.tif",
        f"file://elsewhere{inside}",
        f"file:///{root}/%2e%2e/outside.tif",
        "a/x.tif",
    ):
        with pytest.raises(BrokenInputError):
            vet_href(str(bad), allowed_roots=roots)


def test_signatures_are_cut_off():
    signed = "https://sentinel2l2a01.blob.core.windows.net/a/B02.tif?st=2025&se=2026&sp=rl&sv=2024&sr=c&skoid=x&sig=abc%3D"
    assert vet_href(signed) == signed.partition("?")[0]
    amazon = "https://b.s3.amazonaws.com/x.tif?X-Amz-Algorithm=A&X-Amz-Signature=s&X-Amz-Credential=c"
    assert strip_signature(amazon) == "https://b.s3.amazonaws.com/x.tif"
    assert strip_signature("https://x.org/y?item=7&sig=a") == "https://x.org/y?item=7"


def test_gdal_paths():
    assert gdal_path("https://x.org/y.tif") == "/vsicurl/https://x.org/y.tif"
    assert gdal_path("s3://eodata/y.jp2") == "/vsis3/eodata/y.jp2"
    assert gdal_path("gs://b/y.jp2") == "/vsigs/b/y.jp2"
    assert gdal_path("abfs://b/y.jp2") == "/vsiaz/b/y.jp2"
    assert gdal_path("/data/y.tif") == "/data/y.tif"
    for bad in ("/vsicurl/https://x.org/y.tif", "vrt://x", "<VRTDataset/>", "y.tif", "file:///y.tif"):
        with pytest.raises(BrokenInputError):
            gdal_path(bad)


@pytest.mark.parametrize(
    "text",
    [
        "https://x.org/a.tif?st=1&sig=hunter2%3D&sp=r broke",
        "HTTP 403 for /vsicurl/https://x.org/a?X-Amz-Signature=hunter2",
        "Authorization: Bearer hunter2",
        "headers {'Authorization': 'Bearer hunter2', 'Accept': '*/*'}",
        '{"access_token": "hunter2"}',
        "token=hunter2",
        "AWS_SECRET_ACCESS_KEY=hunter2",
        "aws_session_token='hunter2'",
        "X-Amz-Security-Token: hunter2",
        "AZURE_STORAGE_SAS_TOKEN=hunter2",
        "https://me:hunter2@x.org/a.tif",
        "s3://me:hunter2@bucket/a.tif",
    ],
)
def test_redact_leaves_no_secret(text):
    assert "hunter2" not in redact(text)


def test_redact_leaves_the_rest():
    text = "item S2A_32TMT: https://x.org/a/B02.tif is no raster; expected 3 bands (see ?)"
    assert redact(text) == text
    assert redact("https://x.org/a.tif?sig=1 broke") == "https://x.org/a.tif broke"


def test_confine_makes_safe_and_different_names(tmp_path):
    wild = [
        "../../x",
        "..",
        ".",
        "",
        "/etc/passwd",
        "a\0b",
        "a" * 4096,
        "a" * 4095 + "b",
        "a/b",
        "a_b",
        "ä",
        "<b>",
        "a b",
    ]
    names = [confine(w) for w in wild]
    assert len(set(names)) == len(names)
    for name in names:
        assert Path(tmp_path / name).resolve().parent == tmp_path.resolve()
        (tmp_path / name).write_bytes(b"")
    assert confine("S2A_32TMT_20200302_1_L2A") == "S2A_32TMT_20200302_1_L2A"


def test_only_containers_of_the_planetary_computer_are_signed(monkeypatch):
    monkeypatch.setattr(access, "TOKENS", Tokens())
    for href in ("https://x.org/a.tif", "https://x.blob.core.windows.net.evil.org/a/b.tif", "s3://eodata/a"):
        assert access.signed(href, "") == access.signed(href, "planetary-computer") == href
    with pytest.raises(MisuseError, match="cdse"):
        access.signed("https://x.org/a.tif", "magic")


def test_the_keys_of_a_bucket_are_asked_for_by_name(monkeypatch):
    for name in (*access.OWN_KEYS, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for call in (lambda: access.check_keys("cdse"), lambda: access.environment("s3://eodata/a.jp2", "cdse")):
        with pytest.raises(MisuseError, match=r"EOMAP_CDSE_ACCESS_KEY_ID and .*export both"):
            call()
    access.check_keys("")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "theirs")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    session, options = access._bucket(os.environ)
    assert session.credentials["aws_access_key_id"] == "theirs" and options["AWS_HTTPS"] == "YES"
    assert session.credentials["aws_s3_endpoint"] == "eodata.dataspace.copernicus.eu"
    monkeypatch.setenv("EOMAP_CDSE_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("EOMAP_CDSE_SECRET_ACCESS_KEY", "hunter3")
    monkeypatch.setenv("EOMAP_CDSE_ENDPOINT", "http://127.0.0.1:8333")
    session, options = access._bucket(os.environ)
    assert session.credentials["aws_access_key_id"] == "mine" and options["AWS_HTTPS"] == "NO"
    assert session.credentials["aws_s3_endpoint"] == "127.0.0.1:8333"
    monkeypatch.setenv("EOMAP_CDSE_ENDPOINT", "nonsense")
    with pytest.raises(MisuseError, match="EOMAP_CDSE_ENDPOINT"):
        access.check_keys("cdse")


def test_public_hosts():
    assert is_public("8.8.8.8")
    assert is_public("sentinel-cogs.s3.us-west-2.amazonaws.com")
    assert not is_public("")
