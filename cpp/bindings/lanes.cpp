// The elementary functions of the lanes on arrays.
#include <pybind11/numpy.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "bindings/bindings.hpp"
#include "bindings/types.hpp"
#include "lanes/finite.hpp"
#include "lanes/math.hpp"
#include "lanes/math32.hpp"
#include "lanes/twice.hpp"

namespace rnnlatch::bindings {
namespace {

template <class Scalar>
using Contiguous = py::array_t<Scalar, py::array::c_style | py::array::forcecast>;

// A float array in any memory order; other types are refused, since to convert them would hide what precision was computed
// in.
py::array float_array(const py::object& x) {
    const py::array array = py::array::ensure(x);
    if (!array) {
        PyErr_Clear();
        throw py::type_error("x must be an array of dtype float64 or float32, got " +
                             py::type::of(x).attr("__name__").cast<std::string>());
    }
    if (array.dtype().kind() != 'f' || (array.itemsize() != sizeof(double) && array.itemsize() != sizeof(float))) {
        throw py::type_error("x must be an array of dtype float64 or float32, got dtype " +
                             py::str(array.dtype()).cast<std::string>());
    }
    return array;
}

// Packs side by side, to hide the latency of the formulas.
using Group64 = Twice<Twice<f64>>;
using Group32 = Twice<Twice<f32>>;

// The last elements go through the same code in a padded group, so that an element's place never changes its value.
template <class G, G (*function)(G), class Scalar>
void apply(const Scalar* from, Scalar* to, std::size_t count) {
    using M = Memory<G>;
    constexpr std::size_t lanes = sizeof(G) / sizeof(Scalar);
    const std::size_t whole = count - count % lanes;
    for (std::size_t i = 0; i < whole; i += lanes) M::store(to + i, function(M::load(from + i)));
    if (whole == count) return;
    Scalar padded[lanes] = {};
    std::copy(from + whole, from + count, padded);
    M::store(padded, function(M::load(padded)));
    std::copy(padded, padded + (count - whole), to + whole);
}

template <class Scalar, class G, G (*function)(G)>
py::array map_as(const py::array& x) {
    constexpr std::size_t large = 16384;  // elements: some 20 microseconds; for less the lock is not worth giving away
    const Contiguous<Scalar> from(x);
    py::array_t<Scalar> to(std::vector<py::ssize_t>(from.shape(), from.shape() + from.ndim()));
    const Scalar* source = from.data();
    Scalar* target = to.mutable_data();
    const auto count = static_cast<std::size_t>(from.size());
    std::optional<py::gil_scoped_release> released;
    if (count >= large) released.emplace();
    apply<G, function>(source, target, count);
    return to;
}

template <Group64 (*in_double)(Group64), Group32 (*in_single)(Group32)>
NDArray<void> map(const ArrayLike& x) {
    const py::array array = float_array(x);
    return array.itemsize() == sizeof(double) ? map_as<double, Group64, in_double>(array)
                                              : map_as<float, Group32, in_single>(array);
}

// An axis of an array: numbers, and how far apart they are.
struct Axis {
    py::ssize_t count, stride;
};

// Over an array of any strides: its axes from the longest stride to the shortest, those that follow each other in memory
// as one.
template <class Pack, class Scalar>
bool all_finite_over(const Scalar* from, const Axis* axis, const Axis* end) {
    if (axis == end) return all_finite<Pack>(from, 1);
    if (axis + 1 == end && axis->stride == 1) return all_finite<Pack>(from, static_cast<std::size_t>(axis->count));
    for (py::ssize_t i = 0; i < axis->count; ++i) {
        if (!all_finite_over<Pack>(from + i * axis->stride, axis + 1, end)) return false;
    }
    return true;
}

template <class Pack, class Scalar>
bool all_finite_as(const py::array& x) {
    constexpr py::ssize_t large = 1 << 16, size = sizeof(Scalar);  // as in map_as; a number takes less time here
    std::vector<Axis> axes;
    const auto* from = static_cast<const Scalar*>(x.data());
    for (py::ssize_t axis = 0; axis < x.ndim(); ++axis) {
        const py::ssize_t count = x.shape(axis), stride = x.strides(axis) / size;
        if (stride * size != x.strides(axis)) throw py::value_error("x is not aligned to its elements; pass a copy");
        if (count == 0) return true;
        if (count == 1 || stride == 0) continue;
        if (stride < 0) from += (count - 1) * stride;
        axes.push_back({count, std::abs(stride)});
    }
    std::sort(axes.begin(), axes.end(), [](const Axis& a, const Axis& b) { return a.stride > b.stride; });
    std::vector<Axis> merged;
    for (const Axis& axis : axes) {
        if (!merged.empty() && merged.back().stride == axis.count * axis.stride) {
            merged.back() = {merged.back().count * axis.count, axis.stride};
        } else {
            merged.push_back(axis);
        }
    }
    std::optional<py::gil_scoped_release> released;
    if (x.size() >= large) released.emplace();
    return all_finite_over<Pack>(from, merged.data(), merged.data() + merged.size());
}

bool all_finite_of(const ArrayLike& x) {
    const py::array array = float_array(x);
    if (!array.dtype().attr("isnative").cast<bool>()) throw py::value_error("x must be in native byte order");
    return array.itemsize() == sizeof(double) ? all_finite_as<f64, double>(array) : all_finite_as<f32, float>(array);
}

}  // namespace

void bind_lanes(py::module_& m) {
    m.def("all_finite", &all_finite_of, py::arg("x"),
          "Whether a float64 or float32 array of any shape and strides has neither NaN nor infinity.");
    m.def("tanh", &map<rnnlatch::tanh<Group64>, rnnlatch::tanh<Group32>>, py::arg("x"),
          "tanh(x) of a float64 or float32 array of any shape, as the engine computes it.");
    m.def("exp", &map<rnnlatch::exp<Group64>, rnnlatch::exp<Group32>>, py::arg("x"),
          "exp(x) of a float array of any shape.");
    m.def("logistic", &map<rnnlatch::logistic<Group64>, rnnlatch::logistic<Group32>>, py::arg("x"),
          "1 / (1 + exp(-x)) of a float array of any shape.");
    m.def("tanh_derivative", &map<rnnlatch::tanh_derivative<Group64>, rnnlatch::tanh_derivative<Group32>>, py::arg("x"),
          "1 - tanh(x)**2 of a float array of pre-activations of any shape, without cancellation.");
}

}  // namespace rnnlatch::bindings
