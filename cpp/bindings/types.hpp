// What parameters and results are called in the signatures that pybind11 writes, of which the stubs are made. A name is not a
// check: a parameter's is in its function, with a sentence that says more than a list of signatures (`require` and its like).
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/typing.h>

#include <cstdint>

namespace rnnlatch::bindings {

namespace py = pybind11;

constexpr bool any_object(PyObject*) { return true; }

// An array of T; of any type where T is void.
template <class T>
class NDArray : public py::object {
    PYBIND11_OBJECT_DEFAULT(NDArray, py::object, any_object)
};

// Whatever NumPy makes an array of.
class ArrayLike : public py::object {
    PYBIND11_OBJECT_DEFAULT(ArrayLike, py::object, any_object)
};

class Any : public py::object {
    PYBIND11_OBJECT_DEFAULT(Any, py::object, any_object)
};

// A T or None. Unlike py::typing::Optional it counts no reference to the type of what comes.
template <class T>
class Optional : public py::object {
    PYBIND11_OBJECT_DEFAULT(Optional, py::object, any_object)
};

// One of the texts or integers that Names::name lists.
template <class Names>
class Literal : public py::object {
    PYBIND11_OBJECT_DEFAULT(Literal, py::object, any_object)
};

// A dictionary with texts for keys that is only read. `dict[str, int | str]` would refuse a `dict[str, int]`.
template <class T>
class Mapping : public py::dict {
    using py::dict::dict;
};

using Described = Mapping<py::typing::Union<py::int_, py::str>>;
using Numbers = Mapping<py::float_>;
template <class T>
using Arrays = Mapping<NDArray<T>>;
using Progress = Optional<py::typing::Callable<py::object(int)>>;

template <class T>
using Results = py::typing::Dict<py::str, T>;
template <class T>
using ArrayResults = Results<NDArray<T>>;

}  // namespace rnnlatch::bindings

namespace pybind11::detail {

template <class T>
struct handle_type_name<rnnlatch::bindings::NDArray<T>> {
    static constexpr auto name = const_name("numpy.typing.NDArray[") + npy_format_descriptor<T>::name + const_name("]");
};

template <>
struct handle_type_name<rnnlatch::bindings::NDArray<void>> {
    static constexpr auto name = const_name("numpy.typing.NDArray[typing.Any]");
};

template <>
struct handle_type_name<rnnlatch::bindings::ArrayLike> {
    static constexpr auto name = const_name("numpy.typing.ArrayLike");
};

template <>
struct handle_type_name<rnnlatch::bindings::Any> {
    static constexpr auto name = const_name("typing.Any");
};

template <class T>
struct handle_type_name<rnnlatch::bindings::Optional<T>> {
    static constexpr auto name = make_caster<T>::name + const_name(" | None");
};

template <class Names>
struct handle_type_name<rnnlatch::bindings::Literal<Names>> {
    static constexpr auto name = const_name("typing.Literal[") + const_name(Names::name) + const_name("]");
};

template <class T>
struct handle_type_name<rnnlatch::bindings::Mapping<T>> {
    static constexpr auto name = const_name("collections.abc.Mapping[str, ") + make_caster<T>::name + const_name("]");
};

}  // namespace pybind11::detail
