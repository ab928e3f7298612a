// The many networks of a call: from the structure and arrays of Python to views, and new arrays for what comes back.
#pragma once

#include <pybind11/numpy.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bindings/arrays.hpp"
#include "drivers/cell_in_lanes.hpp"
#include "drivers/network_problem.hpp"

namespace rnnlatch::bindings {

using Shape = std::vector<py::ssize_t>;

// An array of any strides, of which the first axis is the run's: `runs` long or, where the runs may share it, 1.
template <class T>
View<const T> view_of(const py::handle& object, const std::string& name, py::ssize_t runs, const Shape& rest,
                      bool shared = false) {
    if (!py::isinstance<py::array_t<T>>(object)) {
        throw py::type_error(name + " must be a NumPy array of dtype " +
                             py::str(py::dtype::of<T>()).template cast<std::string>());
    }
    const auto array = py::reinterpret_borrow<py::array_t<T>>(object);
    const Shape came(array.shape(), array.shape() + array.ndim());
    const bool one = !came.empty() && came[0] == 1 && shared;
    Shape wanted = {one ? 1 : runs};
    wanted.insert(wanted.end(), rest.begin(), rest.end());
    if (came != wanted) {
        throw py::value_error(name + " has shape " + describe(came) + ", allowed is " + describe(wanted));
    }
    constexpr auto size = static_cast<py::ssize_t>(sizeof(T));
    bool whole = reinterpret_cast<std::uintptr_t>(array.data()) % alignof(T) == 0;
    for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) whole = whole && array.strides(axis) % size == 0;
    if (!whole) throw py::value_error(name + " is not aligned to its elements; pass a copy");
    View<const T> view{array.data(), one || runs == 1 ? 0 : array.strides(0) / size};
    for (std::size_t axis = 0; axis < rest.size(); ++axis) {
        view.stride[axis] = array.strides(static_cast<py::ssize_t>(axis) + 1) / size;
    }
    return view;
}

// A new array with the run axis first in its shape, and where `run_fastest` last in memory.
template <class T>
py::array_t<T> new_array(const Shape& shape, bool run_fastest) {
    if (!run_fastest) return py::array_t<T>(shape);
    Shape strides(shape.size());
    strides[0] = sizeof(T);
    py::ssize_t next = static_cast<py::ssize_t>(sizeof(T)) * shape[0];
    for (std::size_t axis = shape.size(); axis-- > 1; next *= shape[axis]) strides[axis] = next;
    return py::array_t<T>(shape, strides);
}

template <class T>
View<T> view_of_new(py::array_t<T>& array) {
    constexpr auto size = static_cast<py::ssize_t>(sizeof(T));
    View<T> view{array.mutable_data(), array.strides(0) / size};
    for (py::ssize_t axis = 1; axis < std::min<py::ssize_t>(array.ndim(), 4); ++axis) {
        view.stride[axis - 1] = array.strides(axis) / size;
    }
    return view;
}

// Where a parameter of this name stands among the views; null for a name that is none.
template <class Views>
auto* parameter_view(Views& views, const std::string& name) {
    using Pointer = decltype(&views.weight_ih);
    const std::pair<const char*, Pointer> known[] = {
        {"weight_ih_l0", &views.weight_ih}, {"weight_hh_l0", &views.weight_hh}, {"bias_ih_l0", &views.bias_ih},
        {"bias_hh_l0", &views.bias_hh},     {"weight_out", &views.weight_out},  {"bias_out", &views.bias_out},
        {"h_0", &views.initial[0]},         {"c_0", &views.initial[1]},
    };
    for (const auto& [each, view] : known) {
        if (name == each) return view;
    }
    return Pointer{};
}

struct Structure {
    CellKind kind = CellKind::vanilla;
    Activation activation = Activation::tanh;
    NetworkShape shape{};
};

template <class Enum>
Enum one_of(const py::dict& structure, const char* key, const std::vector<std::pair<const char*, Enum>>& known) {
    const auto came = text_of(structure, key);
    std::string names;
    for (const auto& [name, value] : known) {
        if (came == name) return value;
        names += (names.empty() ? "'" : ", '") + std::string(name) + "'";
    }
    throw py::value_error(std::string(key) + " is '" + came + "', allowed are " + names);
}

