"""Nothing lost: whatever its owner and the template do, an update keeps each line that the owner wrote.

A scenario is a repository made from a template, and then some rounds: the owner edits anything, the template makes a
release (or an answer changes), `hub-image update` runs. What the owner wrote is remembered here, line by line, and then
looked for; nothing of this file knows how Copier merges.

Half a dozen scenarios run by default. The long run makes a thousand with a small template of our conventions and a
hundred with our own, each kind of step often enough, and prints the table:

    pytest tests/updates/test_nothing_lost.py --whole-matrix
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import copier
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from conftest import QUESTIONS_FILE, git
from hub_image.tools.github import Problem
from hub_image.updates.update import update

ANSWERS = ".copier-answers.yml"
SEPARATOR = "# ── Computed"  # where copier.yml's questions end
MARKS = re.compile(rb"^(<<<<<<< |=======$|>>>>>>> )", re.MULTILINE)

LOGO = bytes(range(256))


class Template:
    """A template that makes releases, each by the house rules."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.releases, self.added = folder, 0, 0
        self.questions: list[str] = []
        self.bases = list(
            yaml.safe_load((folder / "catalog.yml").read_text())["bases"]
        )  # those that are offered
        git(folder, "init", "--quiet")
        self.release()

    def release(self) -> None:
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message", "Release")
        self.releases += 1
        git(self.folder, "tag", f"v1.{self.releases}.0")

    def paths(self, suffix: str = "") -> list[Path]:
        """What it renders and may change: neither what belongs to the owner nor the answers."""
        found = (path for path in (self.folder / "template").rglob(f"*{suffix}") if path.is_file())
        return sorted(
            path for path in found if "answers_file" not in path.name and not self.is_owners(path)
        )

    def is_owners(self, path: Path) -> bool:
        inside = re.sub(r"{%.*?%}", "", path.relative_to(self.folder / "template").as_posix())
        skipped = QUESTIONS_FILE["_skip_if_exists"]
        return inside.removesuffix(".jinja").split("/")[0] in skipped

    def step(self, kind: str, pick: int, text: str) -> bool:
        """Change something; return whether there was something to change."""
        self.added += 1
        return getattr(self, f"do_{kind}")(pick, f"{text} r{self.added}") is not False

    def do_change(self, pick, text):
        """Insert, replace and remove lines that hold no Jinja."""
        path = choose(self.paths(), pick)
        if path.suffix == ".png":
            path.write_bytes(LOGO + text.encode())
            return
        lines = path.read_text().splitlines(keepends=True)
        plain = [n for n, line in enumerate(lines) if n > 1 and not set(line) & set("{}%")]
        if not plain:
            return False
        at = choose(plain, pick // 7)
        gone = next(n for n in ((pick // 3) % 3, 1, 0) if {*range(at, at + n)} <= {*plain})
        lines[at : at + gone] = [f"# {text} {n}\n" for n in range(1 + pick % 3)]
        path.write_text("".join(lines))

    def do_change_everything(self, pick, text):
        """A line at the end of each file."""
        for path in self.paths():
            if path.suffix != ".png":
                with path.open("a") as file:
                    file.write(f"# {text}\n")

    def do_add(self, pick, text):
        """At a path that an owner may have taken before."""
        path = (
            self.folder
            / "template"
            / choose(["extra-1.txt", "extra-2.txt", "logo.png", "docs/new file.md"], pick)
        )
        if f"/{path.relative_to(self.folder / 'template')}'" in self.retired():
            return False  # never used again
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(
            LOGO + text.encode() if path.suffix == ".png" else f"{text}\n{text} again\n".encode()
        )

    def can_go(self) -> list[Path]:
        """All but the file that questions are added to."""
        return [path for path in self.paths() if path.name != "Dockerfile.jinja"]

    def do_retire(self, pick, text):
        if len(self.can_go()) < 2:
            return False
        self.retire(choose(self.can_go(), pick))

    def do_move(self, pick, text):
        """What the rules make of a move: a new path, and the old one retired."""
        old = choose(self.can_go(), pick)
        inside = re.sub(r"{%.*?%}", "", old.relative_to(self.folder / "template").as_posix())
        new = self.folder / "template" / f"moved-{self.added}" / Path(inside).name
        new.parent.mkdir()
        shutil.copy2(old, new)
        self.retire(old)

    def retire(self, path: Path) -> None:
        inside = re.sub(r"{%.*?%}", "", path.relative_to(self.folder / "template").as_posix())
        path.unlink()
        self.edit(
            "copier.yml",
            "\n_exclude:\n",
            f"\n_exclude:\n  - {'/' + inside.removesuffix('.jinja')!r}\n",
        )

    def retired(self) -> str:
        return (self.folder / "copier.yml").read_text().partition("\n_exclude:\n")[2]

    def do_add_question(self, pick, text):
        name = f"question_{self.added}"
        self.edit("copier.yml", SEPARATOR, f"{name}: {{type: str, default: {text!r}}}\n{SEPARATOR}")
        self.questions.append(name)
        path = choose(self.paths(".jinja"), pick)
        path.write_text(path.read_text() + f"# {name} is {{{{ {name} }}}}\n")

    def do_rename_question(self, pick, text):
        """The new name takes the old one's answer."""
        if not self.questions:
            return False
        old, new = self.questions.pop(), f"renamed_{self.added}"
        self.questions.append(new)
        file = self.folder / "copier.yml"
        block = f"{new}: {{type: str, default: \"{{{{ {old} | default('{text}') }}}}\"}}"
        file.write_text(re.sub(rf"^{old}: .*$", lambda _: block, file.read_text(), flags=re.M))
        for path in self.paths(".jinja"):
            path.write_text(path.read_text().replace(f"{{{{ {old} }}}}", f"{{{{ {new} }}}}"))

    def do_add_key(self, pick, text):
        """A base like another."""
        self.copy_key(choose(self.bases, pick), f"key-{self.added}", f" {self.added}")

    def do_retire_key(self, pick, text):
        if len(self.bases) < 2:
            return False
        self.retire_key(choose(self.bases[1:], pick))

    def do_rename_key(self, pick, text):
        """What the rules make of a new name: a new key with the same title, and the old one retired."""
        if len(self.bases) < 2:
            return False
        old = choose(self.bases[1:], pick)
        self.copy_key(old, f"key-{self.added}", "")
        self.retire_key(old)

    def retire_key(self, key: str) -> None:
        """Offer a base no longer, but know it."""
        self.bases.remove(key)
        file = self.folder / "catalog.yml"
        before, bases, after = file.read_text().partition("bases:\n")
        file.write_text(
            before + bases + after.replace(f"  {key}:\n", f"  {key}:\n    retired: v1\n", 1)
        )

    def copy_key(self, old: str, new: str, suffix: str) -> None:
        """Add a base to the catalog, like another one."""
        self.bases.append(new)
        file = self.folder / "catalog.yml"
        entry = re.search(
            rf"^  {old}:\n((?:    .*\n)+)", file.read_text().partition("bases:\n")[2], re.M
        )[1]
        entry = re.sub(
            r"    title: \"(.*)\"",
            rf'    title: "\1{suffix}"',
            entry.replace("    retired: v1\n", ""),
        )
        file.write_text(file.read_text() + f"  {new}:\n{entry}")

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.folder / name
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new, 1))


class Owner:
    """Who works in a repository, and remembers it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: dict[str, list[bytes]] = {}  # written, by the file that they are in
        self.whole: dict[str, bytes] = {}  # files that are to stay as they are to the last byte
        self.deleted: set[str] = set()  # of the template's files
        self.own: set[str] = set()  # a later release may bring a file of the same name
        self.count = 0
        git(folder, "init", "--quiet")
        self.commit()

    def commit(self) -> None:
        for _ in range(2):  # the first may take line ends from a .gitattributes that it removes
            git(self.folder, "add", "--all")
            git(self.folder, "commit", "--quiet", "--allow-empty", "--message", "work")

    def paths(self) -> list[str]:
        listed = git(self.folder, "ls-files", "-z").split("\0")
        return sorted(path for path in listed if path and path != ANSWERS)

    def step(self, kind: str, pick: int) -> bool:
        """Change something; return whether there was something to change."""
        self.count += 1
        here = [path for path in self.paths() if path not in self.whole]
        texts = [
            path
            for path in here
            if (self.folder / path).is_file() and not (self.folder / path).is_symlink()
        ]
        if not texts:
            return False
        return getattr(self, f"do_{kind}")(choose(texts, pick), pick) is not False

    def new_line(self, path: str) -> bytes:
        line = b"owner's line %d in %s" % (self.count, path.encode())
        self.lines.setdefault(path, []).append(line)
        return line

    def read(self, path: str) -> list[bytes]:
        return (self.folder / path).read_bytes().splitlines(keepends=True)

    def write(self, path: str, lines: list[bytes]) -> None:
        (self.folder / path).write_bytes(b"".join(lines))

    def do_insert(self, path, pick):
        lines = self.read(path)
        at = (pick // 5) % (len(lines) + 1)
        if at == len(lines) and lines and not lines[-1].endswith(b"\n"):
            lines[-1] += b"\n"
        lines.insert(at, self.new_line(path) + b"\n")
        self.write(path, lines)

    def do_replace(self, path, pick):
        if not (lines := self.read(path)):
            return False
        at = (pick // 5) % len(lines)
        self.forget(path, lines[at : at + 1])
        lines[at] = self.new_line(path) + b"\n"
        self.write(path, lines)

    def do_remove(self, path, pick):
        if not (lines := self.read(path)):
            return False
        at = (pick // 5) % len(lines)
        self.forget(path, lines[at : at + 3])
        self.write(path, lines[:at] + lines[at + 3 :])

    def do_append_without_newline(self, path, pick):
        lines = self.read(path)
        if lines and not lines[-1].endswith(b"\n"):
            lines[-1] += b"\n"
        self.write(path, [*lines, self.new_line(path)])

    def do_rewrite(self, path, pick):
        self.lines.pop(path, None)
        self.write(path, [self.new_line(path) + b" and %d\n" % n for n in range(1)])
        self.lines[path] = [line.rstrip() for line in self.read(path)]

    def do_latin1(self, path, pick):
        """A line in an encoding of the last century."""
        self.write(
            path, [*self.read(path), b"\n", line := self.new_line(path) + b" caf\xe9", b"\n"]
        )
        self.lines[path][-1] = line

    def do_windows(self, path, pick):
        """An editor that writes Windows' line ends."""
        lines = [*self.read(path), b"\n", self.new_line(path) + b"\n"]
        self.write(path, [re.sub(rb"\r?\n", b"\r\n", line) for line in lines])

    def do_binary(self, path, pick):
        self.lines.pop(path, None)
        self.whole[path] = b"\0\xff%d" % self.count + LOGO
        (self.folder / path).write_bytes(self.whole[path])

    def do_delete(self, path, pick):
        (self.folder / path).unlink()
        self.lines.pop(path, None)
        self.deleted.add(path)

    def do_rename(self, path, pick):
        new = f"ours/renamed {self.count}.txt"
        (self.folder / "ours").mkdir(exist_ok=True)
        (self.folder / path).rename(self.folder / new)
        self.whole[new] = (self.folder / new).read_bytes()
        self.lines.pop(path, None)
        self.deleted.add(path)

    def do_program(self, path, pick):
        (self.folder / path).chmod(0o755)
        return self.do_insert(path, pick)

    def do_link(self, path, pick):
        """A link in place of a file."""
        self.do_rename(path, pick)
        self.deleted.discard(path)
        target = os.path.relpath(
            self.folder / f"ours/renamed {self.count}.txt", (self.folder / path).parent
        )
        (self.folder / path).symlink_to(target)

    def do_new_text(self, path, pick):
        """A file of the owner's own, perhaps where a release will put one."""
        names = [
            "extra-1.txt",
            "extra-2.txt",
            "docs/new file.md",
            "docs/Übung 1.md",
            "notes.rej",
            "start",
        ]
        name = choose(names, pick)
        if (self.folder / name).exists() or (self.folder / name).is_symlink():
            return False
        (self.folder / name).parent.mkdir(exist_ok=True)
        self.own.add(name)
        self.write(name, [self.new_line(name) + b"\n"])

    def do_new_binary(self, path, pick):
        name = choose(["logo.png", "data.bin"], pick)
        if (self.folder / name).exists():
            return False
        self.own.add(name)
        self.whole[name] = LOGO[::-1] + b"%d" % self.count
        (self.folder / name).write_bytes(self.whole[name])

    def do_comment_answers(self, path, pick):
        with (self.folder / ANSWERS).open("ab") as file:
            file.write(b"# " + self.new_line(ANSWERS) + b"\n")
        self.lines[ANSWERS][-1] = b"# " + self.lines[ANSWERS][-1]

    def forget(self, path: str, lines: list[bytes]) -> None:
        """The owner removes lines, perhaps some that they wrote."""
        gone = [line.rstrip() for line in lines]
        self.lines[path] = [line for line in self.lines.get(path, []) if line not in gone]

    def lost(self) -> list[tuple[str, bytes]]:
        """What was written and is not there any more."""
        missing = []
        for path, lines in self.lines.items():
            there = (
                Counter(line.rstrip() for line in self.read(path))
                if (self.folder / path).exists()
                else Counter()
            )
            missing += [(path, line) for line in (Counter(lines) - there).elements()]
        for path, content in self.whole.items():
            if not (self.folder / path).is_file() or (self.folder / path).read_bytes() != content:
                missing.append((path, b"(the whole file)"))
        return missing

    def came_back(self) -> list[str]:
        return [path for path in self.deleted - self.own if (self.folder / path).exists()]

    def marked(self) -> list[str]:
        """Files with a conflict, as anybody finds them."""
        listed = git(self.folder, "ls-files", "-z", "--cached", "--others").split("\0")
        paths = {path for path in listed if path and (self.folder / path).is_file()}
        return sorted(
            p for p in paths if len(set(MARKS.findall((self.folder / p).read_bytes()))) == 3
        )

    def in_conflict(self) -> int:
        """How many of the owner's lines stand in a marked conflict."""
        number = 0
        for path in self.marked():
            text = (self.folder / path).read_bytes()
            inside = b"".join(re.findall(rb"^<<<<<<< .*?^>>>>>>> ", text, re.M | re.S)).splitlines()
            number += sum(line in self.lines.get(path, []) for line in inside)
        return number

    def resolve(self) -> None:
        """Keep both sides of each conflict, and commit."""
        for path in self.marked():
            self.write(path, [line for line in self.read(path) if not MARKS.match(line)])
        self.commit()


def choose(items, pick):
    return items[pick % len(items)]


def kinds(thing) -> list[str]:
    return sorted(name.removeprefix("do_") for name in vars(thing) if name.startswith("do_"))


NUMBER = st.integers(0, 10_000)
EDITS = st.lists(st.tuples(st.sampled_from(kinds(Owner)), NUMBER), min_size=1, max_size=6)
RELEASE = st.lists(st.tuples(st.sampled_from(kinds(Template)), NUMBER), min_size=1, max_size=4)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["Ocean", "Ice & snow", "{{ 7 * 7 }} 'a' \"b\"", "海洋"]),
        "manager": st.sampled_from(["conda", "pip"]),
        "base": st.sampled_from(["scipy", "pangeo"]),
    },
)
REAL_CHANGES = st.sampled_from(
    [
        {}, {"title": "Ice & snow"}, {"package_manager": "pip"}, {"package_manager": "conda"}, {"languages": ["r"]},
        {"languages": []}, {"start_from": "scratch"}, {"start_from": "community"}, {"registry": "quay.io"},
        {"base": "pangeo"}, {"hub_url": "https://hub.example.org"}, {"hub_url": ""}, {"hub_version": "5.3"},
    ]
)  # fmt: skip


