"""The account of a search: everything that an experiments section needs, from the record alone."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from pathlib import Path

from hpo.core.account import Account
from hpo.core.chain_check import find_edits
from hpo.core.errors import DamagedLedger, HpoError, UserError
from hpo.core.home import Home
from hpo.core.private_files import replace_file
from hpo.ledger.searches import open_ledger, read_history
from hpo.use_cases.accounting.gathering import gather_account
from hpo.use_cases.audit import audit_of, unreadable
from hpo.use_cases.auditing.signatures import require_key, sign_file, signature_beside
from hpo.use_cases.inspect import status_of


def account_of(name: str, *, home: Home) -> Account:
    """Return the account of a search with an audit of it; no data is read and nothing is trained.

    Raises:
        UserError: If there is no such search.
        DamagedLedger: If events were edited so that the record cannot be read to its end.
    """
    ledger = open_ledger(name, home)
    try:
        now = status_of(read_history(ledger), home, name)
        account = gather_account(ledger, home=home, status=now)
    except Exception as error:
        record = ledger.stored()
        edits = find_edits(name, record)
        if isinstance(error, HpoError) and not edits:
            raise
        edits = edits or [unreadable(record, error)]
        findings = "; ".join(edit.text for edit in edits)
        raise DamagedLedger(f"the record of {name} was edited: {findings}") from error
    return dataclasses.replace(account, audit=audit_of(account, ledger, home=home))


def sign_account(account: Account, *, key: Path, out: Path) -> Path:
    """Write an account as JSON, sign it in OpenSSH's format, and return the path of the signature.

    Args:
        account: The account.
        key: An SSH key.
        out: File to write; the signature is beside it, with the suffix ``.sig``.

    Raises:
        UserError: If the file cannot be written or the key cannot be used.
    """
    require_key(key)
    text = json.dumps(account.to_json(), indent=2, allow_nan=False) + "\n"
    try:
        with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=".signing-") as folder:
            unsigned = Path(folder) / out.name
            unsigned.write_text(text)
            signature = sign_file(unsigned, key).read_text()  # a key that cannot sign replaces nothing
        replace_file(out.absolute(), text)
        replace_file(signature_beside(out.absolute()), signature)
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}") from error
    return signature_beside(out)
