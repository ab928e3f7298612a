"""Texts as symbols: alphabets, files of any size, splits, and what is refused."""

import pickle
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlatch as rl
from rnnlatch._record import Record
from rnnlatch.data import text as texts

Alphabet = rl.data.Alphabet
CHARACTERS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


# ---- alphabets ------------------------------------------------------------------------------------------------------


@given(CHARACTERS)
def test_a_text_comes_back_from_its_symbols(text: str) -> None:
    alphabet = Alphabet.of(text)
    symbols = alphabet.encode(text)
    assert alphabet.characters == "".join(sorted(set(text)))
    assert symbols.tolist() == [alphabet.characters.index(character) for character in text]
    assert alphabet.decode(symbols) == text
    assert Record.from_dict(alphabet.to_dict()) == alphabet == Alphabet.of(Counter(text))


@given(CHARACTERS, CHARACTERS, st.integers(1, 3))
def test_the_last_symbol_stands_for_all_other_characters(train: str, test: str, fewest: int) -> None:
    frequent = {character for character, count in Counter(train).items() if count >= fewest}
    if not frequent:
        with pytest.raises(ValueError, match=f"no character that occurs {fewest} times or more"):
            Alphabet.of(train, fewest, unknown=True)
        return
    alphabet = Alphabet.of(train, fewest, unknown=True)
    assert alphabet.size == len(frequent) + 1
    expected = [alphabet.characters.index(c) if c in frequent else len(frequent) for c in test]
    assert alphabet.encode(test).tolist() == expected
    assert alphabet.decode(expected) == "".join(c if c in frequent else "\N{REPLACEMENT CHARACTER}" for c in test)


@pytest.mark.parametrize(("size", "dtype"), [(256, "uint8"), (257, "uint16"), (65536, "uint16"), (65537, "uint32")])
def test_symbols_are_as_small_as_they_can_be(size: int, dtype: str) -> None:
    characters = "".join(map(chr, range(0x10000, 0x10000 + size)))
    for alphabet in (Alphabet(characters), Alphabet(characters[:-1], unknown=True)):
        symbols = alphabet.encode(characters)
        assert (symbols.dtype, int(symbols[-1])) == (np.dtype(dtype), size - 1)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: Alphabet(""), ValueError, "characters is ''; it must be a text in which no character comes twice"),
        (lambda: Alphabet("aa"), ValueError, "characters is 'aa'; it must be"),
        (lambda: Alphabet(3), TypeError, "characters is 3"),  # type: ignore[arg-type]
        (lambda: Alphabet("a", 1), TypeError, "unknown is 1"),  # type: ignore[arg-type]
        (lambda: Alphabet("a\ud800"), ValueError, r"characters has U\+D800 at position 1"),
        (lambda: Alphabet.of("aab", 2), ValueError, "fewest is 2 and unknown False"),
        (lambda: Alphabet.of({"ab": 3}), ValueError, "keys must be single characters"),
        (lambda: Alphabet.of(["a"]), TypeError, r"text is \['a'\]"),  # type: ignore[arg-type]
        (lambda: Alphabet.of(""), ValueError, "text has no character; an alphabet must have at least one"),
        (
            lambda: Alphabet("ab").encode("abé"),
            ValueError,
            r"the character 'é' \(U\+00E9\) at position 2, .*unknown=True",
        ),
        (lambda: Alphabet("ab").encode("a\n"), ValueError, r"the character '\\n' \(U\+000A\) at position 1"),
        (lambda: Alphabet("ab").decode([0, 2]), ValueError, "symbols has 2; it must be symbols, integers from 0 to 1"),
        (lambda: Alphabet("ab").decode([0.5]), TypeError, "symbols has dtype float64"),
    ],
)
def test_what_an_alphabet_refuses(call: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()


# ---- files ----------------------------------------------------------------------------------------------------------


def written(path: Path, text: str, start: bytes = b"") -> Path:
    path.write_bytes(start + text.encode())
    return path


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 2**22])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_a_file_is_read_in_pieces_that_cut_characters(
    piece: int, start: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "PIECE", max(piece, len(start)))
    text = "añ\r\n€😀\0z\ufeff" * 3
    read = rl.data.read_text(written(tmp_path / "some.txt", text, start), cache=tmp_path / "cache")
    assert (read.name, len(read), read.alphabet) == ("some.txt", len(text), Alphabet.of(text))
    assert read.alphabet.decode(read.symbols) == text
    assert not (tmp_path / "cache").exists()
    assert read.sha256 == rl.data.text_of(text).sha256