// No machine holds that many, and what is multiplied with them, lanes and bytes, stays within 64 bits. Arrays without memory
// of their own, such as those of stride 0, let sizes through that no memory has limited.
inline void require_at_most_2_to(int power, double count, const char* what) {
    if (count <= std::ldexp(1.0, power)) return;
    throw py::value_error("the sizes make more than 2^" + std::to_string(power) + " " + what);
}

inline Structure structure_of(const py::dict& dictionary) {
    Structure structure;
    structure.kind = one_of<CellKind>(
        dictionary, "cell", {{"VanillaRNN", CellKind::vanilla}, {"LSTM", CellKind::lstm}, {"GRU", CellKind::gru}});
    if (structure.kind == CellKind::vanilla) {
        structure.activation = one_of<Activation>(dictionary, "activation",
                                                  {{"tanh", Activation::tanh},
                                                   {"logistic", Activation::logistic},
                                                   {"relu", Activation::relu},
                                                   {"linear", Activation::linear},
                                                   {"sign", Activation::sign}});
    }
    constexpr std::int64_t large = std::int64_t{1} << 20;
    NetworkShape& shape = structure.shape;
    shape.inputs = static_cast<std::size_t>(integer(dictionary, "inputs", 0, large));
    shape.hidden = static_cast<std::size_t>(integer(dictionary, "hidden", 1, large));
    shape.outputs = static_cast<std::size_t>(integer(dictionary, "outputs", 0, large));
    shape.read_unit = integer(dictionary, "read_unit", -1, static_cast<std::int64_t>(shape.hidden) - 1);
    shape.diagonal = integer(dictionary, "diagonal", 0, 1);
    shape.bias = integer(dictionary, "bias", 0, 1);
    shape.bias_out = shape.outputs && integer(dictionary, "bias_out", 0, 1);
    shape.loss = one_of<Loss>(dictionary, "loss",
                              {{"half_squared_error", Loss::half_squared_error},
                               {"softmax_cross_entropy", Loss::softmax_cross_entropy},
                               {"logistic_cross_entropy", Loss::logistic_cross_entropy}});
    shape.every = one_of<bool>(dictionary, "at", {{"last", false}, {"every", true}});
    if (shape.diagonal && structure.kind != CellKind::vanilla) {
        throw py::value_error("diagonal is 1, which is for a VanillaRNN");
    }
    shape.gates = structure.kind == CellKind::lstm ? 4 : structure.kind == CellKind::gru ? 3 : 1;
    shape.states = structure.kind == CellKind::lstm ? 2 : 1;
    const double sources = static_cast<double>(shape.inputs + (shape.diagonal ? 1 : shape.hidden));
    require_at_most_2_to(36, sources * static_cast<double>(shape.gates * shape.hidden), "weights");
    return structure;
}

// With the runs, the sequences and the steps of the call set.
inline void require_numbers(const NetworkShape& shape) {
    const double of_step = static_cast<double>(shape.inputs + shape.gates * shape.hidden + shape.outputs);
    const double steps =
        static_cast<double>(shape.runs) * static_cast<double>(shape.batch) * (static_cast<double>(shape.length) + 1);
    require_at_most_2_to(44, steps * of_step, "inputs, states and outputs of all steps together");
}

// Which units read which of the same step: data of the caller's array.
inline const std::uint8_t* lower_triangle(const py::object& object, const Structure& structure) {
    const auto hidden = static_cast<py::ssize_t>(structure.shape.hidden);
    const auto same_step = require<std::uint8_t>(object, "same_step", {hidden, hidden});
    bool lower = structure.kind == CellKind::vanilla && !structure.shape.diagonal;
    for (py::ssize_t i = 0; i < hidden; ++i) {
        for (py::ssize_t j = i; j < hidden; ++j) lower = lower && !same_step.at(i, j);
    }
    if (!lower) throw py::value_error("same_step must be strictly lower triangular, for a VanillaRNN");
    return same_step.data();
}

