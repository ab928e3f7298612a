"""Files of parameters: what goes out comes in again, strangers' files do no harm, names as PyTorch has them."""

import io
import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnlatch as rl
from rnnlatch import _npz, _safetensors
from rnnlatch._network_parameters import check_network_parameters

CELL = rl.cells.LSTM(inputs=2, hidden=3, outputs=1)
PARAMS = CELL.initial_parameters(0)
SUFFIXES = ["npz", "safetensors"]


def assert_same(got: dict[str, Any], expected: dict[str, Any]) -> None:
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        assert got[name].dtype == value.dtype
        np.testing.assert_array_equal(got[name], value)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_there_and_back(suffix: str, dtype: Any, tmp_path: Path) -> None:
    path = tmp_path / f"network.{suffix}"
    for runs in (None, 4):
        params = CELL.initial_parameters(0, runs=runs, dtype=dtype)
        rl.io.save(path, params)
        read = rl.io.load(path)
        assert_same(read, params)
        check_network_parameters(CELL, read)
        read["bias_out"] += 1  # what is read can be changed
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_all_kinds_of_arrays(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"model.{suffix}"
    state = {
        "scalar": np.float64(3),
        "empty": np.ones((0, 4), np.float32),
        "flags": np.array([True, False, True]),
        "steps": np.array(7),
        "turned": np.arange(6.0).reshape(2, 3).T,
        "swapped": np.arange(3, dtype=">f8"),
        "file": np.arange(5, dtype=np.int8),
        "a.b/c é": np.ones(2),
    }
    rl.io.save(path, state)
    for name, value in rl.io.load(path).items():
        np.testing.assert_array_equal(value, state[name])
        assert value.dtype.isnative
        assert value.flags.aligned


def test_files_of_numpy_and_safetensors(tmp_path: Path) -> None:
    arrays: dict[str, Any] = PARAMS
    np.savez_compressed(tmp_path / "network.npz", **arrays)
    assert_same(rl.io.load(tmp_path / "network.npz"), PARAMS)
    rl.io.save(tmp_path / "network.npz", PARAMS)
    with np.load(tmp_path / "network.npz") as archive:
        assert_same(dict(archive), PARAMS)
    theirs = pytest.importorskip("safetensors.numpy")
    theirs.save_file(PARAMS, tmp_path / "network.safetensors", metadata={"format": "np"})
    assert_same(rl.io.load(tmp_path / "network.safetensors"), PARAMS)
    rl.io.save(tmp_path / "network.safetensors", PARAMS)
    assert_same(theirs.load_file(tmp_path / "network.safetensors"), PARAMS)


def test_half_precision_is_widened_on_request(tmp_path: Path) -> None:
    values = np.array([1, -2.5, 65504, 6e-8], np.float16)
    for suffix in SUFFIXES:
        path = tmp_path / f"half.{suffix}"
        rl.io.save(path, {"x": values})
        with pytest.raises(ValueError, match=r"is of (F16|float16); load.*widen=True"):
            rl.io.load(path)
        assert_same(rl.io.load(path, widen=True), {"x": values.astype(np.float32)})
    exact = np.array([1, -2.5, 3.3895314e38, 1e-40], np.float32)
    upper = (exact.view(np.uint32) >> 16).astype("<u2")
    path.write_bytes(safetensors({"x": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}}, upper.tobytes()))
    with pytest.raises(ValueError, match="is of BF16"):
        rl.io.load(path)
    widened = rl.io.load(path, widen=True)["x"]
    np.testing.assert_array_equal(widened.view(np.uint32), upper.astype(np.uint32) << 16)


