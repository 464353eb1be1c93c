"""The keys that `hub-image profile` knows are those that KubeSpawner has."""

from __future__ import annotations

import inspect
from importlib.metadata import version
from pathlib import Path
from textwrap import fill

import pytest

from hub_image.hubconfig import kubespawner_keys, lint


@pytest.fixture(scope="module")
def spawner() -> type:
    from kubespawner import KubeSpawner  # slow

    return KubeSpawner


def test_overrides_are_the_settings_of_kubespawner(spawner, request):
    installed = version("jupyterhub-kubespawner")
    names = spawner.class_trait_names(config=True)
    file = Path(kubespawner_keys.__file__)
    text = (
        f'"""{kubespawner_keys.__doc__}"""\n\nKUBESPAWNER = "{installed}"\nOVERRIDES = frozenset(\n    """\n'
        + fill(" ".join(sorted(names)), 100, initial_indent="    ", subsequent_indent="    ")
        + '\n    """.split()\n)\n'
    )
    if request.config.getoption("--update-golden"):
        file.write_text(text)
    assert file.read_text() == text


def test_keys_of_profiles_options_and_choices_are_documented_by_kubespawner(spawner):
    """Each key stands in KubeSpawner's documentation, or is one that a hub's other parts add."""
    documented = inspect.cleandoc(spawner.profile_list.help)
    elsewhere = {"allowed_groups", "dynamic_image_building", "description_in_choices"}
    for key in (lint.PROFILE | lint.OPTION | lint.CHOICE | lint.UNLISTED) - elsewhere:
        assert f"`{key}`" in documented or f"'{key}'" in documented, key