// The names and shapes (without the run axis) of the parameters that a structure has; learned initial states are extra.
inline std::vector<std::pair<std::string, Shape>> parameter_shapes(const NetworkShape& shape) {
    const auto hidden = static_cast<py::ssize_t>(shape.hidden), inputs = static_cast<py::ssize_t>(shape.inputs);
    const auto units = static_cast<py::ssize_t>(shape.gates) * hidden,
               outputs = static_cast<py::ssize_t>(shape.outputs);
    std::vector<std::pair<std::string, Shape>> shapes = {
        {"weight_ih_l0", {units, inputs}}, {"weight_hh_l0", shape.diagonal ? Shape{units} : Shape{units, hidden}}};
    if (shape.bias) shapes.insert(shapes.end(), {{"bias_ih_l0", {units}}, {"bias_hh_l0", {units}}});
    if (shape.outputs) shapes.push_back({"weight_out", {outputs, hidden}});
    if (shape.bias_out) shapes.push_back({"bias_out", {outputs}});
    return shapes;
}

inline constexpr const char* initial_names[2] = {"h_0", "c_0"};

// The same with the learned initial states that are there.
inline std::vector<std::pair<std::string, Shape>> parameter_shapes(const NetworkShape& shape,
                                                                   const py::dict& parameters) {
    auto all = parameter_shapes(shape);
    for (std::size_t s = 0; s < shape.states; ++s) {
        if (!parameters.contains(initial_names[s])) continue;
        all.push_back({initial_names[s], {static_cast<py::ssize_t>(shape.hidden)}});
    }
    return all;
}

// The parameters of `shape.runs` networks, or anything shaped like them, under their names.
template <class T>
NetworkViews<const T> parameter_views(const NetworkShape& shape, const py::dict& parameters) {
    NetworkViews<const T> views;
    for (const auto& [name, rest] : parameter_shapes(shape, parameters)) {
        View<const T>& view = *parameter_view(views, name);
        view = view_of<T>(entry(parameters, name.c_str()), name, static_cast<py::ssize_t>(shape.runs), rest);
        if (rest.size() == 1) view.stride[1] = 0;
    }
    return views;
}

// New arrays named and shaped like the parameters, with more axes after the run where wanted.
template <class T>
py::dict new_parameter_arrays(const NetworkShape& shape, const py::dict& parameters, NetworkViews<T>& views,
                              bool run_fastest, const Shape& more = {}) {
    py::dict out;
    for (const auto& [name, rest] : parameter_shapes(shape, parameters)) {
        Shape whole = {static_cast<py::ssize_t>(shape.runs)};
        whole.insert(whole.end(), more.begin(), more.end());
        whole.insert(whole.end(), rest.begin(), rest.end());
        auto array = new_array<T>(whole, run_fastest);
        *parameter_view(views, name) = view_of_new(array);
        out[name.c_str()] = array;
    }
    return out;
}

// The arguments that every function of many networks has.
struct NetworkArguments {
    py::dict structure, parameters;
    py::object inputs, targets, mask, lengths, initial, same_step;
};

template <class T>
class NetworkCall {
   public:
    Structure structure;
    NetworkProblem<T> problem;
    bool run_fastest = false;

    NetworkCall(const NetworkArguments& arguments, bool with_targets) : structure(structure_of(arguments.structure)) {
        NetworkShape& shape = problem.shape = structure.shape;
        const py::array inputs = any_array(arguments.inputs, "inputs", 4);
        const py::array recurrent =
            any_array(entry(arguments.parameters, "weight_hh_l0"), "weight_hh_l0", shape.diagonal ? 2 : 3);
        const py::ssize_t runs = recurrent.shape(0), batch = inputs.shape(1), length = inputs.shape(2);
        if (runs < 1 || batch < 1 || length < 1) {
            throw py::value_error("inputs and weight_hh_l0 must have at least one run, one sequence and one step");
        }
        shape.runs = static_cast<std::size_t>(runs);
        shape.batch = static_cast<std::size_t>(batch);
        shape.length = static_cast<std::size_t>(length);
        require_numbers(shape);
        run_fastest = runs > 1 && recurrent.strides(0) == recurrent.itemsize();
        problem.parameters = views_of(arguments.parameters);
        problem.inputs =
            view_of<T>(inputs, "inputs", runs, {batch, length, static_cast<py::ssize_t>(shape.inputs)}, true);
        if (!arguments.lengths.is_none()) {
            problem.lengths = view_of<std::int64_t>(arguments.lengths, "lengths", runs, {batch}, true);
            check_lengths(arguments.lengths, length);
        }
        set_initial(arguments.initial, runs, batch);
        if (!arguments.same_step.is_none()) problem.same_step = lower_triangle(arguments.same_step, structure);
        if (with_targets) set_targets(arguments, runs, batch, length);
    }