def test_a_large_text_is_kept_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "LARGE", 500)
    monkeypatch.setattr(texts, "PIECE", 128)
    text = "".join(map(chr, np.random.default_rng(0).integers(0x3B1, 0x3B1 + 300, 900)))
    path, cache = written(tmp_path / "some.txt", text), tmp_path / "cache"
    large = rl.data.read_text(path, cache=cache)
    assert isinstance(large.symbols, np.memmap)
    assert large.symbols.dtype == np.uint16
    np.testing.assert_array_equal(large.symbols, Alphabet.of(text).encode(text))
    assert large.sha256 == rl.data.text_of(text).sha256
    (file,) = cache.iterdir()
    before = file.stat()

    monkeypatch.setenv("RNNLATCH_CACHE", str(cache))
    assert rl.data.read_text(path).symbols.tolist() == large.symbols.tolist()
    assert file.stat().st_mtime_ns == before.st_mtime_ns  # found again
    rl.data.read_text(path, fewest=2, unknown=True)
    assert len(list(cache.iterdir())) == 2

    for part in (large, large.split((0.3, 0.3, 0.4))[1]):
        stream = pickle.dumps(part)
        assert len(stream) < len(part) * 2 + 700  # the alphabet, and no symbols
        again = pickle.loads(stream)
        assert isinstance(again.symbols, np.memmap)
        np.testing.assert_array_equal(again.symbols, part.symbols)
        assert not again.symbols.flags.writeable
    stream = pickle.dumps(large)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"symbols of a text cannot be read from .*\.symbols"):
        pickle.loads(stream)


def test_nothing_half_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "LARGE", 10)
    path = written(tmp_path / "some.txt", "abab" * 10 + "c")
    with pytest.raises(ValueError, match=r"some\.txt': text has the character 'c' \(U\+0063\) at position 40"):
        rl.data.read_text(path, Alphabet("ab"), cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []
    (tmp_path / "taken").touch()
    with pytest.raises(OSError, match=r"cache directory '.*taken' cannot be written to"):
        rl.data.read_text(path, cache=tmp_path / "taken")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty; it must have at least one character"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"abc\xffd", "is not UTF-8: the byte 0xff at offset 3 is in no character"),
        (b"\xef\xbb\xbfabc\xe9d", "the byte 0xe9 at offset 6"),
        (b"abcdefgh\xe2\x82", "the byte 0xe2 at offset 8 .*unexpected end of data"),
        ("grün".encode("utf-16"), "the byte 0xff at offset 0"),
        (b"\xed\xa0\x80", "the byte 0xed at offset 0"),
    ],
)
def test_files_that_are_no_text(content: bytes, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "PIECE", 4)
    path = tmp_path / "some.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"some\.txt' {sentence}|some\.txt' is not UTF-8: {sentence}"):
        rl.data.read_text(path)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no such file; it must be a file of UTF-8 text"):
        rl.data.read_text(tmp_path / "none.txt")
    with pytest.raises(ValueError, match="a directory; it must be a file"):
        rl.data.read_text(tmp_path)
    with pytest.raises(TypeError, match="path is 3"):
        rl.data.read_text(3)  # type: ignore[arg-type]


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "some.txt", "abc")
    survey = texts._Source.survey

    def grow(source: Any, file: Any) -> Any:
        found = survey(source, file)
        path.write_bytes(b"abcabc")
        return found

    monkeypatch.setattr(texts._Source, "survey", grow)
    with pytest.raises(ValueError, match="has changed while it was read"):
        rl.data.read_text(path)


