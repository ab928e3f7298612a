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
import xarray as xr
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
    with pytest.raises(TypeError, match=r"params has the name 3 \(int\)"):
        rl.io.save(path, {3: np.ones(2)})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="a is not an array of real numbers that NumPy can read"):
        rl.io.save(path, {"a": [[1], [1, 2]]})
    for name in ("a\0b", "__metadata__", "\ud800", "x" * 70_000):
        for suffix in SUFFIXES:
            with pytest.raises(ValueError, match=r"params has the name .{,100}; it must be a text without NUL"):
                rl.io.save(tmp_path / f"network.{suffix}", {name: np.ones(2)})
    with pytest.raises(FileNotFoundError, match=r"path is '.*missing/network.npz'; there is no directory '.*missing'"):
        rl.io.save(tmp_path / "missing" / "network.npz", PARAMS)
    (tmp_path / "taken.npz").mkdir()
    with pytest.raises(OSError) as caught:
        rl.io.save(tmp_path / "taken.npz", PARAMS)
    assert caught.value.filename == str(tmp_path / "taken.npz")
    assert caught.value.filename2 is None
    (tmp_path / "taken.npz").rmdir()
    with pytest.raises(TypeError, match="params is of type list"):
        rl.io.save(path, [])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must end in"):
        rl.io.save(tmp_path / "network.txt", PARAMS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_long_names(suffix: str, tmp_path: Path) -> None:
    """The file that is to become the one asked for has a name of its own, which is short."""
    path = tmp_path / f"{'n' * 240}.{suffix}"
    rl.io.save(path, {"x" * 60_000: np.ones(1)})
    assert list(rl.io.load(path)) == ["x" * 60_000]


def test_tensors_that_numpy_cannot_read(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    half, absent = torch.ones(2, dtype=torch.bfloat16), torch.ones(2, device="meta")
    for tensor_, words in (
        (half, "x of torch.bfloat16 is not an array"),
        (absent, "x of torch.float32 is not an array"),
    ):
        with pytest.raises(TypeError, match=words) as caught:
            rl.io.save(tmp_path / "x.npz", {"x": tensor_})
        assert "\n" not in str(caught.value)
        state: dict[str, Any] = {"x": 1} | PARAMS | {"weight_hh_l0": tensor_}
        with pytest.raises(TypeError, match="weight_hh_l0 of torch"):
            rl.io.from_state_dict(state)


def wrong(value: object) -> Any:
    """What no type checker would let pass."""
    return value


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rl.io.load(wrong(5)), r"path is 5 \(int\); it must be a path whose name ends in .npz or .safetensors"),
        (lambda: rl.io.load(wrong(b"x.npz")), "path is b'x.npz'"),
        (lambda: rl.io.save(wrong(None), PARAMS), "path is None"),
        (lambda: rl.io.save("x.npz", wrong(None)), "params is of type NoneType; it must be a dict of arrays"),
        (lambda: rl.io.load("x.npz", widen=wrong(1)), "widen is 1"),
        (lambda: rl.io.from_state_dict(wrong(None)), "state is of type NoneType"),
        (lambda: rl.io.from_state_dict(wrong(xr.Dataset())), "state is a Dataset; io.from_dataset"),
        (lambda: rl.io.from_state_dict(wrong({5: 1})), "state has the name 5"),
        (
            lambda: rl.io.from_state_dict(PARAMS, prefix=wrong(5)),
            r"prefix is 5 \(int\); it must be the name of a layer",
        ),
        (
            lambda: rl.io.from_state_dict(PARAMS, readout=wrong(5)),
            r"readout is 5 \(int\); it must be the name of a layer",
        ),
        (lambda: rl.io.to_state_dict(wrong(None)), "params is of type NoneType"),
        (lambda: rl.io.to_state_dict(PARAMS, prefix=wrong(None)), "prefix is None; it must be the name"),
        (lambda: rl.io.to_state_dict(PARAMS, readout=wrong(5)), r"readout is 5 \(int\)"),
        (lambda: rl.io.from_dataset(wrong(None), CELL), "dataset is None; it must be a dataset"),
        (lambda: rl.io.from_dataset(wrong(PARAMS), CELL), r"dataset is .* \(dict\)"),
        (lambda: rl.io.from_dataset(xr.Dataset(), wrong(None)), "cell is None; it must be a cell"),
        (lambda: rl.io.cell_from_parameters(wrong(None)), "params is of type NoneType"),
        (
            lambda: rl.io.cell_from_parameters(PARAMS, activation=wrong(5)),
            r"activation is 5 \(int\); it must be 'tanh' or",
        ),
        (lambda: rl.io.cell_from_parameters(PARAMS, size=3), "LSTM has no setting 'size'; it has inputs, hidden, "),
    ],
)
def test_arguments_of_a_wrong_kind(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


# ---- datasets -------------------------------------------------------------------------------------------------------


def networks(cell: rl.cells.NetworkCell = CELL) -> xr.Dataset:
    drawn = cell.initial_parameters(0, runs=4)
    data: dict[str, Any] = {name: (("run", *part.dims), drawn[name]) for name, part in cell.parameters().items()}
    return xr.Dataset(data | {"loss": ("run", np.zeros(4))})


def test_out_of_a_dataset() -> None:
    dataset = networks()
    assert_same(rl.io.from_dataset(dataset, CELL), CELL.initial_parameters(0, runs=4))
    shared = dataset.assign(bias_out=dataset.bias_out.isel(run=0))
    bias = rl.io.from_dataset(shared.transpose(), CELL)["bias_out"]
    np.testing.assert_array_equal(bias, np.broadcast_to(shared.bias_out, (4, 1)))
    bias += 1
    with pytest.raises(ValueError, match="dataset has loss; it must have weight_ih_l0"):
        rl.io.from_dataset(dataset[["loss"]], CELL)
    with pytest.raises(
        ValueError, match=r"weight_ih_l0 has shape \(12, 2\) in the dataset; it must be \(16, 2\) for LSTM"
    ):
        rl.io.from_dataset(dataset, rl.cells.LSTM(inputs=2, hidden=4, outputs=1))


def test_trained_latches_out_of_a_dataset() -> None:
    task = rl.tasks.MinimalLatch(length=10, prefix=3, noise_std=0.1)
    cell = rl.cells.LatchNeuron()
    trained = rl.train(cell, task, rl.algorithms.GradientDescent(), runs=2, max_presentations=10, rng=0)
    params = rl.io.from_dataset(trained, cell)
    assert {name: value.shape for name, value in params.items()} == {"weight": (2,), "input": (2, 2, 3)}


def test_a_dataset_by_the_names_of_pytorch() -> None:
    dataset = networks()
    expected = rl.io.to_state_dict(rl.io.from_dataset(dataset.isel(run=1), CELL), prefix="rnn", readout="fc")
    assert_same(rl.io.to_state_dict(dataset.isel(run=1), prefix="rnn", readout="fc"), expected)
    assert_same(rl.io.to_state_dict(dataset.isel(run=1).transpose(), prefix="rnn", readout="fc"), expected)
    with pytest.raises(ValueError, match=r"weight_ih_l0 has the dimensions run, row, input; .* as with .isel\(run=0\)"):
        rl.io.to_state_dict(dataset)
    with pytest.raises(ValueError, match=r"select one, as with .isel\(w=0, run=0\)"):
        rl.io.to_state_dict(dataset.expand_dims(w=2))
    parts = rl.gradients.by_lag(CELL, PARAMS, np.ones((1, 3, 2)), np.ones((1, 1)))
    with pytest.raises(ValueError, match=r"weight_ih_l0 has the dimensions lag, row, input; .*\(lag=0\)"):
        rl.io.to_state_dict(parts)


def test_what_pytorch_does_not_have() -> None:
    diagonal = rl.cells.DiagonalRNN(inputs=2, hidden=3)
    for params in (diagonal.initial_parameters(0), networks(diagonal).isel(run=0)):
        with pytest.raises(
            ValueError, match=r"weight_hh_l0 has shape \(3,\), that of a DiagonalRNN, which PyTorch does not"
        ):
            rl.io.to_state_dict(params)
    with pytest.raises(
        ValueError, match=r"weight_ih_l0 has shape \(4, 12, 2\); it must have two axes; of many networks"
    ):
        rl.io.to_state_dict(CELL.initial_parameters(0, runs=4))
    with pytest.raises(ValueError, match=r"bias_ih_l0 has shape .*; it must have one axis"):
        rl.io.to_state_dict(PARAMS | {"bias_ih_l0": np.ones((12, 1))})
    with pytest.raises(ValueError, match="weight_ih_l0 has shape"):
        rl.io.to_state_dict({name: value.T for name, value in PARAMS.items()})
    with pytest.raises(ValueError, match="readout is 'fc' and params has no weight_out"):
        rl.io.to_state_dict(rl.cells.GRU(inputs=1, hidden=2).initial_parameters(0), readout="fc")


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
    with pytest.raises(ValueError, match=r"state has no x.weight_hh_l0; it has decoder.rnn.bias_hh_l0, "):
        rl.io.from_state_dict(two, prefix="x")
    with pytest.raises(ValueError, match=r"state has no out.weight, which readout='out' names; it has "):
        rl.io.from_state_dict(state, readout="out")
    with pytest.raises(ValueError, match="belongs to a second layer"):
        rl.io.from_state_dict(state | {"encoder.rnn.weight_hh_l1": np.ones(2)}, prefix="encoder.rnn")
    with pytest.raises(
        ValueError, match=r"fc.weight has shape \(8, 3, 3\); a read-out is a linear layer .* \(outputs, 3\)"
    ):
        rl.io.from_state_dict(state | {"fc.weight": np.ones((8, 3, 3))}, readout="fc")
    with pytest.raises(ValueError, match=r"fc.bias has shape \(2,\); it must be \(1,\)"):
        rl.io.from_state_dict(state | {"fc.bias": np.ones(2)}, readout="fc.")
    with pytest.raises(ValueError, match="state has no weight_hh_l0; it has bias_hh_l0"):
        rl.io.from_state_dict({"bias_hh_l0": np.ones(2)})


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight_out": np.ones(3)}, r"weight_out has shape \(3,\); it must be \(outputs, 3\)"),
        ({"weight_out": np.ones((1, 4))}, r"weight_out has shape \(1, 4\); it must be \(1, 3\) for LSTM"),
        ({"bias_ih_l0": None}, "params has no bias_ih_l0, which LSTM"),
        ({"bias_hh_l0": None}, "params has no bias_hh_l0, which LSTM"),
        ({"weight_out": None}, "params has no weight_out, which LSTM"),
        ({"c_0": np.ones(3)}, "params has no h_0, which LSTM"),
        ({"bias_ih_l0": np.ones(3)}, r"bias_ih_l0 has shape \(3,\); it must be \(12,\)"),
        ({"weight_ih_l0": np.ones((4, 12, 2))}, "what is known has"),
    ],
)
def test_parameters_that_do_not_fit_together(change: dict[str, Any], message: str) -> None:
    params = {name: value for name, value in (PARAMS | change).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        rl.io.cell_from_parameters(params)


def test_settings_that_the_parameters_tell() -> None:
    for activation in ("relu", "bogus"):
        with pytest.raises(ValueError, match=f"activation is '{activation}'"):
            rl.io.cell_from_parameters(PARAMS, activation=activation)
    with pytest.raises(ValueError, match="bias is False and params tells True; leave it out"):
        rl.io.cell_from_parameters(PARAMS, bias=False)
    with pytest.raises(TypeError, match="hidden is 'many'"):
        rl.io.cell_from_parameters(PARAMS, hidden="many")
    assert rl.io.cell_from_parameters(PARAMS, forget_bias=1.0, hidden=3) == rl.cells.LSTM(
        inputs=2, hidden=3, outputs=1, forget_bias=1.0
    )
    layer = {name: value for name, value in PARAMS.items() if name.endswith("_l0")}
    assert rl.io.cell_from_parameters(layer, outputs=1) == CELL


def test_the_cell_of_a_dataset() -> None:
    for dataset in (networks(), networks().transpose(), networks().isel(run=0).expand_dims(w=2).transpose()):
        assert rl.io.cell_from_parameters(dataset) == CELL
