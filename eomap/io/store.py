"""Bytes of a cube in a local folder or an S3 bucket, behind one small interface."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eomap.errors import MisuseError, TransientError

_UNFINISHED = (".part", ".partial")
"""Endings of files that a write leaves behind when its process is killed: ours, and zarr-python's."""


def open_store(url: str) -> "Folder | Bucket":
    """Return the listing at a local path or an s3:// url; nothing is created."""
    if "://" not in url:
        return Folder(str(Path(url).absolute()))
    if url.startswith("s3://") and url.removeprefix("s3://").strip("/"):
        return Bucket(url.removeprefix("s3://").rstrip("/"))
    raise MisuseError("--out", expected="a local path or s3://bucket/prefix", got=url)


@dataclass(frozen=True, slots=True)
class Folder:
    """Objects as files below a root; writes are whole or not at all."""

    root: str

    @property
    def url(self) -> str:
        """Where the objects lie."""
        return self.root

    def _path(self, key: str) -> Path:
        return Path(self.root) / key

    def read(self, key: str) -> bytes:
        """Return an object; raise FileNotFoundError where there is none."""
        try:
            return self._path(key).read_bytes()
        except NotADirectoryError as problem:
            raise FileNotFoundError(str(problem)) from None

    def _stage(self, key: str, data: bytes) -> tuple[Path, Path]:
        path = self._path(key)
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
        except OSError as problem:
            with contextlib.suppress(OSError):
                part.unlink()
            raise MisuseError(
                str(path),
                expected="a place to write",
                got=problem.strerror or type(problem).__name__,
                hint="free some space or choose another --out; the run can be continued",
            ) from problem
        return part, path

    def put(self, key: str, data: bytes) -> None:
        """Write or replace an object."""
        part, path = self._stage(key, data)
        os.replace(part, path)

    def put_new(self, key: str, data: bytes) -> bool:
        """Write an object that must not exist yet; return False where it does."""
        part, path = self._stage(key, data)
        try:
            os.link(part, path)  # fails when the name is taken, unlike a rename
            return True
        except FileExistsError:
            return False
        finally:
            part.unlink()

    def delete(self, key: str) -> None:
        """Remove an object if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self._path(key).unlink()

    def size(self, key: str) -> int | None:
        """Return the size of an object, or None where there is none."""
        try:
            return self._path(key).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Return the size in bytes of every object below a prefix, by key; unfinished writes are none."""
        return {k: size for k, size in self._files(prefix) if not k.endswith(_UNFINISHED)}

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys below a prefix, sorted; unfinished writes are not keys."""
        return list(self.sizes(prefix))

    def unfinished(self) -> list[str]:
        """Return what killed writes left behind, sorted."""
        return [k for k, _ in self._files("") if k.endswith(_UNFINISHED)]

    def sweep(self, before_s: float) -> None:
        """Remove what killed writes left behind before a moment (seconds since 1970)."""
        for key in self.unfinished():
            with contextlib.suppress(FileNotFoundError):
                if self._path(key).stat().st_mtime < before_s:
                    self._path(key).unlink()

    def _files(self, prefix: str) -> list[tuple[str, int]]:
        root = Path(self.root)
        found = (p for p in (root / prefix).rglob("*") if p.is_file())
        return sorted((p.relative_to(root).as_posix(), p.stat().st_size) for p in found)

    def zarr(self) -> Any:
        """Return the zarr store over the same bytes."""
        from zarr.storage import LocalStore

        return LocalStore(self.root)


def _filesystem() -> Any:
    import s3fs

    # Endpoint and keys come from the environment as for every AWS tool (AWS_ENDPOINT_URL, AWS_PROFILE ...).
    options: dict[str, Any] = {"config_kwargs": {"retries": {"max_attempts": 8, "mode": "standard"}}}
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        options["endpoint_url"] = endpoint
    return options, s3fs.S3FileSystem


@dataclass(frozen=True, slots=True)
class Bucket:
    """Objects below an S3 prefix, through s3fs."""

    prefix: str
    _cache: dict[int, Any] = field(default_factory=dict, compare=False, repr=False)

    def __reduce__(self):  # a connection never travels to another process
        return (Bucket, (self.prefix,))

    @property
    def url(self) -> str:
        """Where the objects lie."""
        return f"s3://{self.prefix}"

    @property
    def fs(self) -> Any:
        """The file system of this process; s3fs does not survive a fork."""
        if os.getpid() not in self._cache:
            options, kind = _filesystem()
            self._cache[os.getpid()] = kind(**options)
        return self._cache[os.getpid()]

    def _path(self, key: str) -> str:
        return f"{self.prefix}/{key}"

    @contextlib.contextmanager
    def _plainly(self) -> Iterator[None]:
        """Raise what the service says by its remedy; FileNotFoundError and FileExistsError as they are."""
        from botocore import exceptions as said

        try:
            yield
        except (OSError, said.BotoCoreError, said.ClientError) as problem:
            raise self._meaning(problem) from problem

    def _meaning(self, problem: Exception) -> Exception:
        from botocore import exceptions as said

        text = str(problem)[:200]
        code = getattr(problem.__cause__, "response", {}).get("Error", {}).get("Code", "")
        if code == "PreconditionFailed" or isinstance(problem, FileExistsError):
            return FileExistsError(text)
        if code == "NoSuchBucket":
            return MisuseError(self.url, expected="an existing bucket", got=text)
        if isinstance(problem, FileNotFoundError):
            return problem
        missing = (said.NoCredentialsError, said.PartialCredentialsError, said.ProfileNotFound)
        if isinstance(problem, (PermissionError, *missing)):
            return MisuseError(
                self.url,
                expected="a bucket this user may read and write",
                got=text,
                hint="check AWS_PROFILE, AWS_ENDPOINT_URL and the bucket's policy",
            )
        if isinstance(problem, said.ParamValidationError):
            return MisuseError(self.url, expected="s3://bucket/prefix", got=text)
        return TransientError(self.url, expected="an answer", got=text, hint="run the same command again")

    def read(self, key: str) -> bytes:
        """Return an object; raise FileNotFoundError where there is none."""
        with self._plainly():
            return bytes(self.fs.cat_file(self._path(key)))

    def put(self, key: str, data: bytes) -> None:
        """Write or replace an object."""
        with self._plainly():
            self.fs.pipe_file(self._path(key), data, mode="overwrite")

    def put_new(self, key: str, data: bytes) -> bool:
        """Write an object that must not exist yet (If-None-Match); return False where it does.

        A first answer that is lost makes the service refuse the repeated request, so False may also
        mean that this very write is there: whoever needs to know reads it back.
        """
        try:
            with self._plainly():
                self.fs.pipe_file(self._path(key), data, mode="create")
            return True
        except FileExistsError:
            return False

    def delete(self, key: str) -> None:
        """Remove an object if it is there."""
        with contextlib.suppress(FileNotFoundError), self._plainly():
            self.fs.rm_file(self._path(key))

    def size(self, key: str) -> int | None:
        """Return the size of an object, or None where there is none."""
        try:
            with self._plainly():
                return int(self.fs.info(self._path(key), refresh=True)["size"])
        except FileNotFoundError:
            return None

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Return the size in bytes of every object below a prefix, by key, sorted."""
        self.fs.invalidate_cache()
        with self._plainly():
            found = self.fs.find(f"{self.prefix}/{prefix}" if prefix else self.prefix, detail=True)
        # Some services list a prefix without objects as one entry, itself.
        own = sorted(k for k in found if k.startswith(self.prefix + "/") and found[k]["type"] == "file")
        return {k.removeprefix(self.prefix + "/"): int(found[k]["size"]) for k in own}

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys below a prefix, sorted."""
        return list(self.sizes(prefix))

    def unfinished(self) -> list[str]:
        """Return nothing: an object appears whole, a killed upload is the bucket's to expire."""
        return []

    def sweep(self, before_s: float) -> None:
        """Do nothing; see `unfinished`."""

    def zarr(self) -> Any:
        """Return the zarr store over the same bytes."""
        from zarr.storage import FsspecStore

        options, kind = _filesystem()
        return FsspecStore(kind(asynchronous=True, **options), path=self.prefix)
