"""The outcome of comparing a search's record with one other thing."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.core.chain_check import Finding


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of an audit; see `hpo.core.audit.Audit` for its fields."""

    compared: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
