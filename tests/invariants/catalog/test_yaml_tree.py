"""YAML that knows its lines and takes nothing for what it is not."""

from pathlib import Path

import pytest

from invariants.catalog import yaml_tree

FILE = Path("a.yaml")


def read(text):
    return yaml_tree.read(text, FILE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("yes", "yes"),
        ("true", True),
        ("2012-10-17", "2012-10-17"),
        ("012345678901", "012345678901"),
        ("111122223333", 111122223333),
        ("1:30", "1:30"),
        ("0x1F", "0x1F"),
        ("1.2", 1.2),
        ('"1.2"', "1.2"),
        ("null", None),
        ("", None),
    ],
)
def test_a_plain_word_stays_what_it_looks_like(text, value):
    assert read(f"a: {text}").data == {"a": value}


def test_json_as_aws_shows_it_can_be_pasted_in():
    tree = read('policy: {"Version": "2012-10-17", "Statement": [{"Action": "*"}]}')
    assert tree.data["policy"]["Statement"] == [{"Action": "*"}]
    assert not tree.problems


def test_every_key_and_item_has_its_line():
    tree = read("a:\n  b: 1\n  c:\n    - x\n    - y\n")
    assert tree.place(("a", "c", 1)).line == 5
    assert tree.place(("a", "b")).line == 2
    assert tree.place(("a", "c", 7, "d")).line == 3


def test_a_name_that_stands_twice_is_told_at_the_second():
    (problem,) = read("a: 1\nb: 2\na: 3\n").problems
    assert problem.place.line == 3
    assert problem.message == '"a" stands here twice'


def test_a_star_without_quotes_is_told_with_the_remedy():
    (problem,) = read("a: 1\nResource: *\n").problems
    assert problem.place.line == 2
    assert "double quotes" in problem.remedy


def test_a_placeholder_without_quotes_is_told_with_the_remedy():
    (problem,) = read("a: {{name}}\n").problems
    assert "{{name}}" in problem.remedy


def test_aliases_cannot_blow_a_file_up():
    text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    (problem,) = read(text).problems
    assert problem.message == "The file is too large or too deep"


def test_an_alias_to_itself_ends():
    assert read("a: &a [*a]\n").problems


def test_control_characters_are_told():
    assert read("a: \x00\n").problems[0].remedy
