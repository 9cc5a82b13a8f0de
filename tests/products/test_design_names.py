"""What names of products say: what is size, colour or number, and what is left as design."""

from __future__ import annotations

import pytest

from floorlens.products.design_names import design_name


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("Murom Oak 120x20 cm", {"120x20cm"}),
        ("Murom Oak 1200 × 200 × 8 mm", {"1200x200x8mm"}),
        ("murom-oak-138mm", {"138mm"}),
        ("Murom Oak XL", {"xl"}),
        ("Murom Oak Fischgrät", {"fischgrat"}),
        ("Murom Oak 4V", {"4v"}),
        ("Murom Oak 120 * 20 cm", {"120x20cm"}),
        ("Murom Oak 8,5 mm", {"8.5mm"}),
        ("Murom Oak 12″", {'12"'}),
        ("Murom Oak 12′′", {'12"'}),
        ("Murom Oak 12''", {'12"'}),
        ("Murom Oak 24 × 48″", {'24x48"'}),
        ("Murom Oak", set()),
    ],
)
def test_sizes_are_no_part_of_the_design(name: str, sizes: set[str]) -> None:
    parts = design_name(name)
    assert set(parts.design) == {"murom", "oak"}
    assert set(parts.sizes) == sizes
    assert not parts.numbers


def test_a_code_is_a_word_and_a_bare_number_is_not() -> None:
    """`sx5w2504` and `sx5w2514` are two decors; `731` and `831` may be two thicknesses of one."""
    assert design_name("access-sx5w2504").design == {"access", "sx5w2504"}
    assert design_name("sx5x2504").sizes == set()
    parts = design_name("classic-731-murom-oak27")
    assert set(parts.design) == {"classic", "murom", "oak"}
    assert set(parts.numbers) == {"731", "27"}


def test_case_accents_and_order_do_not_matter() -> None:
    assert design_name("EICHE Größe Café").design == design_name("cafe grosse-eiche").design


def test_fields_say_sizes_and_colours_and_nothing_else() -> None:
    parts = design_name("Murom Oak", {"Width": 190, "Colour": "Grau", "price": 40})
    assert set(parts.sizes) == {"width=190"}
    assert set(parts.colours) == {"grau"}
    assert parts.design == {"murom", "oak"}


@pytest.mark.parametrize("field", ["Colour", "Colour name", "color_name", " Farbe", "Farbname:"])
def test_a_field_is_known_however_its_name_is_written(field: str) -> None:
    assert design_name("Murom Oak", {field: "Grau"}).colours == {"grau"}


def test_a_size_in_a_field_is_written_in_one_way_too() -> None:
    sizes = [design_name("Oak", {"size": size}).sizes for size in ("8,5 * 20 cm", "8.5 x 20 cm")]
    assert sizes == [{"size=8.5x20cm"}] * 2


def test_one_word_names_no_design() -> None:
    """Half of a catalogue is called oak."""
    assert not design_name("Oak light 8 mm").names_a_design
    assert design_name("Murom Oak light 8 mm").names_a_design