    // Parameters, or anything shaped like them, under their names.
    NetworkViews<const T> views_of(const py::dict& parameters) const {
        return parameter_views<T>(problem.shape, parameters);
    }

    // New arrays named and shaped like the parameters, with more axes after the run where wanted.
    py::dict new_parameters(const py::dict& parameters, NetworkViews<T>& views, const Shape& more = {}) const {
        return new_parameter_arrays<T>(problem.shape, parameters, views, run_fastest && more.empty(), more);
    }

    // New arrays (run, batch, hidden) for the gradients of given initial states.
    py::dict new_initial_gradient(const py::object& initial, View<T> (&views)[2]) const {
        py::dict out;
        if (initial.is_none()) return out;
        const NetworkShape& shape = problem.shape;
        for (std::size_t s = 0; s < shape.states; ++s) {
            auto array = new_array<T>({static_cast<py::ssize_t>(shape.runs), static_cast<py::ssize_t>(shape.batch),
                                       static_cast<py::ssize_t>(shape.hidden)},
                                      run_fastest);
            views[s] = view_of_new(array);
            out[initial_names[s]] = array;
        }
        return out;
    }

   private:
    static py::array any_array(const py::handle& object, const std::string& name, py::ssize_t axes) {
        if (!py::isinstance<py::array>(object)) throw py::type_error(name + " must be a NumPy array");
        auto array = py::reinterpret_borrow<py::array>(object);
        if (array.ndim() != axes) {
            throw py::value_error(name + " has " + std::to_string(array.ndim()) + " axes, allowed are " +
                                  std::to_string(axes));
        }
        return array;
    }

    static void check_lengths(const py::object& object, py::ssize_t most) {
        const auto lengths = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>::ensure(object);
        const bool fits = std::all_of(lengths.data(), lengths.data() + lengths.size(),
                                      [most](std::int64_t length) { return length >= 0 && length <= most; });
        if (!fits) throw py::value_error("lengths must be from 0 to " + std::to_string(most));
    }

    void set_initial(const py::object& initial, py::ssize_t runs, py::ssize_t batch) {
        if (initial.is_none()) return;
        const auto given = initial.cast<py::dict>();
        for (std::size_t s = 0; s < problem.shape.states; ++s) {
            problem.initial[s] = view_of<T>(entry(given, initial_names[s]), initial_names[s], runs,
                                            {batch, static_cast<py::ssize_t>(problem.shape.hidden)}, true);
        }
    }

    void set_targets(const NetworkArguments& arguments, py::ssize_t runs, py::ssize_t batch, py::ssize_t length) {
        const NetworkShape& shape = problem.shape;
        Shape terms = shape.every ? Shape{batch, length} : Shape{batch};
        if (!arguments.mask.is_none()) problem.mask = view_of<T>(arguments.mask, "mask", runs, terms, true);
        if (shape.loss == Loss::softmax_cross_entropy) {
            problem.classes = view_of<std::int64_t>(arguments.targets, "targets", runs, terms, true);
            return;
        }
        terms.push_back(static_cast<py::ssize_t>(shape.judged()));
        problem.targets = view_of<T>(arguments.targets, "targets", runs, terms, true);
    }
};

// f(T{}) for the type of the arrays, which weight_hh_l0 tells.
template <class F>
py::dict in_its_type(const NetworkArguments& arguments, F f) {
    const py::handle recurrent = entry(arguments.parameters, "weight_hh_l0");
    if (py::isinstance<py::array_t<float>>(recurrent)) return f(float{});
    return f(double{});
}

}  // namespace rnnlatch::bindings
