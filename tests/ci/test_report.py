"""What `hub-image report` says on the page of a run; the rest of it is in test_image_workflow.py."""

import os

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