def rounds(changes):
    """The owner works; then the template makes releases, or else an answer changes."""
    what = st.one_of(st.lists(RELEASE, min_size=1, max_size=3), changes)
    return st.lists(st.tuples(EDITS, what), min_size=1, max_size=3)


class Table:
    """What happened in all scenarios of a run."""

    def __init__(self) -> None:
        self.scenarios = self.updates = self.conflicts = self.in_conflict = self.kept = (
            self.lines
        ) = 0
        self.did: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def __str__(self) -> str:
        rows = [
            f"{self.scenarios} scenarios, {self.updates} updates, {self.lines} lines of owners looked for: 0 lost"
        ]
        rows += [
            f"{self.conflicts} conflicts, all reported, with {self.in_conflict} lines of owners in them"
        ]
        rows += [f"{self.kept} files put back that Copier had taken without a conflict"]
        rows += [
            f"{number} changed answers refused: {why}" for why, number in self.refused.most_common()
        ]
        rows += [f"{number:6} {kind}" for kind, number in sorted(self.did.items())]
        return "\n".join(rows)


def play(source: Path, start: dict, story: list, table: Table) -> None:
    """Play a scenario, and look for everything after each update."""
    with tempfile.TemporaryDirectory() as folder:  # in memory: hundreds come and go
        template = Template(Path(shutil.copytree(source, Path(folder, "template"))))
        repository = Path(folder, "ocean")
        copier.run_copy(str(template.folder), repository, data=start, defaults=True, quiet=True)
        owner = Owner(repository)
        table.scenarios += 1
        did = Counter()
        for edits, then in story:
            for kind, pick in edits:
                did[f"owner: {kind}"] += owner.step(kind, pick)
            owner.commit()
            answers = then if isinstance(then, dict) else {}
            for release in then if isinstance(then, list) else []:
                for kind, pick in release:
                    did[f"release: {kind}"] += template.step(kind, pick, f"text {pick}")
                template.release()
            for question in answers:
                did[f"answer: {question}"] += 1
            look(owner, answers, table)
        table.did.update(kind for kind, number in did.items() if number)