# ---- files that are damaged or made to harm -------------------------------------------------------------------------


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(shape: Any, offsets: Any, dtype: Any = "F64") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it ends before the length of its header"),
        (b"1234567", "it ends before the length of its header"),
        (safetensors({}, length=3), "its header should have 3 bytes, which it has not"),
        (safetensors({}, length=2**64 - 1), "its header should have 18446744073709551615 bytes"),
        (safetensors(b"[]"), "its header is not a JSON object"),
        (safetensors(b"{"), "its header is not JSON"),
        (safetensors(b'{"\xff": 1}'), "its header is not UTF-8"),
        (safetensors(b"[" * 100_000), "nested too deeply"),
        (safetensors(b'{"a": NaN}'), "its header has NaN"),
        (safetensors(b'{"a": 1, "a": 2}'), "a name twice"),
        (safetensors(b'{"a": ' + b"9" * 5000 + b"}"), "its header has a number of thousands of digits"),
        (safetensors(bytes(2**24 + 1)), "its header has 16777217 bytes; at most 16777216 are read"),
        (safetensors({str(i): {} for i in range(100_001)}), "it has 100001 tensors; at most 100000 are read"),
        (safetensors({"a" * 10**6: 1}), "tensor 'a.{,100} is not described by"),
        (safetensors({"a": tensor([1], [0, 8], "F" * 10**6)}), "tensor 'a' has dtype 'F.{,300}$"),
        (safetensors({"a": tensor([1] * 10**5, [0, 8])}, bytes(8)), "tensor 'a' has a shape or offsets"),
        (
            safetensors({"a": tensor([0] + [2**62] * 31, [0, 0])}),
            "tensor 'a' has the shape .{,200} more than NumPy can hold",
        ),
        (safetensors({"__metadata__": {"a": 1}}), "its metadata is not an object of strings"),
        (safetensors({"a": 1}), "tensor 'a' is not described by dtype, shape and data_offsets"),
        (safetensors({"a": tensor([1], [0, 8], "F8_E4M3")}, bytes(8)), "tensor 'a' has dtype 'F8_E4M3'; what can be"),
        (safetensors({"a": tensor([1], [0, 8], ["F64"])}, bytes(8)), "tensor 'a' has dtype"),
        (safetensors({"a": tensor([-1], [0, 8])}, bytes(8)), "not lists of natural numbers"),
        (safetensors({"a": tensor([True], [0, 8])}, bytes(8)), "not lists of natural numbers"),
        (safetensors({"a": tensor([1.0], [0, 8])}, bytes(8)), "not lists of natural numbers"),
        (safetensors({"a": tensor([1] * 70, [0, 8])}, bytes(8)), "not lists of natural numbers"),
        (safetensors({"a": tensor([1], [0, 8, 9])}, bytes(8)), "not lists of natural numbers"),
        (
            safetensors({"a": tensor([2], [0, 8])}, bytes(8)),
            r"tensor 'a' has 8 bytes, which is not the size of F64 \[2\]",
        ),
        (safetensors({"a": tensor([2**40, 2**40], [0, 8])}, bytes(8)), "tensor 'a' has 8 bytes"),
        (safetensors({"a": tensor([1], [8, 0])}, bytes(8)), "tensor 'a' has -8 bytes"),
        (safetensors({"a": tensor([1], [8, 16])}, bytes(16)), "tensor 'a' begins at byte 8 of the data, where 0 was"),
        (safetensors({"a": tensor([1], [0, 8]), "b": tensor([1], [0, 8])}, bytes(8)), "tensor 'b' begins at byte 0"),
        (safetensors({"a": tensor([1], [0, 8])}, bytes(7)), "its tensors have 8 bytes of data and the file 7"),
        (safetensors({"a": tensor([1], [0, 8])}, bytes(9)), "its tensors have 8 bytes of data and the file 9"),
    ],
)
def test_hostile_safetensors(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        rl.io.load(path)
    assert str(caught.value).startswith(str(path))


def archive_of(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_npy", ".npy"), content)
    return file.getvalue()


def npy(array: Any, *, shape: Any = None) -> bytes:
    file = io.BytesIO()
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(file, header | ({} if shape is None else {"shape": shape}))
    return file.getvalue() + bytes(array.tobytes())


class Harmful:
    """Unpickling this would run code."""

    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was loaded",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a whole zip archive"),
        (b"PK\x03\x04 and no more", "not a whole zip archive"),
        (pickle.dumps(PARAMS), "not a whole zip archive"),
        (archive_of(note=b"hello"), "'note' in it is not an array"),
        (archive_of(x_npy=b"hello"), "array 'x' in it cannot be read"),
        (archive_of(x_npy=npy(np.ones(3))[:-1]), "array 'x' in it cannot be read"),
        (archive_of(x_npy=npy(np.ones(3), shape=(2**50,))), "array 'x' in it cannot be read"),
        (archive_of(x_npy=npy(np.ones(3), shape=(2**62, 2**62))), "array 'x' in it cannot be read"),
        (archive_of(x_npy=npy(np.ones(3), shape=(-3,))), r"array 'x' in it cannot be read: it has the shape \(-3,\)"),
        (archive_of(x_npy=npy(np.ones(3), shape=(1,) * 70)), "array 'x' in it cannot be read: it has the shape"),
        (archive_of(x_npy=npy(np.ones(0), shape=(0,) + (2**62,) * 31)), "array 'x' in it cannot be read"),
        (
            archive_of(x_npy=npy(np.ones(3)) + b"more"),
            "array 'x' in it cannot be read: it has 28 bytes after its header",
        ),
        (archive_of(x_npy=b"\x93NUMPY\x03\x00" + bytes(100)), "its format has the version 3.0"),
        (archive_of(x_npy=b"\x93NUMPY\x02\x00" + b"\xff" * 100), "array 'x' in it cannot be read"),
        (archive_of(**{"y" * 60_000 + "_npy": b"hello"}), "array 'y.{,100} in it cannot be read"),
        (archive_of(**{"y" * 60_000: b"hello"}), "'y.{,100} in it is not an array"),
        (archive_of(x_npy=npy(np.array(["text"]))), "array 'x' in it has dtype <U4; it must be of real numbers"),
        (archive_of(x_npy=npy(np.ones(2, complex))), "array 'x' in it has dtype complex128"),
    ],
)
def test_hostile_npz(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        rl.io.load(path)
    assert str(caught.value).startswith(str(path))


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "objects.npz"
    np.savez(path, x=np.array([Harmful()], dtype=object))
    with pytest.raises(ValueError, match="array 'x' in it cannot be read: Object arrays cannot be loaded"):
        rl.io.load(path)
    path.write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(ValueError, match="cannot be read"):
        rl.io.load(path)
    with pytest.raises(ValueError, match=r"must end in .npz or .safetensors; a .pt or .pth file can run code"):
        rl.io.load(tmp_path / "model.pt")


def test_an_archive_that_unpacks_to_more_than_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros(10**6))
    assert path.stat().st_size < 10**5
    monkeypatch.setattr(_npz, "available_memory", lambda: 10**7)
    with pytest.raises(ValueError, match="unpacked it has 8 MB, more than there is memory for"):
        rl.io.load(path)


