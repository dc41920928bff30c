"""What an hour of a GPU costs, as far as the user says so."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping

from hpo.core.errors import UserError

PRICE = "HPO_PRICE_PER_GPU_HOUR"
"""Environment variable with the price, a number in any currency."""


def gpu_price(environ: Mapping[str, str] = os.environ) -> float:
    """Return the price of a GPU for an hour; NaN if it is not known.

    Raises:
        UserError: If the variable holds something else.
    """
    text = environ.get(PRICE, "").strip()
    if not text:
        return math.nan
    try:
        price = float(text)
    except ValueError:
        price = math.nan
    if not math.isfinite(price) or price < 0:
        raise UserError(f"{PRICE}={text[:40]}: legal: a number of at least 0, such as 2.5")
    return price