def look(owner: Owner, answers: dict, table: Table) -> None:
    """Update, and look for everything that the owner wrote."""
    head = git(owner.folder, "rev-parse", "HEAD")
    try:
        outcome = update(owner.folder, answers)
    except Problem as problem:
        assert answers, f"a release that does not arrive: {problem}"
        table.refused[re.sub(r"[`'\"].*|v\d[\d.]*|[\w./-]*/[\w./-]*|\d+", "…", str(problem))] += 1
        assert git(owner.folder, "rev-parse", "HEAD") == head
        assert git(owner.folder, "status", "--porcelain") == "", "half an update"
        assert "\n" not in str(problem)
        return
    finally:
        assert owner.lost() == []
    if answers:  # a new answer may ask for a file that was deleted long ago
        owner.deleted.clear()
    assert owner.came_back() == []
    assert owner.marked() == outcome.conflicts
    table.updates += 1
    table.conflicts += len(outcome.conflicts)
    table.in_conflict += owner.in_conflict()
    table.kept += len(outcome.kept)
    table.lines += sum(map(len, owner.lines.values())) + len(owner.whole)
    owner.resolve()
    assert owner.lost() == []


def run(source: Path, changes, examples: int, least: int, capsys) -> None:
    """Play so many scenarios; each kind of step must have happened in at least `least` of them."""
    table = Table()

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=least == 0,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(start=changes, story=rounds(changes))
    def scenarios(start, story):
        play(source, start, story, table)
        if least and table.scenarios % 100 == 0:
            with capsys.disabled():
                print(f"\n{table}")

    scenarios()
    for kind in [f"owner: {kind}" for kind in kinds(Owner)] + [
        f"release: {kind}" for kind in kinds(Template)
    ]:
        assert table.did[kind] >= least, kind
    assert table.scenarios >= examples


def test_small_template(small, memory, capsys):
    run(small, CHANGES, 3, 0, capsys)


def test_our_template(template, memory, capsys):
    run(template, REAL_CHANGES, 1, 0, capsys)


@pytest.mark.whole_matrix
def test_small_template_a_thousand_times(small, memory, capsys):
    run(small, CHANGES, 1000, 25, capsys)


@pytest.mark.whole_matrix
def test_our_template_a_hundred_times(template, memory, capsys):
    run(template, REAL_CHANGES, 100, 1, capsys)
