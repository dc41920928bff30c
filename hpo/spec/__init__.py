"""Turn YAML into a validated search, or report every fault with its line and the legal choices."""

from hpo.spec.json_schema import schema
from hpo.spec.parsing import parse_spec, read_spec
from hpo.spec.search_spec import SearchSpec

__all__ = ["SearchSpec", "parse_spec", "read_spec", "schema"]
