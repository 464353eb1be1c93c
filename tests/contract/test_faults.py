"""The contract catches each seeded fault by the check that is made for it, and no good image.

By default a fault of a container is only shown to its own check, and one of the hub only where it is
`quick`: each takes the day of several users. With --whole-matrix each is shown to all checks of its
group, and then to all but its own.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from conftest import ROOT
from hub_image.contract import FAIL, WARN, Target
from hub_image.contract import command as test
from hub_image.contract.groups import chosen, container, image_tests, on_hub, static
from hub_image.tools import docker

from .conftest import GOOD, ON_ANY_RUN

FAULTS = yaml.safe_load((Path(__file__).parent / "faults.yml").read_text(encoding="utf-8"))
GROUPS = {
    "static": (static.CHECKS, lambda target, session: target),
    "container": ([*container.CHECKS, *chosen.IN_CONTAINER], container.Container),
    "hub": ([*on_hub.CHECKS, *chosen.ON_HUB], on_hub.Day),
}
CHECKS = {
    f"{check.number} {check.name}": check for checks, _ in GROUPS.values() for check in checks
}
# What an image as the template makes it warns of: TeX is nearly a gigabyte, so it is offered and not installed.
ALWAYS = {"C36 every export in the menu works"}
ELSEWHERE = {
    "a binder/ folder that hides the Dockerfile": "a repository's, not an image's: "
    "`hub-image check` has the rule binder-folder, with cases of its own",
}
whole_matrix = pytest.mark.whole_matrix


def wrong(results) -> set[str]:
    """The names of the checks that say something."""
    return {
        f"{result.check.number} {result.check.name}"
        for result in results
        if result.status in (FAIL, WARN)
    }


def by_default(fault: dict) -> bool:
    """Whether a fault is tried on any run."""
    return fault.get("quick", fault.get("stage") != "hub")


def test_every_check_has_a_fault():
    """A check that nothing can trip guards nothing."""
    seeded = {fault["check"] for fault in FAULTS}
    assert seeded == CHECKS.keys()


@pytest.mark.engine
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, marks=() if by_default(fault) else whole_matrix, id=fault["fault"])
        for fault in FAULTS
    ],
)
def test_fault_is_caught_by_its_own_check(fault, good, target, record_property, request, tmp_path):
    kind, own = fault.get("kind", "python"), CHECKS[fault["check"]]
    stage = fault.get("stage", "container")
    checks, look = GROUPS[stage]
    whole = stage != "container" or request.config.getoption("--whole-matrix")
    reference = fault.get("tag") or "contract/fault:1"
    lines = fault["lines"] * fault.get("times", 1)
    dockerfile = f"FROM {good(kind)[0]}\nUSER root\n{lines}\n"
    docker.output("build", "--quiet", f"--tag={reference}", "-", input=dockerfile)
    try:
        options = dict(fault.get("options", {}))
        for name, text in fault.get("lists", {}).items():
            (tmp_path / name).write_text(text)
            options["repository"] = tmp_path
        found = target(kind, reference, **options)
        found.config.update(fault.get("config", {}))
        with docker.Session() as session:
            subject = look(found, session)
            results = list(test.judge(checks if whole else [own], subject, test.AT_ONCE))
            caught = wrong(results)
            # With its check left out nothing else may notice, or that check would not be needed.
            others = [check for check in checks if whole and check is not own]
            without = wrong(test.judge(others, subject, test.AT_ONCE)) - ALWAYS
    finally:
        docker.call("image", "rm", "--force", reference)
    nothing = "nothing" if whole else "(--whole-matrix asks)"
    by = fault["check"] if fault["check"] in caught else "NOTHING"
    record_property("fault", (fault["fault"], by, ", ".join(without) or nothing))
    assert caught - (ALWAYS - {fault["check"]}) == {fault["check"]}
    assert fault.get("says", "") in next(end.detail for end in results if end.check is own)
    assert not without


@pytest.mark.engine
@pytest.mark.world("installed-is-not-working")
def test_faults_of_what_people_click_are_told_apart(target, good):
    """Each is a fault of faults.yml; here they are in one image, which takes one day on the hub."""
    together = [fault for fault in FAULTS if fault.get("together")]
    lines = "\n".join(fault["lines"].removesuffix("USER 1000\n") for fault in together)
    reference = "contract/faults:1"
    dockerfile = f"FROM {good('python')[0]}\nUSER root\n{lines}\nUSER 1000\n"
    docker.output("build", "--quiet", f"--tag={reference}", "-", input=dockerfile)
    try:
        results = test.contract(target("python", reference), ["hub"])
        found = {f"{result.check.number} {result.check.name}": result for result in results}
    finally:
        docker.call("image", "rm", "--force", reference)
    assert wrong(found.values()) - ALWAYS == {fault["check"] for fault in together}
    for fault in together:
        assert fault["says"] in found[fault["check"]].detail
    assert "switched-off" not in found["C35 JupyterLab's page has all its parts"].detail


@pytest.mark.engine
def test_an_image_in_which_nothing_runs_is_told_so_by_one_check(docker_environment):
    """As one for another processor, or one that was never meant for people."""
    reference = "contract/nothing:1"
    docker.output(
        "build", "--quiet", f"--tag={reference}", "-", input="FROM scratch\nUSER 1000\nLABEL a=b\n"
    )
    try:
        found = Target(reference, hub_version="5.4", config=docker.inspect(reference))
        results = list(test.contract(found, ["container"]))
    finally:
        docker.call("image", "rm", "--force", reference)
    [told] = [result for result in results if result.status in (FAIL, WARN)]
    assert (told.check.number, told.status) == ("C7", FAIL)
    assert 'exec: "/bin/sh"' in told.detail and "runc" not in told.detail
    assert len(results) == len(GROUPS["container"][0])


# What looks like a fault and is the base's own: the check, and lines as in faults.yml.
NO_FAULT = {
    "a folder in PATH that only a node with a graphics card has": (
        "C25 every folder in PATH exists",
        "ENV PATH=$PATH:/usr/local/nvidia/bin",
    ),
    "files that the base has in the home": (
        "C5 nothing that is needed is in the home",
        "RUN cd /home/jovyan && touch conda-lock.yml && mkdir -p /usr/local/lib/hub-image"
        " && find /home -mindepth 2 >/usr/local/lib/hub-image/home-of-the-base",
    ),
}


@pytest.mark.engine
@pytest.mark.world("nvidia-in-path", "onbuild")
@pytest.mark.parametrize("what", NO_FAULT)
def test_what_is_the_base_s_own_is_no_fault(what, good, target):
    check, lines = NO_FAULT[what]
    reference = "contract/no-fault:1"
    dockerfile = f"FROM {good('python')[0]}\nUSER root\n{lines}\nUSER 1000\n"
    docker.output("build", "--quiet", f"--tag={reference}", "-", input=dockerfile)
    try:
        with docker.Session() as session:
            image = container.Container(target("python", reference), session)
            assert not wrong(test.judge([CHECKS[check]], image))
    finally:
        docker.call("image", "rm", "--force", reference)


NOTEBOOK = """{{"cells": [{{"cell_type": "code", "source": "{code}", "metadata": {{}}, "outputs": [],
"execution_count": null}}], "metadata": {{"kernelspec": {{"name": "{kernel}", "display_name": "-",
"language": "{language}"}}}}, "nbformat": 4, "nbformat_minor": 4}}"""
RIGHT = {
    "deep/beside.ipynb": NOTEBOOK.format(
        code="assert open('data.txt').read() == 'x'", kernel="python3", language="python"
    ),
    "deep/data.txt": "x",
    "other-name.ipynb": NOTEBOOK.format(code="cat(6 * 7)", kernel="ir-of-2019", language="R"),
    "requirements.txt": "colorama  # what only the tests need\n",
    "test_requirement.py": "import colorama, pytest\n\n"
    "@pytest.fixture\ndef ready():\n    return True\n\ndef test_ready(ready):\n    assert ready\n",
}
WRONG = {
    "the owner's notebook fails": (
        "fails.ipynb",
        NOTEBOOK.format(code="import sys\\nimport no_such_module", kernel="python3", language="python"),
        "cell 1: ModuleNotFoundError: No module named 'no_such_module'",
    ),
    "the owner's notebook needs a kernel that is not there": (
        "no-kernel.ipynb",
        NOTEBOOK.format(code="6 * 7", kernel="matlab", language="matlab"),
        "its kernel (matlab) is not in the image",
    ),
    "the owner's notebook fails after a cell that may": (
        "fails-late.ipynb",
        NOTEBOOK.format(code="1 / 0", kernel="python3", language="python").replace(
            '"metadata": {}, "outputs": [],\n"execution_count": null}]',
            '"metadata": {"tags": ["raises-exception"]}, "outputs": [], "execution_count": 7}, {"cell_type": "code", '
            '"source": "assert 0, \'two\\\\nlines\'", "metadata": {}, "outputs": [], "execution_count": null}]',
        ),
        "cell 2: AssertionError: two lines",
    ),
    "the owner's notebook never ends": (
        "hangs.ipynb",
        NOTEBOOK.format(code="import time\\ntime.sleep(60)", kernel="python3", language="python"),
        "cell 1: it runs for more than ",
    ),
    "the owner's test fails": (
        "test_fails.py",
        "def test_fails():\n    assert 6 * 7 == 41\n",
        "test_fails",
    ),
    "the owner's test does not load": ("test_load.py", "import no_such_module\n", "test_load.py"),
}  # fmt: skip


def owned(target, folder: Path, files: dict[str, str]) -> dict:
    """The results of an image-tests/ folder with these files, by name, in the image with R and Julia."""
    for name, text in files.items():
        file = folder / image_tests.FOLDER / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    found = target("r-julia", repository=folder)
    results = test.contract(found, ["image-tests"])
    return {result.check.name.removeprefix("image-tests/"): result for result in results}


@pytest.mark.engine
def test_what_the_owner_wrote_is_run(target, tmp_path, record_property, monkeypatch):
    """In a folder as repo2docker-action has them: a notebook beside its data, requirements, fixtures."""
    monkeypatch.setattr(image_tests, "CELL", 10)
    files = RIGHT | {name: text for name, text, _ in WRONG.values()}
    results = owned(target, tmp_path, files)
    for fault, (name, _, sentence) in WRONG.items():
        caught = results[name].status == FAIL and sentence in results[name].detail
        by = f"own image-tests/{name}" if caught else "NOTHING"
        record_property("fault", (fault, by, "nothing"))
    failed = {name for name, result in results.items() if result.status == FAIL}
    assert failed == {name for name, _, _ in WRONG.values()}, wrong(results.values())
    for name, _, sentence in WRONG.values():
        assert sentence in results[name].detail
    assert results.keys() - failed == {name for name in RIGHT if name.endswith(("ipynb", ".py"))}


@pytest.mark.engine
def test_requirements_of_the_owner_that_cannot_be_installed(target, tmp_path):
    files = {"requirements.txt": "./not-there\n", "test_one.py": "def test_one(): pass\n"}
    [result] = owned(target, tmp_path, files).values()
    assert result.status == FAIL and "image-tests/requirements.txt: " in result.detail


@pytest.mark.engine
@pytest.mark.parametrize(
    "kind",
    [kind if kind in ON_ANY_RUN else pytest.param(kind, marks=whole_matrix) for kind in GOOD],
)
def test_good_image_raises_nothing(kind, good, target, record_property):
    found = target(kind, repository=good(kind)[1])
    results = list(test.contract(found))
    alarms = wrong(results) - ALWAYS
    record_property("good", (kind, len(alarms)))
    assert not alarms, [str(result) for result in results if result.status in (FAIL, WARN)]
    assert {result.check.number for result in results} >= {"C1", "C10", "own"}


@pytest.mark.engine
def test_nothing_is_left_behind(target, monkeypatch):
    """Containers, networks and volumes go, also when the caller stops half way, with the hub still at work beside."""
    monkeypatch.setattr(docker, "LABEL", "hub-image.test-of-leftovers")  # others may be at work

    def left() -> list[str]:
        kinds = (["ps", "--all"], ["network", "ls"], ["volume", "ls"])
        mark = f"--filter=label={docker.LABEL}"
        return [name for kind in kinds for name in docker.output(*kind, "--quiet", mark).split()]

    results = test.contract(target("python"))
    for result in results:
        if result.check.number == "C1":
            assert left()
            break
    results.close()
    assert not left()


def test_documented_numbers_are_those_of_the_catalog():
    """The hub that is started by default is the one that images are made for."""
    catalog = yaml.safe_load((ROOT / "catalog.yml").read_text(encoding="utf-8"))
    assert catalog["images"]["hub"]["tag"] == catalog["hub"]
