"""The contract catches each seeded fault by the check that is made for it, and no good image."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from conftest import ROOT
from hub_image import test
from hub_image.contract import FAIL, WARN, container, docker, on_hub, static

from .conftest import GOOD

FAULTS = yaml.safe_load((Path(__file__).parent / "faults.yml").read_text(encoding="utf-8"))
CHECKS = {
    f"{check.number} {check.name}": check
    for group in (static.CHECKS, container.CHECKS, on_hub.CHECKS)
    for check in group
}
# Checks that no image can break, with the reason.
WITHOUT_FAULT = {
    "C28 databases in the home": "always not applicable: it is the hub that switches the history off",
    "C29 cloud services": "always not applicable: all container checks run without a network",
}
whole_matrix = pytest.mark.whole_matrix


def wrong(results) -> set[str]:
    """The names of the checks that say something."""
    return {
        f"{result.check.number} {result.check.name}"
        for result in results
        if result.status in (FAIL, WARN)
    }


def test_every_check_has_a_fault():
    """A check that nothing can trip guards nothing."""
    seeded = {fault["check"] for fault in FAULTS}
    assert seeded | WITHOUT_FAULT.keys() == CHECKS.keys()
    assert not seeded & WITHOUT_FAULT.keys()


@pytest.mark.engine
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, marks=() if fault.get("quick") else whole_matrix, id=fault["fault"])
        for fault in FAULTS
    ],
)
def test_fault_is_caught_by_its_own_check(fault, good, target, record_property):
    kind = fault.get("kind", "python")
    reference = fault.get("tag") or "contract/fault:1"
    dockerfile = f"FROM {good(kind)[0]}\nUSER root\n{fault['lines']}\n"
    docker.output("build", "--quiet", f"--tag={reference}", "-", input=dockerfile)
    found = target(kind, reference, **fault.get("options", {}))
    found.config.update(fault.get("config", {}))
    stage, own = fault.get("stage", "container"), fault["check"]
    try:
        caught = wrong(test.contract(found, [stage]))
        # With the check left out nothing else may notice, or that check would not be needed.
        without = wrong(test.contract(found, [stage], [CHECKS[own].name]))
    finally:
        docker.call("image", "rm", "--force", reference)
    row = (fault["fault"], own if own in caught else "NOTHING", ", ".join(without) or "nothing")
    record_property("fault", row)
    assert caught == {own}
    assert not without


@pytest.mark.engine
@pytest.mark.parametrize("kind", [pytest.param(kind, marks=whole_matrix) for kind in GOOD])
def test_good_image_raises_nothing(kind, good, target, record_property):
    found = target(kind, repository=good(kind)[1])
    results = list(test.contract(found))
    record_property("good", (kind, len(wrong(results))))
    assert not wrong(results), [str(result) for result in results if result.status in (FAIL, WARN)]
    assert {result.check.number for result in results} >= {"C1", "C10", "own"}


@pytest.mark.engine
@whole_matrix
def test_nothing_is_left_behind(target, monkeypatch):
    """Containers, networks and volumes go, also when the caller stops half way."""
    monkeypatch.setattr(docker, "LABEL", "hub-image.test-of-leftovers")  # others may be at work

    def containers() -> str:
        return docker.output("ps", "--all", "--quiet", f"--filter=label={docker.LABEL}")

    results = test.contract(target("python"))
    for result in results:
        if result.check.number == "C1":
            assert containers()
            break
    results.close()
    assert not containers()


def test_documented_numbers_are_those_of_the_catalog():
    """The hub that is started by default is the one that images are made for."""
    catalog = yaml.safe_load((ROOT / "catalog.yml").read_text(encoding="utf-8"))
    assert catalog["images"]["hub"]["tag"] == catalog["hub"]
