"""`hub-image fleet --update`: have many repositories updated, canaries first, and the rest when the canaries were proved.

Each repository's own weekly.yml makes its pull request, and its own image.yml builds and proves that: here they are only
started, and looked at. All is read from GitHub (states.py), so that whoever is interrupted goes on where it was.

image.yml is never started on the branch of an update. A start by a person or an App would build there with rights and
secrets what nobody has reviewed; weekly.yml starts it as the bot, and then it has none (docs/rights.md).

A start answers 204; with `return_run_details` it would be 200 and name its run, which would spare nothing: a second
command has to find that run in the list all the same.
https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from hub_image.fleet.asking import Asking
from hub_image.fleet.sources import Source
from hub_image.fleet.states import IMAGE, WEEKLY, Releases, State, Update, lacking, look, started
from hub_image.problem import Problem
from hub_image.repository import anchors
from hub_image.tools import github
from hub_image.tools.markdown import escaped
from hub_image.tools.progress import Progress, progress
from hub_image.updates import update as updates

EVERY = 120  # seconds between two looks, at least
EACH = 4  # seconds for each repository that is looked at: GitHub answers 5,000 requests an hour
METHODS = ("squash", "merge", "rebase")  # a repository allows some of them


def run(
    asking: Asking,
    sources: Sequence[Source],
    notes: Sequence[str],
    canaries: Sequence[str] = (),
    merge: bool = False,
    wait: bool = False,
) -> int:
    """Do all that can be done now, or with `wait` all there is to do; show how far each is, and return the exit code.

    `canaries` are names of repositories that come first. With `merge` what was proved is merged, except for canaries: once
    people have merged all of those. Raises Problem for a canary that is none of the repositories, and without a token.
    """
    if not asking.way.token:
        raise Problem(
            "--update starts workflows, which GitHub lets nobody do without a token: set GH_TOKEN"
        )
    if merge and not canaries:
        raise Problem(
            "--merge merges what people have merged in the canaries before: name some with --canary"
        )
    known = {source.name.lower() for source in sources}
    if missing := [name for name in canaries if name.lower() not in known]:
        raise Problem(
            f"--canary {missing[0]} is none of the {len(known)} repositories here; write it as owner/name"
        )
    with progress() as say, Releases(asking.way.token) as releases:
        fleet = Fleet(asking, releases, canaries, merge, say)
        fleet.look(sources)
        fleet.act()
        while wait and fleet.moving:
            fleet.sleep()
            fleet.look([update.source for update in fleet.all if fleet.may_change(update)])
            fleet.act()
    github.summary("\n".join(_markdown(fleet, notes)) + "\n")
    print(*_lines(fleet, notes), sep="\n")
    needy = (State.STUCK, State.UNKNOWN)
    return int(any(update.state in needy for update in fleet.all) or bool(fleet.stopped))


class Fleet:
    """All repositories and how far each is."""

    def __init__(
        self,
        asking: Asking,
        releases: Releases,
        canaries: Sequence[str],
        merge: bool,
        say: Progress,
    ) -> None:
        self.asking, self.releases, self.merge, self.say = asking, releases, merge, say
        self.canaries = {name.lower() for name in canaries}
        self.updates: dict[str, Update] = {}
        self.begun: set[str] = set()  # what was started here, also where GitHub's lists lag behind

    @property
    def all(self) -> list[Update]:
        """The updates, canaries first, those that need somebody before others."""
        order = list(State)
        return sorted(
            self.updates.values(),
            key=lambda one: (not self.is_canary(one), order.index(one.state), one.name.lower()),
        )

    @property
    def moving(self) -> list[Update]:
        """Those that become something else without anybody."""
        return [update for update in self.all if update.state.moves]

    def may_change(self, update: Update) -> bool:
        """Whether to look at it again: a canary also because a person may have merged it."""
        return update.state.moves or (self.is_canary(update) and update.state is not State.DONE)

    def is_canary(self, update: Update) -> bool:
        """Whether it comes first."""
        return update.name.lower() in self.canaries

    @property
    def first(self) -> list[Update]:
        """The canaries."""
        return [update for update in self.all if self.is_canary(update)]

    @property
    def stopped(self) -> str:
        """Why the rest is not started nor merged, in a sentence; empty where nothing stops it."""
        for update in self.first:
            if update.state in (State.STUCK, State.UNKNOWN, State.CLOSED, State.OTHER):
                return f"The canary {update.name} stops the rest: {_said(update)}"
        return ""

    def look(self, sources: Sequence[Source]) -> None:
        """Ask GitHub how far these are."""
        self.say(f"looking at {len(sources)} repositories")
        with self.asking.pool() as pool:
            for found in pool.map(lambda source: look(self.asking, source, self.releases), sources):
                before = self.updates.get(found.name)
                self.updates[found.name] = found
                if before and before.state != found.state:
                    self.say.done(f"{found.name}: {_said(found)}")

    def act(self) -> None:
        """Do what can be done now."""
        may_start = all(update.state in (State.PROVED, State.DONE) for update in self.first)
        seen = {update.release.template for update in self.first if update.release}
        if not all(update.state is State.DONE for update in self.first):
            seen = set()  # people have not merged all
        for update in self.all:
            step: Callable[[Update], Update] | None = None
            if update.state is State.WAITING and (may_start or self.is_canary(update)):
                step = self._start
            elif update.state is State.UNBUILT:
                step = self._build
            elif update.state is State.PROVED and self.merge:
                assert update.release
                if update.release.template in seen and not _for_people(update):
                    step = self._merge
            if step and not self.asking.ended:
                self.updates[update.name] = done = self._do(step, update)
                self.say.done(f"{done.name}: {_said(done)}")

    def _do(self, step: Callable[[Update], Update], update: Update) -> Update:
        try:
            return step(update)
        except Problem as problem:
            is_known = not (isinstance(problem, github.NoAnswer) or self.asking.ended)
            state = State.STUCK if is_known else State.UNKNOWN
            return replace(update, state=state, why=str(problem).rstrip("."))

    def _start(self, update: Update) -> Update:
        """Start weekly.yml, once."""
        assert update.release
        since, page = update.release.since, f"{update.page}/actions/workflows/{WEEKLY}"
        self._dispatch(update, WEEKLY, lambda runs: started(runs, since))
        return replace(update, state=State.RUNNING, page=page)

    def _build(self, update: Update) -> Update:
        """Start image.yml on the default branch, where a merge did not: one by a job's own token starts nothing.

        https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/trigger-a-workflow#triggering-a-workflow-from-a-workflow
        """
        assert update.pull
        merged_at = update.pull["merged_at"]
        self._dispatch(
            update, IMAGE, lambda runs: [run for run in runs if run["created_at"] > merged_at]
        )
        return replace(update, state=State.BUILDING)

    def _dispatch(
        self, update: Update, workflow: str, mine: Callable[[list[dict[str, Any]]], list[Any]]
    ) -> None:
        """Start a workflow on the default branch, unless another run of this command was quicker.

        `mine` takes from its runs those that are what is started here.
        """
        if f"{update.name} {workflow}" in self.begun:
            return
        path = f"/repos/{update.name}/actions/workflows/{workflow}"
        branch = quote(update.source.branch, safe="")
        asked = f"{path}/runs?event=workflow_dispatch&branch={branch}&per_page=30"

        def is_started() -> bool:
            return bool(mine(self.asking.get(asked)["workflow_runs"]))

        if is_started():
            return
        try:
            body = {"ref": update.source.branch}
            self.asking.send("POST", f"{path}/dispatches", body, is_started)
        except github.Refused as problem:
            raise _refused(problem, workflow) from problem
        self.begun.add(f"{update.name} {workflow}")

    def _merge(self, update: Update) -> Update:
        """Merge what was proved, and only that commit, in the way that the repository allows.

        https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request
        """
        assert update.pull
        path = f"/repos/{update.name}/pulls/{update.pull['number']}"

        def merged() -> bool:
            return bool(self.asking.get(path)["merged"])

        for method in METHODS:
            body = {"sha": update.pull["head"]["sha"], "merge_method": method}
            try:
                self.asking.send("PUT", f"{path}/merge", body, merged)
                return replace(update, state=State.BUILDING)
            except github.Refused as problem:
                if merged():  # another run of this command was quicker, or a person
                    return replace(update, state=State.BUILDING)
                if problem.status != 405 or "not allowed" not in str(problem):
                    said = lacking(problem, "Contents: write")
                    raise Problem(
                        f"it was proved, and could not be merged; do it by hand ({said})"
                    ) from problem
        raise Problem("it was proved, and the repository allows no way of merging; do it by hand")

    def sleep(self) -> None:
        """Wait until it is worth to look again."""
        seconds = max(EVERY, EACH * len(self.moving))
        self.say(
            f"{len(self.moving)} are on their way; looking again every {round(seconds / 60)} min, Ctrl-C ends it"
        )
        time.sleep(seconds)


def _for_people(update: Update) -> str:
    """Why only a person should merge what was proved; empty where nothing speaks against it."""
    pull = update.pull or {}
    if (
        github.marked(pull) != "update"
        or not update.release
        or pull["title"] != updates.title(update.release.version)
    ):
        return "a person opened it or renamed it"
    if anchors.LOOK in pull["body"]:
        return "it changes where the template or the image comes from"
    return ""


def _refused(problem: github.Refused, workflow: str) -> Problem:
    """Return in a sentence why a workflow could not be started."""
    said = str(problem).rstrip(".")
    if problem.status == 404:
        return Problem(f"the token needs the right *Actions: write* ({said})")
    if problem.status == 403:
        return lacking(problem, "Actions: write")
    if "disabled" in said:
        return Problem(
            f"its workflow {workflow} is switched off; choose *Enable workflow* on its page"
        )
    return Problem(f"its workflow {workflow} cannot be started; look at it ({said})")


def _said(update: Update) -> str:
    """A state in words, with where to look."""
    return f"{_words(update)}: {update.page}"


def _words(update: Update) -> str:
    return update.why if update.state in (State.STUCK, State.UNKNOWN) else update.state.value


def _told(fleet: Fleet) -> Iterator[tuple[Update, str]]:
    """What is worth a line: where somebody or something is at work. And why, where --merge leaves one to people."""
    dull = {State.DONE, State.OTHER, State.WAITING}
    if fleet.asking.ended:
        dull.add(State.UNKNOWN)
    for update in fleet.all:
        if fleet.is_canary(update):
            yield update, ""
        elif update.state not in dull:
            why = _for_people(update) if fleet.merge and update.state is State.PROVED else ""
            yield update, f"{why}, so it is yours" if why else ""


def _lines(fleet: Fleet, notes: Sequence[str]) -> Iterator[str]:
    """The summary at a terminal."""
    told = list(_told(fleet))
    width = max((len(update.name) for update, _ in told), default=0)
    for update, why in told:
        mark = "canary  " if fleet.is_canary(update) else ""
        yield f"{update.name:{width}}  {mark}{f'{why}; ' if why else ''}{_said(update)}"
    yield from ["", *notes] if notes else [""]
    yield from _counted(fleet)


def _markdown(fleet: Fleet, notes: Sequence[str]) -> Iterator[str]:
    """The summary on the page of a run."""
    told = list(_told(fleet))
    if told:
        yield from ("| repository | | how far |", "| --- | --- | --- |")
    for update, why in told:
        said = escaped(f"{why}; {_words(update)}" if why else _words(update))
        mark = "canary" if fleet.is_canary(update) else ""
        yield f"| {escaped(update.name)} | {mark} | {said} ([there]({update.page})) |"
    yield ""
    for line in [*notes, *_counted(fleet)]:
        yield f"- {escaped(line.strip())}"


def _counted(fleet: Fleet) -> Iterator[str]:
    """How many there are in each state, and what comes next."""
    counts: Mapping[State, int] = Counter(update.state for update in fleet.all)
    for state in State:
        if number := counts.get(state):
            yield f"{number:4}  {state.value}"
    if fleet.stopped:
        yield fleet.stopped
    elif fleet.asking.ended:
        yield f"{fleet.asking.ended}."
    elif fleet.merge and all(update.state in (State.PROVED, State.DONE) for update in fleet.first):
        if left := [update.name for update in fleet.first if update.state is State.PROVED]:
            yield f"Look at the canaries, and merge them; then run this again: {', '.join(left)}."
    if not fleet.stopped and fleet.moving:
        yield "Run this again to go on."
