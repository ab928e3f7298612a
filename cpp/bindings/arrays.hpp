// Checks on what Python passes: arrays by dtype and shape, entries of the two dictionaries by name.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "bindings/types.hpp"
#include "lanes/philox.hpp"

namespace rnnlatch::bindings {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style>;

inline std::string describe(const std::vector<py::ssize_t>& shape) {
    std::string text = "(";
    for (std::size_t i = 0; i < shape.size(); ++i) {
        text += (i ? ", " : "") + (shape[i] < 0 ? std::string("n") : std::to_string(shape[i]));
    }
    return text + (shape.size() == 1 ? ",)" : ")");
}

// The array under its own dtype, never a silent conversion; -1 in the shape stands for any length.
template <class T>
Array<T> require(const py::handle& object, const std::string& name, const std::vector<py::ssize_t>& shape) {
    if (!py::isinstance<Array<T>>(object)) {
        throw py::type_error(name + " must be a C-contiguous NumPy array of dtype " +
                             py::str(py::dtype::of<T>()).template cast<std::string>());
    }
    auto array = py::reinterpret_borrow<Array<T>>(object);
    bool fits = array.ndim() == static_cast<py::ssize_t>(shape.size());
    for (std::size_t i = 0; fits && i < shape.size(); ++i) {
        fits = shape[i] < 0 || array.shape(static_cast<py::ssize_t>(i)) == shape[i];
    }
    if (!fits) {
        const std::vector<py::ssize_t> came(array.shape(), array.shape() + array.ndim());
        throw py::value_error(name + " has shape " + describe(came) + ", allowed is " + describe(shape));
    }
    return array;
}

// The same for a parameter whose type says it: what the signature promises is what is checked.
template <class T>
Array<T> require(const NDArray<T>& object, const std::string& name, const std::vector<py::ssize_t>& shape) {
    return require<T>(static_cast<const py::handle&>(object), name, shape);
}

inline py::handle entry(const py::dict& dictionary, const char* name) {
    if (!dictionary.contains(name)) throw py::key_error(name);
    return PyDict_GetItemString(dictionary.ptr(), name);
}

// A value from Python as a type of C++.
template <class T>
T converted(const py::handle& value, const std::string& name, const char* allowed) {
    try {
        return value.cast<T>();
    } catch (const py::cast_error&) {
        throw py::type_error(name + " is of type " + py::type::handle_of(value).attr("__name__").cast<std::string>() +
                             ", allowed are " + allowed);
    }
}

inline std::string text_of(const py::dict& dictionary, const char* name) {
    return converted<std::string>(entry(dictionary, name), name, "texts");
}

// An integer of the structure, between bounds.
inline std::int64_t integer(const py::dict& structure, const char* name, std::int64_t least,
                            std::int64_t most = std::numeric_limits<std::int64_t>::max()) {
    const auto value = converted<std::int64_t>(entry(structure, name), name, "integers of 64 bits");
    if (value < least || value > most) {
        throw py::value_error(std::string(name) + " is " + std::to_string(value) + ", allowed are integers from " +
                              std::to_string(least) + " to " + std::to_string(most));
    }
    return value;
}

inline Key key_words(const NDArray<std::uint32_t>& object) {
    const auto key = require(object, "key", {2});
    return {key.at(0), key.at(1)};
}

}  // namespace rnnlatch::bindings
