// The elementary functions of the lanes on arrays.
#include <pybind11/numpy.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "bindings/bindings.hpp"
#include "lanes/math.hpp"
#include "lanes/twice.hpp"

namespace rnnlatch::bindings {
namespace {

using Contiguous = py::array_t<double, py::array::c_style | py::array::forcecast>;

// Float64 in any memory order; other types are refused, since to convert them would hide what precision was computed in.
Contiguous float64_array(const py::object& x) {
    const py::array array = py::array::ensure(x);
    if (!array) {
        PyErr_Clear();
        throw py::type_error("x must be an array of dtype float64, got " +
                             py::type::of(x).attr("__name__").cast<std::string>());
    }
    if (array.dtype().kind() != 'f' || array.itemsize() != sizeof(double)) {
        throw py::type_error("x must be an array of dtype float64, got dtype " +
                             py::str(array.dtype()).cast<std::string>());
    }
    return Contiguous(array);
}

// Packs side by side, to hide the latency of the formulas.
using Group = Twice<Twice<f64>>;

// The last elements go through the same code in a padded group, so that an element's place never changes its value.
template <Group (*function)(Group)>
void apply(const double* from, double* to, std::size_t count) {
    using M = Memory<Group>;
    constexpr std::size_t lanes = sizeof(Group) / sizeof(double);
    const std::size_t whole = count - count % lanes;
    for (std::size_t i = 0; i < whole; i += lanes) M::store(to + i, function(M::load(from + i)));
    if (whole == count) return;
    double padded[lanes] = {};
    std::copy(from + whole, from + count, padded);
    M::store(padded, function(M::load(padded)));
    std::copy(padded, padded + (count - whole), to + whole);
}

template <Group (*function)(Group)>
py::array_t<double> map(const py::object& x) {
    constexpr std::size_t large = 16384;  // elements: some 20 microseconds; for less the lock is not worth giving away
    const Contiguous from = float64_array(x);
    py::array_t<double> to(std::vector<py::ssize_t>(from.shape(), from.shape() + from.ndim()));
    const double* source = from.data();
    double* target = to.mutable_data();
    const auto count = static_cast<std::size_t>(from.size());
    std::optional<py::gil_scoped_release> released;
    if (count >= large) released.emplace();
    apply<function>(source, target, count);
    return to;
}

}  // namespace

void bind_lanes(py::module_& m) {
    m.def("tanh", &map<rnnlatch::tanh<Group>>, py::arg("x"),
          "tanh(x) of a float64 array of any shape, as the engine computes it.");
    m.def("exp", &map<rnnlatch::exp<Group>>, py::arg("x"), "exp(x) of a float64 array of any shape.");
    m.def("logistic", &map<rnnlatch::logistic<Group>>, py::arg("x"),
          "1 / (1 + exp(-x)) of a float64 array of any shape.");
    m.def("tanh_derivative", &map<rnnlatch::tanh_derivative<Group>>, py::arg("x"),
          "1 - tanh(x)**2 of a float64 array of pre-activations of any shape, without cancellation.");
}

}  // namespace rnnlatch::bindings
