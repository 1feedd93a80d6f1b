"""A real S3 service on this machine for tests: SeaweedFS on free ports, gone when the tests are."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

READY_S = 60
KEY, SECRET, OWNER = "writer", "not-a-real-secret", "nor-is-this-one"
BUCKET = "maps"


def _free_ports(count: int) -> list[int]:
    """Return ports below 50000 whose gRPC twins (10000 above) are free too."""
    found: list[int] = []
    with contextlib.ExitStack() as held:
        for port in range(20_000 + os.getpid() % 10_000, 50_000):
            try:
                for each in (port, port + 10_000):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", each))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise RuntimeError("no free ports")


def weed() -> str | None:
    """Return the SeaweedFS program, if it is installed."""
    return shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@contextlib.contextmanager
def running_server(folder: Path) -> Iterator[str]:
    """Start the service in a folder, make the bucket, yield the endpoint; stop every process of it."""
    (folder / "data").mkdir()
    allowed = {
        "admin": (OWNER, ["Admin"]),
        KEY: (SECRET, [f"{verb}:{BUCKET}" for verb in ("Read", "Write", "List")]),
    }
    identities = [
        {"name": name, "credentials": [{"accessKey": name, "secretKey": secret}], "actions": actions}
        for name, (secret, actions) in allowed.items()
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    master, volume, filer, s3 = _free_ports(4)
    words = [
        "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
        f"-s3.port={s3}", f"-s3.port.grpc={s3 + 10_000}", f"-s3.config={folder / 's3.json'}",
        f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}",
        "-volume.max=5", "-master.volumeSizeLimitMB=64", "-master.electionTimeout=1s",
        "-master.telemetry=false",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [str(weed()), *words], stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    try:
        endpoint = f"http://127.0.0.1:{s3}"
        _make_bucket(endpoint, running, folder / "log")
        yield endpoint
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def _make_bucket(endpoint: str, running: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until the service answers and holds the bucket."""
    import botocore.exceptions
    import botocore.session
    from botocore.config import Config

    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="admin",
        aws_secret_access_key=OWNER,
        config=Config(connect_timeout=2, read_timeout=10, retries={"max_attempts": 0}),
    )
    until = time.monotonic() + READY_S
    while running.poll() is None and time.monotonic() < until:
        with contextlib.suppress(botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            with contextlib.suppress(client.exceptions.BucketAlreadyExists):
                client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"1")
            client.delete_object(Bucket=BUCKET, Key="ready")
            return
        time.sleep(0.1)
    raise RuntimeError(f"SeaweedFS did not start: {log.read_text(errors='replace')[-2000:]}")
