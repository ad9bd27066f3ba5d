"""From a text to the numbers of its word pieces, as an uncased BERT reads it.

Entered by the embedding beside it, and by the maker of the table. Folding (lower case, accents, punctuation set apart)
is a table and no code, so that it is the same in every Python and in Rust; then every word is cut into the longest
pieces the vocabulary has (Devlin et al. 2019; Wu et al. 2016, *Google's neural machine translation system*, section
4.1). It never keeps the text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from atp_grpc.engine.text_table import ITSELF, Folding

CONTINUATION = "##"
"""Begins the pieces that do not begin a word."""


class Foldings:
    """Maps a character's number to what it is replaced by, for `str.translate`."""

    def __init__(self, foldings: Sequence[Folding]) -> None:
        self._foldings = foldings
        self._firsts = [folding.first for folding in foldings]

    def __getitem__(self, code: int) -> str:
        """Raises LookupError for a character that stays as it is."""
        folding = self._foldings[bisect_right(self._firsts, code) - 1]
        if not folding.first <= code <= folding.last:
            raise LookupError(code)
        return folding.text.replace(ITSELF, chr(code))


class PieceReader:
    """Cuts texts into pieces."""

    def __init__(self, pieces: Sequence[str], foldings: Sequence[Folding], word_limit: int) -> None:
        self._numbers = {piece: number for number, piece in enumerate(pieces)}
        self._longest = max(map(len, pieces))
        self._foldings = Foldings(foldings)
        self._word_limit = word_limit

    def read(self, text: str) -> Iterator[int]:
        """The numbers of the pieces in order. A word that cannot be cut wholly is left out."""
        for word in text.translate(self._foldings).split(" "):
            yield from self.cut(word)

    def cut(self, word: str) -> list[int]:
        """The pieces of one folded word; none when it is unknown or longer than the limit."""
        numbers: list[int] = []
        start = 0
        if len(word) > self._word_limit:
            return numbers
        while start < len(word):
            mark = CONTINUATION if start else ""
            for end in range(min(len(word), start + self._longest), start, -1):
                if (number := self._numbers.get(mark + word[start:end])) is not None:
                    break
            else:
                return []
            numbers.append(number)
            start = end
        return numbers
