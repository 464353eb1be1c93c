"""The images of a hub's configuration, in the shapes that such files have in the field."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hub_image.hubconfig import values

SHAPES = yaml.safe_load((Path(__file__).parent / "shapes.yml").read_text())


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("first", ["", "\ufeff", "# été 🌊\u2028"])
def test_every_image_with_its_line(name, ends, first):
    shape = SHAPES[name]
    data = (first + shape["text"]).replace("\n", ends).encode()
    found = values.parse(data, "hub.yaml")
    assert found.notes == ()
    seen = [[image.line, image.title, image.reference, image.kind.value] for image in found.images]
    assert seen == shape["images"]
    for key, value in shape.get("fills", {}).items():
        assert getattr(found.images[0], key) == value, key


def test_the_bytes_of_an_image():
    data = 'été: {image: &a !!str "a/b:1" }'.encode()
    [image] = values.parse(data, "hub.yaml").images
    assert data[slice(*image.span)] == b"a/b:1"


def test_places_that_share_a_text():
    data = SHAPES["an anchor and its aliases are one text"]["text"].encode()
    shared = values.parse(data, "hub.yaml").images[0]
    assert [image.title for image in shared.also] == ["CPU › b", "GPU › a", "GPU › b", "Merged"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: {{ .Values.image }}\n", "a.yaml:1: this is a template, and not YAML yet; passed over"),
        ("{% for a in b %}\nimage: a:1\n{% endfor %}", "a.yaml:1: this is a template"),
        ("a: ENC[x]\nsops:\n  mac: ENC[y]\n  version: 3.9.0\n", "a.yaml: sops has encrypted this file; passed over"),
        ("a: [\n", "a.yaml:2: this is not YAML"),
        ("a: *b\n", "a.yaml:1: this is not YAML: found undefined alias"),
        (b"\xff\xfea\x00", "a.yaml:1: this is no UTF-8 text; passed over"),
        ("a: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}*a0]\n" for n in range(1, 9)), "a.yaml: its aliases never end; passed over"),
        ("[" * 3000, "a.yaml:1: this is not YAML"),
    ],
)  # fmt: skip
def test_files_that_are_passed_over(text, said):
    data = text if isinstance(text, bytes) else text.encode()
    found = values.parse(data, "a.yaml")
    assert found.images == ()
    [note] = found.notes
    assert note.startswith(said)


def test_folders_and_the_files_around(tmp_path):
    """A hub's name stands in one file, its tag in another."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/common.yaml").write_text("singleuser: {image: {name: quay.io/a/b, tag: '1'}}")
    (tmp_path / "a/prod.yml").write_text("singleuser: {image: {tag: '2'}}")
    (tmp_path / "a/notes.txt").write_text("image: x:1")
    first, second = values.read([tmp_path]).images
    assert second.reference == ":2"
    assert second.completed([first, second]).reference == "quay.io/a/b:2"
    assert first.completed([first, second]) is first


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(values.Problem, match="cannot be read: No such file or directory"):
        values.read([tmp_path / "none.yaml"])
