"""What a user chooses whenever a search is run: when it is submitted, and each time it is resumed."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hpo.core.json_values import parsed


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Choices about one run of a search, which are not part of its spec.

    Attributes:
        unseal: Whether to score the winner on the test part at the end.
        again: Why to open the test part although the same data was opened before; empty to refuse that.
        changed_code: Whether to go on although the user's training code has changed; recorded.
        address: A Ray cluster; None for ``RAY_ADDRESS`` or an embedded Ray.
    """

    unseal: bool = True
    again: str = ""
    changed_code: bool = False
    address: str | None = None

    def to_json(self) -> str:
        """Return the text that the ledger keeps beside a search, for a process that takes it over.

        Consent to changed code is given once, and is on record.
        """
        return json.dumps({"unseal": self.unseal, "again": self.again, "address": self.address})

    @classmethod
    def of_json(cls, text: str) -> RunOptions:
        """Return options from that text."""
        document = parsed(text)
        return cls(bool(document["unseal"]), str(document["again"]), address=document["address"])

    def to_command_line(self) -> list[str]:
        """Return the options of `hpo resume` that make the same choices."""
        return [
            *([] if self.unseal else ["--no-test"]),
            *(["--again", f"--reason={self.again}"] if self.again else []),
            *(["--changed-code"] if self.changed_code else []),
            *([f"--address={self.address}"] if self.address else []),
        ]


DEFAULTS = RunOptions()
