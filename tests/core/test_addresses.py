"""No password and no token is left in an address that is shown."""

import pytest

from hpo.core.addresses import without_secrets


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:geheim@host:1/path", "https://***@host:1/path"),
        ("https://geheim@host", "https://***@host"),
        ("postgresql+psycopg://me:ge@he/im@host/db", "postgresql+psycopg://***@host/db"),
        ("postgresql://me:geheim@[::1]:5432/x", "postgresql://***@[::1]:5432/x"),
        ("postgresql://host/x?user=me&password=geheim&a=1", "postgresql://host/x?user=me&password=***&a=1"),
        ("mssql://host/x;PWD=geheim;a=1", "mssql://host/x;PWD=***;a=1"),
        ("https://host/x?access_token=geheim", "https://host/x?access_token=***"),
        ("https://host/x?X-Amz-Signature=geheim", "https://host/x?X-Amz-Signature=***"),
        ("http://me:ge@heim@host/x?token=ge@heim", "http://***@host/x?token=***"),
        ("request to http://me:geheim@host:1/x failed: <no>", "request to http://***@host:1/x failed: <no>"),
        ("of 'http://me:geheim@a' and 'http://b'", "of 'http://***@a' and 'http://b'"),
        ("http://host/path and me@host", "http://host/path and me@host"),
        ("sqlite:////home/me/runs.db", "sqlite:////home/me/runs.db"),
        ("validation/accuracy is nan at epoch 3", "validation/accuracy is nan at epoch 3"),
    ],
)
def test_secrets_are_left_out_and_nothing_else(address, shown):
    assert without_secrets(address) == shown
