"""Three hundred repositories in every state: all of them told, each asked three times at most."""

from __future__ import annotations

import json
import re

from hub_image.__main__ import main

from .many import STATES, WITHOUT, disturb, make

NUMBER = 300


def test_three_hundred_in_every_state(hosted, registry, waits, tmp_path, capsys):
    images, menu = make(hosted, NUMBER, "quay.io")
    registry |= images
    disturb(hosted, NUMBER, 0)
    hosted.fail("/orgs/sea/repos", 502)
    (tmp_path / "hub.yaml").write_text(menu)
    assert main(["fleet", "--org", "sea", str(tmp_path / "hub.yaml"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    found = {row["image"].rpartition("/")[2]: row for row in told["images"]}
    expected = {}
    for at in range(NUMBER):
        state = list(STATES)[at % len(STATES)]
        if state not in WITHOUT:
            expected[f"{state}-{at}"] = sorted(STATES[state].needs)
    assert {
        name: sorted(need["weight"] for need in row["needs"]) for name, row in found.items()
    } == expected
    each = NUMBER // len(STATES)
    assert told["notes"] == [
        f"Archived repositories that were left out: {each}.",
        f"Forks that were left out, name one in a list if it makes an image: {each}.",
        f"Repositories that make no image with the template: {each}.",
    ]

    order = [
        row["needs"] and min(row["needs"], key=lambda need: RANK[need["weight"]])["weight"]
        for row in told["images"]
    ]
    ranks = [RANK[weight] if weight else 99 for weight in order]
    assert ranks == sorted(ranks)

    assert max(hosted.seen.values()) <= 3
    asked = {
        re.sub(r"\?.*", "", path).split("/", 4)[-1] for path in hosted.seen if "/repos/sea/" in path
    }
    assert len({path.split("/")[0] for path in asked}) == 3, (
        "for its files, what is open, and its runs"
    )
    read = NUMBER - 2 * each  # neither archived nor forks
    good = 3 + 3 * (read - each) + each
    faults = 1 + 2 * NUMBER // 15 + 2
    assert sum(hosted.seen.values()) == good + faults


RANK = {
    weight: rank
    for rank, weight in enumerate(
        ["moves", "hub", "gone", "failed", "behind", "waits", "base", "template", "packages", "unlinked", "unknown"]
    )
}  # fmt: skip
