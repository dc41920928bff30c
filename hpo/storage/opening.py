"""What the address of a store stands for: a file system of pyarrow, and a path in it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pyarrow import fs

from hpo.core.addresses import without_secrets

CONNECTING, ANSWERING, ATTEMPTS = 10.0, 60.0, 3
"""Seconds until S3 accepts a connection and answers a request, and how often a request is made."""

S3_OPTIONS = ("region", "endpoint_override", "scheme")
"""Parameters of an ``s3://`` address."""

LEGAL = "the path of a folder from / on, s3://BUCKET/PATH or gs://BUCKET/PATH"


def opened(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it.

    Raises:
        ValueError: If the address is not one.
    """
    parts = urlsplit(address)
    if not parts.scheme:
        if not address.startswith("/"):
            raise ValueError("it is not an absolute path")
        return fs.LocalFileSystem(), address.rstrip("/") or "/"
    path = f"{parts.netloc}{parts.path}".rstrip("/")
    if parts.scheme == "file":
        return fs.LocalFileSystem(), path
    if parts.scheme not in ("s3", "gs") or not parts.netloc:
        raise ValueError("there is no such kind of store")
    if parts.scheme == "gs":
        return fs.GcsFileSystem(), path
    options = dict(parse_qsl(parts.query))
    unknown = sorted(options.keys() - set(S3_OPTIONS))
    if unknown:
        raise ValueError(f"{unknown[0]} is not a parameter; legal: {', '.join(S3_OPTIONS)}")
    retry = fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS)
    limits = {"connect_timeout": CONNECTING, "request_timeout": ANSWERING, "retry_strategy": retry}
    return fs.S3FileSystem(**options, **limits), path


def first_line(error: BaseException) -> str:
    """Return the first line of an error, without secrets."""
    lines = without_secrets(str(error)).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
