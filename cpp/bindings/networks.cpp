// Many small networks at once, one a lane: states, losses and gradients.
#include "bindings/networks.hpp"

#include <algorithm>
#include <type_traits>

#include "bindings/bindings.hpp"
#include "bindings/threads.hpp"
#include "drivers/network_blocks.hpp"

namespace rnnlatch::bindings {
namespace {

template <class T>
using LanesOf = Twice<std::conditional_t<std::is_same_v<T, float>, f32, f64>>;

py::dict network_forward(const NetworkArguments& arguments, int threads) {
    return in_its_type(arguments, [&](auto type) {
        using T = decltype(type);
        using V = LanesOf<T>;
        const NetworkCall<T> call(arguments, false);
        const NetworkShape& shape = call.problem.shape;
        const auto runs = static_cast<py::ssize_t>(shape.runs), batch = static_cast<py::ssize_t>(shape.batch);
        const auto length = static_cast<py::ssize_t>(shape.length);
        NetworkResults<T> results;
        py::dict out;
        const auto add = [&](const char* name, std::size_t features) {
            auto array = new_array<T>({runs, batch, length, static_cast<py::ssize_t>(features)}, call.run_fastest);
            out[name] = array;
            return view_of_new(array);
        };
        results.states[0] = add("h", shape.hidden);
        if (shape.states > 1) results.states[1] = add("c", shape.hidden);
        if (shape.outputs) {
            results.output = add("output", shape.outputs);
        } else if (shape.read_unit < 0) {
            out["output"] = out["h"];
        } else {
            out["output"] =
                out["h"][py::make_tuple(py::ellipsis(), py::slice(shape.read_unit, shape.read_unit + 1, 1))];
        }
        const auto cell = cell_in_lanes<V>(call.structure.kind, call.structure.activation, call.problem.shape.hidden);
        Work work(groups_of_lanes<V>(shape.runs));
        run(
            threads, work, py::none(), [&] { network_states<V>(call.problem, cell, work, results); },
            shape.operations());
        return out;
    });
}

py::dict network_gradient(const NetworkArguments& arguments, int threads) {
    return in_its_type(arguments, [&](auto type) {
        using T = decltype(type);
        using V = LanesOf<T>;
        const NetworkCall<T> call(arguments, true);
        const NetworkShape& shape = call.problem.shape;
        NetworkResults<T> results;
        py::array_t<T> loss(static_cast<py::ssize_t>(shape.runs));
        results.loss = view_of_new(loss);
        py::dict out;
        out["loss"] = loss;
        out["gradient"] = call.new_parameters(arguments.parameters, results.gradient);
        const py::dict initial = call.new_initial_gradient(arguments.initial, results.initial_gradient);
        if (!initial.empty()) out["initial_gradient"] = initial;
        const auto cell = cell_in_lanes<V>(call.structure.kind, call.structure.activation, call.problem.shape.hidden);
        const std::size_t groups = groups_of_a_bundle<V>(shape.runs, std::max(threads, 1));
        Work work(bundles_of_groups<V>(shape.runs, groups));
        run(
            threads, work, py::none(), [&] { network_gradients<V>(call.problem, cell, groups, work, results); },
            shape.operations());
        return out;
    });
}

}  // namespace

void bind_networks(py::module_& m) {
    using namespace py::literals;
    m.def(
        "network_forward",
        [](const Described& structure, const Arrays<void>& parameters, const NDArray<void>& inputs,
           const Optional<NDArray<std::int64_t>>& lengths, const Optional<Arrays<void>>& initial, int threads,
           const Optional<NDArray<std::uint8_t>>& same_step) -> ArrayResults<void> {
            return network_forward({structure, parameters, inputs, py::none(), py::none(), lengths, initial, same_step},
                                   threads);
        },
        "structure"_a, "parameters"_a, "inputs"_a, "lengths"_a, "initial"_a, "threads"_a, "same_step"_a = py::none(),
        "States (run, batch, time, hidden) of many networks, and the outputs of their readout.");
    m.def(
        "network_gradient",
        [](const Described& structure, const Arrays<void>& parameters, const NDArray<void>& inputs,
           const NDArray<void>& targets, const Optional<NDArray<void>>& mask,
           const Optional<NDArray<std::int64_t>>& lengths, const Optional<Arrays<void>>& initial, int threads,
           const Optional<NDArray<std::uint8_t>>& same_step) -> Results<Any> {
            return network_gradient({structure, parameters, inputs, targets, mask, lengths, initial, same_step},
                                    threads);
        },
        "structure"_a, "parameters"_a, "inputs"_a, "targets"_a, "mask"_a, "lengths"_a, "initial"_a, "threads"_a,
        "same_step"_a = py::none(), "Losses of many networks, and their gradients by back-propagation through time.");
}

}  // namespace rnnlatch::bindings
