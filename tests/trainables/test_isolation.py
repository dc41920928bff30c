from __future__ import annotations

import pytest
import torch

from hpo.core.errors import UserError
from trainables import isolation

CPU = torch.device("cpu")


def test_random_numbers_depend_only_on_seed_and_purpose() -> None:
    drawn = []
    for purpose in (("epoch", 1), ("epoch", 1), ("epoch", 2)):
        with isolation.seeded(5, *purpose, device=CPU) as generator:
            drawn.append((torch.rand(1).item(), torch.rand(1, generator=generator).item()))
        torch.rand(3)
    assert drawn[0] == drawn[1] != drawn[2]


def test_settings_are_restored_even_after_an_error() -> None:
    random, threads = torch.get_rng_state(), torch.get_num_threads()

    def broken() -> None:
        with isolation.alone(3, CPU), isolation.seeded(1, device=CPU):
            assert torch.get_num_threads() == 3
            torch.rand(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.get_num_threads() == threads


def test_an_unknown_device() -> None:
    with pytest.raises(UserError, match="legal: cpu, cuda"):
        isolation.device("tpu")
