"""`hub-image fleet`: many images at once, the ones that need somebody first."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timezone
from pathlib import Path

from hub_image.fleet import rows, site, sources, update, words
from hub_image.fleet.asking import Asking
from hub_image.fleet.model import Row
from hub_image.handoff.config import WRITTEN, HubConfig
from hub_image.problem import Problem
from hub_image.tools import github

FILE = "fleet.json"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hub-image fleet`."""
    parser.add_argument(
        "path",
        metavar="PATH",
        nargs="*",
        help="folders of image repositories, files or folders of hubs' configurations, and hubs' configurations on GitHub "
        "as OWNER/REPOSITORY:FILE,FILE",
    )
    parser.add_argument(
        "--org",
        action="append",
        default=[],
        metavar="NAME",
        help="the repositories of an organization on GitHub, or the public ones of a person",
    )
    parser.add_argument(
        "--topic",
        action="append",
        default=[],
        metavar="NAME",
        help="those that have this topic: of the organization, or else of all on GitHub",
    )
    parser.add_argument(
        "--list",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="the repositories that a file names, one on each line as OWNER/NAME",
    )
    parser.add_argument("--offline", action="store_true", help="ask neither registries nor GitHub")
    parser.add_argument("--json", action="store_true", help="print all of it, for a program")
    parser.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help=f"write a page, index.html, and all of it for programs, {FILE}",
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="start the update of each repository on GitHub to the newest release of its template, and show how far it is",
    )
    parser.add_argument(
        "--canary",
        action="append",
        default=[],
        metavar="OWNER/NAME",
        help="with --update: one that comes first; the rest follows when the images of all canaries were proved",
    )
    parser.add_argument(
        "--merge",
        action="store_true",
        help="with --update: merge what was proved, after people have merged the canaries",
    )
    parser.add_argument(
        "--wait", action="store_true", help="with --update: go on until nothing moves any more"
    )


def run(options: argparse.Namespace) -> int:
    """Show a row for each image; return the exit code. Raises Problem where there is no image."""
    on_github = [*options.org, *options.topic, *options.list]
    configs, paths = _places(options.path)
    if not (paths or on_github):
        raise Problem(
            "name folders of image repositories or files of a hub's configuration, or give --org, --topic or --list"
        )
    if options.update:
        if paths or configs or options.offline or options.json or options.into:
            raise Problem(
                "--update takes --org, --topic and --list, and shows only how far the updates are"
            )
    elif options.canary or options.merge or options.wait:
        raise Problem("--canary, --merge and --wait say how to update: give --update too")
    if options.offline and (on_github or configs):
        raise Problem("--offline asks nobody, so name folders and files on this computer only")
    asking = Asking()
    notes: list[str] = []
    wanted = sources.repositories(options.org, options.topic, options.list, asking, notes.append)
    if options.update:
        return update.run(asking, wanted, notes, options.canary, options.merge, options.wait)
    found, more = rows.gather(paths, wanted, configs, asking, ask=not options.offline)
    notes += more
    if not found and asking.ended:
        raise Problem(" ".join(notes))
    if not found:
        raise Problem(
            f"{' '.join(notes)} There is no image here; name folders of image repositories, or files of a hub's "
            "configuration, or check --org, --topic and --list".lstrip()
        )
    today = datetime.now(timezone.utc).date()
    github.summary(words.summary(found, notes, today))
    if options.into:
        options.into.mkdir(parents=True, exist_ok=True)
        page = site.text(found, notes, today)
        (options.into / "index.html").write_text(page, encoding="utf-8")
        (options.into / FILE).write_text(as_json(found, notes, today) + "\n", encoding="utf-8")
    if options.json:
        print(as_json(found, notes, today))
    elif options.into:
        print(*notes, f"{options.into} has the page of {words.counted(found)}", sep="\n")
    else:
        print(*words.table(found, notes, today), sep="\n")
    remote = [row for row in found if row.page]
    is_blind = bool(remote) and not any(row.is_read for row in remote)
    return 1 if asking.ended or is_blind else 0


def _places(given: Sequence[str]) -> tuple[list[HubConfig], list[Path]]:
    """Hubs' configurations on GitHub, and paths; what is there is a path, whatever it looks like."""
    configs = [text for text in given if WRITTEN.fullmatch(text) and not Path(text).exists()]
    paths = [Path(text) for text in given if text not in configs]
    return [HubConfig.parse(text) for text in configs], paths


def as_json(found: Sequence[Row], notes: Sequence[str], today: date) -> str:
    """Return the rows for a program; the weight of a need is its name in model.Weight."""
    data = [asdict(row) for row in found]
    for row in data:
        for need in row["needs"]:
            need["weight"] = need["weight"].name.lower()
    told = {"day": today.isoformat(), "images": data, "notes": list(notes)}
    return json.dumps(told, indent=2, ensure_ascii=False)
