"""Every case of `corpus/` has exactly the findings that it says.

A case has `files` (path: text), `links` (path: where it leads), `env` (for `.github/image.env`) or `binary` (path: hex), and

    expect   `file:line`, then severity and code of each finding; without it, nothing is found
    says     words that stand in the messages
    fixed    the files after `--fix`, which leaves nothing more to fix
"""

from pathlib import Path

import pytest
import yaml

from hub_image import checks

CORPUS = Path(__file__).parent / "corpus"
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['case']}")
    for path in sorted(CORPUS.glob("*.yml"))
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))
]


@pytest.fixture
def repository(tmp_path: Path, case: dict) -> Path:
    contents = {path: text.encode() for path, text in case.get("files", {}).items()}
    contents |= {path: bytes.fromhex(data) for path, data in case.get("binary", {}).items()}
    if "env" in case:
        contents[".github/image.env"] = "".join(
            f"{k}={v}\n" for k, v in case["env"].items()
        ).encode()
    for path, data in contents.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    for path, leads in case.get("links", {}).items():
        (tmp_path / path).symlink_to(leads)
    return tmp_path


def test_size():
    assert len(CASES) >= 80
    assert sum("expect" in case.values[0] for case in CASES) >= 40
    assert sum("expect" not in case.values[0] for case in CASES) >= 30


@pytest.mark.parametrize("case", CASES)
def test_findings(case: dict, repository: Path):
    findings = checks.run(repository)
    found = sorted((f"{f.file}:{f.line}", f"{f.severity} {f.code}") for f in findings)
    expected = sorted(
        (place, what)
        for place, whats in case.get("expect", {}).items()
        for what in ([whats] if isinstance(whats, str) else whats)
    )
    assert found == expected, "\n".join(map(str, findings))
    for finding in findings:
        assert "; " in finding.message, "the message does not say what to do"
        assert "\n" not in finding.message
        assert finding.severity in severity(finding.code)
    if "says" in case:
        assert any(case["says"] in finding.message for finding in findings)


@pytest.mark.parametrize("case", [case for case in CASES if "fixed" in case.values[0]])
def test_fix(case: dict, repository: Path):
    fixed = checks.fix(repository, checks.run(repository))
    assert fixed
    for path, text in case["fixed"].items():
        assert (repository / path).read_bytes() == text.encode()
    assert not checks.fix(repository, checks.run(repository))


@pytest.mark.parametrize("case", [case for case in CASES if "fixed" not in case.values[0]])
def test_fix_leaves_the_rest_alone(case: dict, repository: Path):
    before = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    checks.fix(repository, checks.run(repository))
    assert before == {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}


def test_every_rule_has_a_case():
    """Two rules need more than files of the repository; test_leftovers.py has their cases."""
    seen = {
        what.split()[1]
        for case in CASES
        for whats in case.values[0].get("expect", {}).values()
        for what in ([whats] if isinstance(whats, str) else whats)
    }
    elsewhere = {"retired-path", "edited-template-file"}
    assert seen == {code for code, _ in checks.modules()} - elsewhere


def severity(code: str) -> str:
    """Return the `Severity:` paragraph of a rule."""
    return dict(checks.modules())[code].__doc__.partition("\nSeverity: ")[2].partition("\n\n")[0]
