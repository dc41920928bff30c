"""No password and no token is left in an address that is shown."""

import pytest

from hpo.core.addresses import webhook_fault, without_secrets


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


@pytest.mark.parametrize("address", ["ftp://example.org", "example.org/hook", "", "https://", "file:///etc"])
def test_what_cannot_be_a_webhook_is_a_fault(address):
    assert "https://example.org/notify" in webhook_fault(address)


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/hook",
        "$HOOK",
        "${HOOK}/T1",
        "https://example.org/x?token=$T&a=1",
        "http://[::1]:8/x",
    ],
)
def test_a_webhook_may_take_what_is_secret_from_a_variable(address):
    assert webhook_fault(address) == ""


@pytest.mark.parametrize("address", ["https://me:pw@example.org/x", "https://example.org/x?token=abc"])
def test_a_webhook_with_a_secret_is_a_fault_that_does_not_show_it(address):
    assert "write $NAME" in webhook_fault(address)
