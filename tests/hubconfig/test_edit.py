"""An image in a hub's configuration is changed, and not one byte beside it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub_image.hubconfig import edit, values
from hub_image.problem import Problem

OWNERS = st.sampled_from(["quay.io/ocean/", "pangeo/", "us.pkg.dev/hub/images/", ""])
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z]{1,4})?", fullmatch=True)
TAGS = st.one_of(
    st.from_regex(r"[0-9a-f]{12}", fullmatch=True),
    st.sampled_from(["2026.01.30", "2026.10", "1e5", "123456789012", "latest", "v1", "0x1f", "null", "2026-01-30", "7"]),
)  # fmt: skip
DIGESTS = st.sampled_from(["", "", "@sha256:" + "a" * 64])
STYLES = st.sampled_from(["{}", "'{}'", '"{}"', "&anchor {}", "!!str {}", "&a !!str '{}'"])
COMMENTS = st.sampled_from(["", " # ours", '  # été 🌊: "x"', " # image: a/b:1"])


@st.composite
def configurations(draw):
    """A hub's configuration, with what each image in it is and where its bytes are that a new tag changes."""
    ends = draw(st.sampled_from(["\n", "\r\n"]))
    parts: list[str] = [draw(st.sampled_from(["", "\ufeff", "# Ünïcode\n", "---\n"]))]
    images: list[str] = []

    def value(text: str) -> str:
        style = draw(STYLES)
        if edit.is_no_text(text) and style in ("{}", "&anchor {}"):
            style = "'{}'"
        return style.format(text) + draw(COMMENTS)

    def apart(indent: str) -> None:
        name, tag = draw(OWNERS) + draw(NAMES), draw(TAGS) + draw(DIGESTS)
        lines = [f"{indent}name: {value(name)}\n", f"{indent}tag: {value(tag)}\n"]
        if draw(st.booleans()):
            lines.reverse()
        parts.extend(lines)
        images.append(f"{name}:{tag}")

    def whole() -> str:
        images.append(f"{draw(OWNERS)}{draw(NAMES)}:{draw(TAGS)}{draw(DIGESTS)}")
        return images[-1]

    parts.append("jupyterhub:\n  singleuser:\n    defaultUrl: /lab\n")
    if draw(st.booleans()):
        parts.append("    image:\n")
        apart("      ")
    parts.append("    profileList:\n")
    for number in range(draw(st.integers(1, 3))):
        parts.append(
            f"      # the next\n      - display_name: 'Profile {number}'{draw(COMMENTS)}\n"
        )
        if draw(st.booleans()):
            parts.append(f'        kubespawner_override: {{mem_limit: 1G, image: "{whole()}" }}\n')
        parts.append("        profile_options:\n          image:\n            choices:\n")
        for choice in range(draw(st.integers(1, 3))):
            parts.append(f"              c{choice}:\n                kubespawner_override:\n")
            parts.append(f"                  image: {value(whole())}\n")
            if draw(st.booleans()):
                parts.append("                  default_url:   /tree   # a\n\n")
    if draw(st.booleans()):
        parts.append("  prePuller:\n    extraImages:\n      one:\n")
        apart("        ")
    return "".join(parts).replace("\n", ends).encode(), images


@settings(max_examples=60, deadline=None)
@given(configurations(), st.data(), TAGS, DIGESTS, st.booleans())
def test_exactly_that_image_is_changed(configuration, data, tag, digest, renamed):
    """Read again, it is the only one that changed; with its old value put back, every byte is the same."""
    text, written = configuration
    images = values.parse(text, "hub.yaml").images
    assert sorted(image.reference for image in images) == sorted(written)
    number = data.draw(st.integers(0, len(images) - 1))
    name = "quay.io/new/name" if renamed else images[number].name
    new = edit.change(text, [images[number]], f"{name}:{tag}{digest}")
    again = values.parse(new, "hub.yaml").images
    assert [image.reference for image in again] == [
        f"{name}:{tag}{digest}" if image is images[number] else image.reference for image in images
    ]
    back = edit.change(new, [again[number]], images[number].reference)
    if not edit.is_no_text(tag):  # a tag that needs quotes gets them, and keeps them
        assert back == text


