// More than gradients of many small networks: Hessian-vector products, curvature, real-time recurrent learning.
#include <utility>

#include "bindings/bindings.hpp"
#include "bindings/networks.hpp"
#include "bindings/threads.hpp"
#include "drivers/network_blocks.hpp"
#include "gradients/curvature.hpp"
#include "gradients/rtrl.hpp"
#include "lanes/dual.hpp"

namespace rnnlatch::bindings {
namespace {

// Arrays of float32 as float64, and everything else as it is.
py::object array_as_double(const py::object& object) {
    return py::isinstance<py::array_t<float>>(object) ? object.attr("astype")("float64") : object;
}

// The same, and for the values of a dictionary.
py::object as_double(const py::object& object) {
    if (!py::isinstance<py::dict>(object)) return array_as_double(object);
    py::dict out;
    for (const auto& [name, value] : object.cast<py::dict>()) {
        out[name] = array_as_double(py::reinterpret_borrow<py::object>(value));
    }
    return out;
}

py::object as_single(const py::object& object) {
    if (!py::isinstance<py::dict>(object)) return object.attr("astype")("float32");
    py::dict out;
    for (const auto& [name, value] : object.cast<py::dict>()) {
        out[name] = as_single(py::reinterpret_borrow<py::object>(value));
    }
    return out;
}

// f(arguments, others) in double; where the arrays are float32 its results are rounded to that. For analyses, whose second
// derivatives deserve the digits, and which then need one build of their code instead of two.
template <class F>
py::dict in_double(NetworkArguments arguments, py::dict others, F f) {
    if (!py::isinstance<py::array_t<float>>(entry(arguments.parameters, "weight_hh_l0"))) return f(arguments, others);
    arguments.parameters = as_double(arguments.parameters);
    others = as_double(others);
    for (py::object* each : {&arguments.inputs, &arguments.targets, &arguments.mask, &arguments.initial}) {
        *each = as_double(*each);
    }
    return as_single(f(arguments, others));
}

py::dict network_hessian_vector(const NetworkArguments& given, const py::dict& along, int threads) {
    return in_double(given, along, [threads](const NetworkArguments& arguments, const py::dict& directions) {
        using V = Dual<Twice<f64>>;
        const NetworkCall<double> call(arguments, true);
        const auto views = call.views_of(directions);
        NetworkResults<double> results;
        NetworkViews<double> product;
        py::dict out;
        out["gradient"] = call.new_parameters(arguments.parameters, results.gradient);
        out["product"] = call.new_parameters(arguments.parameters, product);
        const py::dict unused = call.new_initial_gradient(arguments.initial, results.initial_gradient);
        const auto cell = cell_in_lanes<V>(call.structure.kind, call.structure.activation, call.problem.shape.hidden);
        Work work(groups_of_lanes<V>(call.problem.shape.runs));
        run(threads, work, py::none(),
            [&] { network_gradient_derivatives<V>(call.problem, cell, work, results, views, product); });
        return out;
    });
}

py::dict network_curvature(const NetworkArguments& given, int threads, bool second_order, bool by_step) {
    return in_double(given, {}, [=](const NetworkArguments& arguments, const py::dict&) {
        using V = Twice<f64>;
        const NetworkCall<double> call(arguments, true);
        const NetworkShape& shape = call.problem.shape;
        NetworkResults<double> results;
        CurvatureResults<double> curvature;
        py::dict out;
        out["gradient"] = call.new_parameters(arguments.parameters, results.gradient);
        out["curvature"] = call.new_parameters(arguments.parameters, curvature.sum);
        if (by_step) {
            py::dict recurrent;  // an initial state has no steps
            for (const auto& [name, value] : arguments.parameters) {
                const auto word = converted<std::string>(name, "the name of a parameter", "texts");
                if (word != initial_names[0] && word != initial_names[1]) recurrent[name] = value;
            }
            const Shape steps = {static_cast<py::ssize_t>(shape.batch), static_cast<py::ssize_t>(shape.length)};
            out["curvature_by_step"] = call.new_parameters(recurrent, curvature.by_step, steps);
        }
        const py::dict unused = call.new_initial_gradient(arguments.initial, results.initial_gradient);
        const auto [kind, activation, rest] = call.structure;
        const auto cell = cell_in_lanes<V>(kind, activation, shape.hidden);
        const auto unit = unit_derivatives<V>(kind, activation);
        Work work(groups_of_lanes<V>(shape.runs));
        run(threads, work, py::none(),
            [&] { network_curvatures<V>(call.problem, cell, unit, second_order, work, results, curvature); });
        return out;
    });
}

py::dict network_rtrl(const NetworkArguments& given, int threads) {
    std::size_t influences = 0;
    py::dict result = in_double(given, {}, [&](const NetworkArguments& arguments, const py::dict&) {
        using V = Twice<f64>;
        const NetworkCall<double> call(arguments, true);
        NetworkResults<double> results;
        py::array_t<double> loss(static_cast<py::ssize_t>(call.problem.shape.runs));
        results.loss = view_of_new(loss);
        py::dict out;
        out["loss"] = loss;
        out["gradient"] = call.new_parameters(arguments.parameters, results.gradient);
        const py::dict initial = call.new_initial_gradient(arguments.initial, results.initial_gradient);
        if (!initial.empty()) out["initial_gradient"] = initial;
        const auto cell = cell_in_lanes<V>(call.structure.kind, call.structure.activation, call.problem.shape.hidden);
        const auto unit = unit_derivatives<V>(call.structure.kind, call.structure.activation);
        influences = InfluenceLanes<V>(call.problem, cell, unit).influences();
        Work work(groups_of_lanes<V>(call.problem.shape.runs));
        run(threads, work, py::none(), [&] { network_influences<V>(call.problem, cell, unit, work, results); });
        return out;
    });
    result["influences"] = influences;
    return result;
}

}  // namespace

void bind_network_analyses(py::module_& m) {
    using namespace py::literals;
    m.def(
        "network_hessian_vector",
        [](const Described& structure, const Arrays<void>& parameters, const Arrays<void>& directions,
           const NDArray<void>& inputs, const NDArray<void>& targets, const Optional<NDArray<void>>& mask,
           const Optional<NDArray<std::int64_t>>& lengths, const Optional<Arrays<void>>& initial, int threads,
           const Optional<NDArray<std::uint8_t>>& same_step) -> Results<ArrayResults<void>> {
            return network_hessian_vector({structure, parameters, inputs, targets, mask, lengths, initial, same_step},
                                          directions, threads);
        },
        "structure"_a, "parameters"_a, "directions"_a, "inputs"_a, "targets"_a, "mask"_a, "lengths"_a, "initial"_a,
        "threads"_a, "same_step"_a = py::none(),
        "Gradients of many networks, and their exact derivatives in directions: products of Hessian and vector.");
    m.def(
        "network_curvature",
        [](const Described& structure, const Arrays<void>& parameters, const NDArray<void>& inputs,
           const NDArray<void>& targets, const Optional<NDArray<void>>& mask,
           const Optional<NDArray<std::int64_t>>& lengths, const Optional<Arrays<void>>& initial, int threads,
           bool second_order, bool by_step,
           const Optional<NDArray<std::uint8_t>>& same_step) -> Results<ArrayResults<void>> {
            return network_curvature({structure, parameters, inputs, targets, mask, lengths, initial, same_step},
                                     threads, second_order, by_step);
        },
        "structure"_a, "parameters"_a, "inputs"_a, "targets"_a, "mask"_a, "lengths"_a, "initial"_a, "threads"_a,
        "second_order"_a, "by_step"_a = true, "same_step"_a = py::none(),
        "Diagonal second derivatives of many networks by the recursion of Becker and LeCun, and gradients.");
    m.def(
        "network_rtrl",
        [](const Described& structure, const Arrays<void>& parameters, const NDArray<void>& inputs,
           const NDArray<void>& targets, const Optional<NDArray<void>>& mask,
           const Optional<NDArray<std::int64_t>>& lengths, const Optional<Arrays<void>>& initial, int threads,
           const Optional<NDArray<std::uint8_t>>& same_step) -> Results<Any> {
            return network_rtrl({structure, parameters, inputs, targets, mask, lengths, initial, same_step}, threads);
        },
        "structure"_a, "parameters"_a, "inputs"_a, "targets"_a, "mask"_a, "lengths"_a, "initial"_a, "threads"_a,
        "same_step"_a = py::none(),
        "Losses and gradients of many networks by real-time recurrent learning; `influences`: the numbers carried.");
}

}  // namespace rnnlatch::bindings
