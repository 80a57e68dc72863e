"""The tree of a condition, written out."""

import pytest

from core.conditions.syntax import Binary, Call, Duration, Node, Number, Text, Truth, Unary, parse
from core.errors import InvalidInput


def shown(node: Node) -> str:
    match node:
        case Number(value, _):
            return f"{value:g}"
        case Text(value, _):
            return f"'{value}'"
        case Duration(days, _):
            return f"{days}d"
        case Truth(value, _):
            return str(value).lower()
        case Unary(operator, operand, _):
            return f"({operator} {shown(operand)})"
        case Binary(operator, left, right, _):
            return f"({shown(left)} {operator} {shown(right)})"
        case Call(name, arguments, _):
            return name if not arguments else f"{name}[{', '.join(map(shown, arguments))}]"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1", "1"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("2.", "2"),
        ("1e3", "1000"),
        ("1E-3", "0.001"),
        ("5%", "0.05"),
        ("0.5%", "0.005"),
        ("-5", "-5"),
        ("--5", "5"),
        ("-close", "(- close)"),
        ("--close", "(- (- close))"),
        ("2d", "2d"),
        ("2 d", "2d"),
        ("3w", "21d"),
        ("'FOMC'", "'FOMC'"),
        ('"two words"', "'two words'"),
        ("true", "true"),
        ("TRUE", "true"),
        ("False", "false"),
        ("close", "close"),
        ("Close", "close"),
        ("close()", "close"),
        ("sma(20)", "sma[20]"),
        ("sma( close , 20 )", "sma[close, 20]"),
        ("sma(sma(close, 3), 5)", "sma[sma[close, 3], 5]"),
        ("1 + 2 + 3", "((1 + 2) + 3)"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("1 - (2 - 3)", "(1 - (2 - 3))"),
        ("8 / 4 / 2", "((8 / 4) / 2)"),
        ("1 + 2 * 3", "(1 + (2 * 3))"),
        ("(1 + 2) * 3", "((1 + 2) * 3)"),
        ("1 * 2 + 3 * 4", "((1 * 2) + (3 * 4))"),
        ("-1 * 2", "(-1 * 2)"),
        ("1 - -2", "(1 - -2)"),
        ("a < b", "(a < b)"),
        ("a <= b", "(a <= b)"),
        ("a > b", "(a > b)"),
        ("a >= b", "(a >= b)"),
        ("a == b", "(a == b)"),
        ("a != b", "(a != b)"),
        ("a + 1 < b * 2", "((a + 1) < (b * 2))"),
        ("a < b and c < d", "((a < b) and (c < d))"),
        ("a and b and c", "((a and b) and c)"),
        ("a or b or c", "((a or b) or c)"),
        ("a or b and c", "(a or (b and c))"),
        ("a and b or c", "((a and b) or c)"),
        ("(a or b) and c", "((a or b) and c)"),
        ("not a", "(not a)"),
        ("not not a", "(not (not a))"),
        ("not a and b", "((not a) and b)"),
        ("not (a and b)", "(not (a and b))"),
        ("not a < b", "(not (a < b))"),
        ("a AND NOT b", "(a and (not b))"),
        ("((a))", "a"),
        ("f(a and b, 1 + 2)", "f[(a and b), (1 + 2)]"),
        ("f(2d, 'x')", "f[2d, 'x']"),
        ("  a\n and\tb  ", "(a and b)"),
    ],
)
def test_the_tree(text, tree):
    assert shown(parse(text)) == tree


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1),
        ("   ", 1),
        ("a and", 6),
        ("a and and b", 7),
        ("and a", 1),
        ("a b", 3),
        ("(a", 3),
        ("a)", 2),
        ("f(a", 4),
        ("f(a,", 5),
        ("f(,a)", 3),
        ("f(a b)", 5),
        ("1 +", 4),
        ("1 + * 2", 5),
        ("a < b < c", 7),
        ("a = b", 3),
        ("a & b", 3),
        ("a ? b", 3),
        ("a; b", 2),
        ("a[0]", 2),
        ("a.b", 2),
        ('"open', 1),
        ("'a\nb'", 1),
        ("1 2", 3),
        ("2dd", 2),
        ("not", 4),
        ("lambda: 1", 7),
        ("a := 1", 3),
        ("{a}", 1),
        ("a @ b", 3),
        ("`a`", 1),
        ("a ** b", 4),
        ("a // b", 4),
        ("a % b", 3),
        ("\u00e9 > 1", 1),
    ],
)
def test_what_is_wrong_is_pointed_at(text, column):
    with pytest.raises(InvalidInput, match=rf"column {column}:") as caught:
        parse(text)
    lines = str(caught.value).split("\n")
    assert lines[0].startswith("Condition, column")


def test_a_long_condition_and_a_deep_one_are_refused():
    with pytest.raises(InvalidInput, match="501 characters"):
        parse("1" * 501)
    with pytest.raises(InvalidInput, match="levels"):
        parse("(" * 41 + "a" + ")" * 41)
    assert shown(parse("(" * 30 + "a" + ")" * 30)) == "a"


@pytest.mark.parametrize("count", [1, 10, 60])
def test_long_chains_are_read(count):
    tree = parse(" and ".join(["a"] * count))
    assert shown(tree).count("and") == count - 1


def test_every_part_knows_its_column():
    tree = parse("a + bb > not_c(3, 'x')")
    assert isinstance(tree, Binary)
    assert tree.column == 8
    assert tree.left.column == 3
    assert tree.left.right.column == 5
    assert tree.right.column == 10
    assert [part.column for part in tree.right.arguments] == [16, 19]