# ---- parts ----------------------------------------------------------------------------------------------------------


@given(st.integers(6, 500), st.lists(st.integers(1, 10), min_size=2, max_size=5))
def test_parts_are_consecutive_and_as_large_as_asked_for(size: int, weights: list[int]) -> None:
    text = rl.data.text_of("".join(chr(0x100 + k) for k in range(size)))
    shares = [weight / sum(weights) for weight in weights]
    try:
        parts = text.split(shares, at_least=1)
    except ValueError:
        assert min(shares) * size < 2
        return
    np.testing.assert_array_equal(np.concatenate([part.symbols for part in parts]), text.symbols)
    ends = np.cumsum([len(part) for part in parts])
    np.testing.assert_allclose(ends, np.cumsum(shares) * size, atol=0.5 + 1e-9)
    assert all(np.shares_memory(part.symbols, text.symbols) for part in parts)


def test_an_alphabet_of_the_training_part_alone(tmp_path: Path) -> None:
    text = "abcab" * 18 + "xbcab" * 2  # x comes in the last tenth
    path = written(tmp_path / "some.txt", text)
    makers: list[Callable[..., rl.data.Text]] = [partial(rl.data.read_text, path), partial(rl.data.text_of, text)]
    for make in makers:
        train, test = make(alphabet_share=0.9, unknown=True).split((0.9, 0.1))
        assert train.alphabet == Alphabet("abc", unknown=True) == test.alphabet
        assert train.alphabet.decode(test.symbols) == "�bcab�bcab"
        assert train.symbols.max() == 2
        with pytest.raises(ValueError, match=r"the character 'x' \(U\+0078\) at position 90"):
            make(alphabet_share=0.9)


def test_texts_cannot_be_written_to_and_differ_by_content() -> None:
    text = rl.data.text_of("abab")
    with pytest.raises(ValueError, match="read-only"):
        text.symbols[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        pickle.loads(pickle.dumps(text)).symbols[0] = 1
    first, second = text.split((0.5, 0.5))
    assert first.sha256 == second.sha256 != text.sha256
    assert rl.data.text_of("abab", Alphabet("abc")).sha256 != text.sha256
    assert repr(first) == "Text('text, part 1 of 2', 2 characters, 2 symbols)"


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: rl.data.text_of(""), ValueError, "text is empty"),
        (lambda: rl.data.text_of(b"ab"), TypeError, "text is b'ab'"),  # type: ignore[arg-type]
        (lambda: rl.data.text_of("ab", Alphabet("ab"), unknown=True), ValueError, "they must be left out"),
        (lambda: rl.data.text_of("ab", "ab"), TypeError, "alphabet is 'ab'"),  # type: ignore[arg-type]
        (lambda: rl.data.text_of("ab", alphabet_share=0), ValueError, "alphabet_share is 0"),
        (lambda: rl.data.text_of("ab", fewest=2), ValueError, "fewest is 2 and unknown False"),
        (
            lambda: rl.data.text_of("abc").split((0.5, 0.5)),
            ValueError,
            "has 3 characters, and its part 2 of 2 would have 1",
        ),
        (lambda: rl.data.text_of("abc").split((0.5, 0.4)), ValueError, "whose sum is 1"),
        (lambda: rl.data.text_of("abc").split((1.5, -0.5)), ValueError, "shares is 1.5"),
        (lambda: rl.data.text_of("abc").split(0.5), TypeError, "shares is 0.5"),  # type: ignore[arg-type]
        (lambda: rl.data.Text(np.array([0, 2], np.uint8), Alphabet("ab")), ValueError, "symbols has 2; it must be"),
        (lambda: rl.data.Text(np.array([0, 1]), Alphabet("ab")), ValueError, "symbols has dtype int64"),
        (lambda: rl.data.Text(np.zeros(0, np.uint8), Alphabet("ab")), ValueError, r"shape \(0,\)"),
    ],
)
def test_what_a_text_refuses(call: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()
