"""Each fact of world.yml has a test that carries its name, or a sentence that says why it has none."""

from __future__ import annotations

import pytest

from world import FACTS, proofs, sentences


def test_names_are_facts():
    """A name that is misspelt would prove nothing."""
    assert proofs().keys() | sentences().keys() <= FACTS.keys()


@pytest.mark.parametrize("name", FACTS)
def test_world(name):
    assert name in proofs() or name in sentences(), (
        "no test carries its name, and no sentence says why"
    )