def test_an_archive_that_unpacks_to_more_than_its_header_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after the array is not even unpacked."""
    path = tmp_path / "bomb.npz"
    path.write_bytes(archive_of(x_npy=npy(np.zeros(10**6), shape=(1,))))
    read = 0
    plain = zipfile.ZipExtFile.read

    def counted(self: Any, n: int = -1) -> bytes:
        nonlocal read
        data = plain(self, n)
        read += len(data)
        return data

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    with pytest.raises(
        ValueError, match=r"it has 8000000 bytes after its header, which is not the size of float64 \(1,\)"
    ):
        rl.io.load(path)
    assert read <= 2**16


def test_arrays_as_numpy_keeps_them(tmp_path: Path) -> None:
    path = tmp_path / "arrays.npz"
    arrays: dict[str, Any] = {
        "turned": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
        "long": np.arange(300_000),
        "compressible": np.zeros((3, 10**6), np.float32),
        "swapped": np.arange(5, dtype=">i2"),
        "nothing": np.zeros((0, 3)),
        "number": np.float64(2),
    }
    np.savez_compressed(path, **arrays)
    read = rl.io.load(path)
    for name, value in arrays.items():
        np.testing.assert_array_equal(read[name], value)
        assert read[name].flags.writeable
    assert read["turned"].flags.f_contiguous


@given(st.data())
def test_a_damaged_file_gives_arrays_or_a_value_error(data: st.DataObject) -> None:
    file = io.BytesIO()
    format_: Any = data.draw(st.sampled_from([_npz, _safetensors]))
    format_.write(file, {"a": np.ones((2, 3)), "b": np.zeros(4, np.float32)})
    content = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    damaged = io.BytesIO(bytes(content))
    try:
        size = {} if format_ is _npz else {"size": len(content)}
        read = format_.read(damaged, widen=True, **size)
    except ValueError:
        return
    assert all(isinstance(value, np.ndarray) for value in read.values())


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    with pytest.raises(TypeError, match="x has dtype object; it must be an array of real numbers"):
        rl.io.save(path, {"x": None})
    with pytest.raises(TypeError, match=r"x has dtype float128|x has dtype longdouble"):
        rl.io.save(path, {"x": np.ones(2, np.longdouble)})
    with pytest.raises(ValueError, match="the name 3"):
        rl.io.save(path, {3: np.ones(2)})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="params is of type list"):
        rl.io.save(path, [])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must end in"):
        rl.io.save(tmp_path / "network.txt", PARAMS)
    assert list(tmp_path.iterdir()) == []


# ---- names ----------------------------------------------------------------------------------------------------------


def test_names_there_and_back() -> None:
    state = rl.io.to_state_dict(PARAMS, prefix="encoder.rnn", readout="fc")
    assert set(state) == {
        *(f"encoder.rnn.{kind}_{place}_l0" for kind in ("weight", "bias") for place in ("ih", "hh")),
        "fc.weight",
        "fc.bias",
    }
    assert_same(rl.io.from_state_dict(state | {"other.weight": np.ones(2)}, readout="fc"), PARAMS)
    assert "bias_out" not in rl.io.from_state_dict(state, prefix="encoder.rnn")
    two = state | rl.io.to_state_dict(CELL.initial_parameters(1), prefix="decoder.rnn")
    assert_same(rl.io.from_state_dict(two, prefix="encoder.rnn.", readout="fc"), PARAMS)
    with pytest.raises(ValueError, match=r"recurrent layers under 'decoder.rnn.' and 'encoder.rnn.'; choose one"):
        rl.io.from_state_dict(two)
    with pytest.raises(ValueError, match=r"there is no x.weight_hh_l0"):
        rl.io.from_state_dict(two, prefix="x")
    with pytest.raises(ValueError, match=r"there is no out.weight"):
        rl.io.from_state_dict(state, readout="out")
    with pytest.raises(ValueError, match="belongs to a second layer"):
        rl.io.from_state_dict(state | {"encoder.rnn.weight_hh_l1": np.ones(2)}, prefix="encoder.rnn")


@pytest.mark.parametrize(
    "cell",
    [
        rl.cells.VanillaRNN(inputs=2, hidden=3, activation="relu"),
        rl.cells.VanillaRNN(inputs=3, hidden=1, outputs=1, bias=False, bias_out=False),
        rl.cells.DiagonalRNN(inputs=2, hidden=3, outputs=2, activation="linear"),
        rl.cells.LSTM(inputs=1, hidden=4, outputs=1, initial_state="learned"),
        rl.cells.GRU(inputs=5, hidden=2, bias=False),
    ],
)
@pytest.mark.parametrize("runs", [None, 3])
def test_the_cell_is_found(cell: rl.cells.NetworkCell, runs: int | None) -> None:
    activation = getattr(cell, "activation", "tanh")
    params = cell.initial_parameters(0, runs=runs)
    assert rl.io.cell_from_parameters(params, activation=activation) == cell
    assert (
        rl.io.cell_from_parameters({f"rnn.{name}": value for name, value in params.items()}, activation=activation)
        == cell
    )


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"weight_hh_l0": (3, 3)}, "params has weight_hh_l0; it must have weight_ih_l0"),
        ({"weight_ih_l0": (6, 2), "weight_hh_l0": (6, 3)}, "what is known has 1, 3 or 4 blocks"),
        ({"weight_ih_l0": (7, 2), "weight_hh_l0": (7, 2)}, "what is known has"),
        ({"weight_ih_l0": (3, 2), "weight_hh_l0": (4,)}, "what is known has"),
        ({"weight_ih_l0": (3, 2), "weight_hh_l0": ()}, "what is known has"),
        ({"weight_ih_l0": (3,), "weight_hh_l0": (3, 3)}, r"weight_ih_l0 has shape \(3,\); it must have two axes"),
        ({"weight_ih_l0": (0, 2), "weight_hh_l0": (0, 0)}, "what is known has"),
    ],
)
def test_no_cell_fits(shapes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rl.io.cell_from_parameters({name: np.ones(shape) for name, shape in shapes.items()})
