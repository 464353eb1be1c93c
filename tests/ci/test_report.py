"""What `hub-image report` says on the page of a run; the rest of it is in test_image_workflow.py."""

import os

import pytest

from hub_image.ci import report


def test_figures_come_from_the_logs(tmp_path):
    build = "#5 [stage-4  2/10] RUN x\n#5 CACHED\n#6 [list 1/1] COPY y /\n#7 [internal] load\n#7 CACHED\n"
    for name, end, text in [("check", 100, ""), ("build", 175.4, build), ("contract", 190, "")]:
        (tmp_path / f"{name}.log").write_text(text)
        os.utime(tmp_path / f"{name}.log", (end, end))
    expected = ["build 1 min 15 s (1 of 2 steps from the cache)", "contract 15 s"]
    assert list(report.took(tmp_path)) == expected
    (tmp_path / "build.log").write_text("This commit is published already.\n")
    os.utime(tmp_path / "build.log", (101, 101))
    assert next(report.took(tmp_path)) == "build 1 s"


# The ends of logs as they are; of a build as BuildKit prints one: https://docs.docker.com/reference/cli/docker/buildx/build/#progress
LOGS = {
    "check": ("environment.yml:5: warning past-end: x\napt.txt:3: error apt: `X` is no name\n1 error, 1 warning\n",
              "apt.txt:3: error apt: `X` is no name"),
    "contract": ("FAIL own x\n\nError own, image-tests/a.ipynb: cell 1: ModuleNotFoundError: x.\n  Why it matters: y\na: 1 failed\n",
                 "Error own, image-tests/a.ipynb: cell 1: ModuleNotFoundError: x."),
    "build": ("#5 [a 1/2] RUN x\n#5 0.413 no such x\n#5 0.500 environment.yml: there is no such package.\n#5 ERROR: process\n------\n"
              "0.500 environment.yml: there is no such package.\nERROR: failed to build: failed to solve\n",
              "environment.yml: there is no such package."),
    "publish": ("one\n::error::ghcr.io refuses to take it\n\n", "ghcr.io refuses to take it"),
    "setup": (None, ""),
}  # fmt: skip


@pytest.mark.parametrize("step", LOGS)
def test_why_a_step_failed_is_said_beside_the_run(step, tmp_path, monkeypatch, capsys):
    log, reason = LOGS[step]
    if log is not None:
        (tmp_path / f"{step}.log").write_text(log)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    made = report.plan.Plan("quay.io/o/o", ("a",), "", "a" * 40, "linux/amd64", "", False, "", True)
    monkeypatch.setattr(report, "_anchors", lambda: iter(()))
    list(report.report(made, {step: {"outcome": "failure"}}, tmp_path))
    assert capsys.readouterr().out == f"::error title={step} failed::{reason}\n"