@pytest.mark.parametrize(
    ("before", "reference", "after"),
    [
        ("image: a/b:1 # c", "a/b:2", "image: a/b:2 # c"),
        ("image: a/b:1", "docker.io/a/b:2", "image: a/b:2"),
        ("image: a/b:1", "quay.io/a/b:2", "image: quay.io/a/b:2"),
        ("image: 'a/b:1@sha256:%s'" % ("a" * 64), "a/b:2", "image: 'a/b:2'"),
        ("image: \"a/b:1 \"", "a/b:2", "image: \"a/b:2\""),
        ("image: a/b", "a/b:2", "image: a/b:2"),
        ("image: |-\n    a/b:1\n", "a/b:2", "image: |-\n    a/b:2\n"),
        ("image: \"a\\x2fb:1\"", "quay.io/c/d:2", "image: \"quay.io/c/d:2\""),
        ("image: {name: a/b, tag: v1}", "a/b:2026.10", "image: {name: a/b, tag: \"2026.10\"}"),
        ("image: {name: a/b, tag: 'v1'}", "a/b:2026.10", "image: {name: a/b, tag: '2026.10'}"),
        ("image: {tag: v1, name: a/b}", "c/d:v2", "image: {tag: v2, name: c/d}"),
        ("image: {name: a/b:1}", "a/b:2", "image: {name: a/b:2}"),
        ("image: {tag: v1}", "c/d:v2", "image: {tag: v2}"),
        ("image: {name: a/b, tag: !!str v1}", "a/b:2026.10", "image: {name: a/b, tag: !!str 2026.10}"),
        ("image: &it a/b:1\nb: *it", "a/b:2", "image: &it a/b:2\nb: *it"),
        ("hub: {extraConfig: {a: }}\nc: |\n  x.image = 'a/b:1'\n", "a/b:2", "hub: {extraConfig: {a: }}\nc: |\n  x.image = 'a/b:2'\n"),
        ("images: {image_name: a/b}", "c/d", "images: {image_name: c/d}"),
    ],
)  # fmt: skip
def test_quotes_names_and_comments_stay(before, reference, after):
    [image] = values.parse(before.encode(), "hub.yaml").images
    assert edit.change(before.encode(), [image], reference).decode() == after


@pytest.mark.parametrize(
    ("text", "reference", "said"),
    [
        ("image: {name: a/b}", "a/b:2", "hub.yaml:1: the tag of this image stands in no line here"),
        ("image: a/b:1", "a/b", "docker.io/a/b has no tag"),
    ],
)
def test_what_cannot_be_changed(text, reference, said):
    [image] = values.parse(text.encode(), "hub.yaml").images
    with pytest.raises(Problem, match=said):
        edit.change(text.encode(), [image], reference)


MENU = """\
singleuser:
  image: {name: a/default, tag: "1"}
  initContainers: [{image: a/b:0}]
  profileList:
    - display_name: Python
      slug: py
      profile_options:
        image:
          choices:
            new: {display_name: New, kubespawner_override: {image: a/b:2}}
            old: {kubespawner_override: {image: a/b:1}}
    - display_name: R
      kubespawner_override: {image: a/c:1}
"""


@pytest.mark.parametrize(
    ("reference", "asked", "lines"),
    [
        ("a/default:2", {}, [2]),
        ("a/c:2", {}, [13]),
        ("a/b:3", {"choice": "new"}, [10]),
        ("a/b:3", {"profile": "Python", "choice": "old"}, [11]),
        ("x/y:3", {"profile": "py", "choice": "New"}, [10]),
        ("x/y:3", {"profile": "r"}, [13]),
        ("x/y:3", {"previous": "a/c:1"}, [13]),
        ("x/y:3", {"lines": [("hub.yaml", 2), ("hub.yaml", 11)]}, [2, 11]),
    ],
)
def test_which_image_is_meant(reference, asked, lines):
    found = edit.chosen(values.parse(MENU.encode(), "hub.yaml").images, reference, **asked)
    assert [image.line for image in found] == lines


@pytest.mark.parametrize(
    ("reference", "asked", "said"),
    [
        ("a/b:3", {}, "docker.io/a/b stands in 2 places; say which: --profile py --choice new (a/b:2, hub.yaml:10), --profile py --choice old (a/b:1, hub.yaml:11)"),
        ("x/y:3", {}, "docker.io/x/y is not there yet; say which: --into hub.yaml:2 (a/default:1), --profile py"),
        ("a/c:3", {"profile": "py"}, "docker.io/a/c is not there yet; say which: --profile py --choice new"),
        ("a/b:3", {"profile": "no"}, "--profile no is not there; say which"),
        ("a/b:3", {"lines": [("hub.yaml", 1)]}, "hub.yaml:1: no image stands in this line; say which"),
    ],
)  # fmt: skip
def test_what_is_ambiguous_is_asked_for(reference, asked, said):
    with pytest.raises(Problem) as problem:
        edit.chosen(values.parse(MENU.encode(), "hub.yaml").images, reference, **asked)
    assert said in str(problem.value)
