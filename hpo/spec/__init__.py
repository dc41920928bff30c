"""From YAML to a validated search: every fault at once, with its line and the legal choices."""

from hpo.spec.reading import parse, read
from hpo.spec.schema import schema
from hpo.spec.search_spec import SearchSpec

__all__ = ["SearchSpec", "parse", "read", "schema"]
