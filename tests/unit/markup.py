"""HTML as a tree, read as strictly as tests need it."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

from attrs import define, field

VOID = {"meta", "link", "input", "img", "br", "rect", "path"}  # the last two are closed where they are opened


@define
class Element:
    tag: str
    attributes: dict[str, str | None] = field(factory=dict)
    within: list[Element | str] = field(factory=list)

    def __iter__(self) -> Iterator[Element]:
        """All elements below it, in their order."""
        for one in self.within:
            if isinstance(one, Element):
                yield one
                yield from one

    @property
    def text(self) -> str:
        """Its own, without that of the elements below it."""
        return "".join(one for one in self.within if isinstance(one, str))

    def words(self) -> str:
        """All that is to be read, with single spaces."""
        return " ".join(self._all_text().split())

    def all(self, tag: str, **attributes: str | None) -> list[Element]:
        return [one for one in self if one.tag == tag and attributes.items() <= one.attributes.items()]

    def one(self, tag: str, **attributes: str | None) -> Element:
        (found,) = self.all(tag, **attributes)
        return found

    def _all_text(self) -> str:
        return "".join(one if isinstance(one, str) else one._all_text() for one in self.within)


class Reader(HTMLParser):
    """Raises `AssertionError` for an attribute that is there twice, and an element that is closed before one within."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, dict(attrs))
        assert len(made.attributes) == len(attrs), f"<{tag}> has an attribute twice: {attrs}"
        self.open[-1].within.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop().tag == tag, f"</{tag}> closes another"

    def handle_data(self, data: str) -> None:
        self.open[-1].within.append(data)


def read(html: str) -> Element:
    reader = Reader()
    reader.feed(html)
    reader.close()
    (top,) = reader.open
    return top
