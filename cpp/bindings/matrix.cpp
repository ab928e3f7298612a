// matrix_forward and matrix_gradient: one network and a minibatch, from dictionaries of arrays to the matrix driver.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/matrix_networks.hpp"
#include "bindings/networks.hpp"
#include "drivers/matrix_run.hpp"

namespace rnnlatch::bindings {
namespace {

constexpr const char* state_names[most_states] = {"h", "c"};

// The arguments that both functions have, checked; the arrays stay alive with the objects they were found in.
template <class Scalar>
struct MatrixCall {
    Structure structure;
    Network<Scalar> network{};
    Minibatch<Scalar> batch{};
    bool initial_given, initial_learned = false;
    py::ssize_t hidden, sequences, steps;

    MatrixCall(const py::dict& dictionary, const py::dict& parameters, const py::handle& inputs,
               const py::handle& lengths, const py::object& initial)
        : structure(structure_of(dictionary)), initial_given(!initial.is_none()) {
        NetworkShape& shape = structure.shape;
        network = network_of<Scalar>(structure, [&](const char* name, const Shape& wanted) {
            return require<Scalar>(entry(parameters, name), name, wanted).data();
        });
        hidden = static_cast<py::ssize_t>(shape.hidden);
        const auto sequence = require<Scalar>(inputs, "inputs", {-1, -1, static_cast<py::ssize_t>(shape.inputs)});
        sequences = sequence.shape(0), steps = sequence.shape(1);
        if (sequences < 1 || steps < 1) throw py::value_error("inputs must have at least one sequence and one step");
        batch.size = static_cast<std::size_t>(sequences), batch.steps = static_cast<std::size_t>(steps);
        shape.runs = 1, shape.batch = batch.size, shape.length = batch.steps;
        require_numbers(shape);
        batch.inputs = sequence.data();
        if (!lengths.is_none()) set_lengths(require<std::int64_t>(lengths, "lengths", {sequences}));
        set_initial(parameters, initial);
    }

    void set_lengths(const Array<std::int64_t>& lengths) {
        batch.lengths = lengths.data();
        const bool fits = std::all_of(lengths.data(), lengths.data() + sequences,
                                      [this](std::int64_t length) { return length >= 0 && length <= steps; });
        if (!fits) throw py::value_error("lengths must be from 0 to " + std::to_string(steps));
    }

    // What is given goes before what is learned; otherwise the states start at zero.
    void set_initial(const py::dict& parameters, const py::object& initial) {
        const py::dict given = initial_given ? initial.cast<py::dict>() : py::dict();
        for (std::size_t state = 0; state < network.cell.states; ++state) {
            const char* name = initial_names[state];
            if (initial_given) {
                batch.initial[state] = require<Scalar>(entry(given, name), name, {sequences, hidden}).data();
                batch.initial_stride = network.hidden;
            } else if (parameters.contains(name)) {
                batch.initial[state] = require<Scalar>(entry(parameters, name), name, {hidden}).data();
                initial_learned = true;
            }
        }
    }

    py::ssize_t outputs() const { return static_cast<py::ssize_t>(network.output_size()); }
};

template <class Scalar>
Scalar* add_array(py::dict& out, const char* name, const Shape& shape) {
    const Array<Scalar> array(shape);
    out[name] = array;
    return const_cast<Scalar*>(array.data());
}

void check_threads(int threads) {
    if (threads < 1) throw py::value_error("threads is " + std::to_string(threads) + ", allowed are integers from 1");
}

void look_for_interrupt() {
    const py::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

template <class Scalar>
py::dict matrix_forward_of(const py::dict& structure, const py::dict& parameters, const py::handle& inputs,
                           const py::handle& lengths, const py::object& initial, int threads) {
    const MatrixCall<Scalar> call(structure, parameters, inputs, lengths, initial);
    const auto slots = static_cast<py::ssize_t>(call.network.cell.slots);
    py::dict out;
    Record<Scalar> record;
    for (std::size_t state = 0; state < call.network.cell.states; ++state) {
        record.states[state] = add_array<Scalar>(out, state_names[state], {call.sequences, call.steps, call.hidden});
    }
    record.output = add_array<Scalar>(out, "output", {call.sequences, call.steps, call.outputs()});
    record.pre_activation = add_array<Scalar>(out, "pre_activation", {call.sequences, call.steps, slots, call.hidden});
    const py::gil_scoped_release release;
    run_matrix_forward(call.network, call.batch, record, threads, look_for_interrupt);
    return out;
}

// Every class that is read; the targets of steps before a sequence begins may be anything.
template <class Scalar>
void check_classes(const Minibatch<Scalar>& batch, const Targets<Scalar>& targets, std::int64_t outputs) {
    for (std::size_t b = 0; b < batch.size; ++b) {
        for (std::size_t t = targets.every ? batch.begin(b) : batch.steps - 1; t < batch.steps; ++t) {
            const std::int64_t wanted = targets.classes[targets.every ? b * batch.steps + t : b];
            if (wanted >= 0 && wanted < outputs) continue;
            throw py::value_error("targets has class " + std::to_string(wanted) + ", allowed are integers from 0 to " +
                                  std::to_string(outputs - 1));
        }
    }
}

template <class Scalar>
py::dict matrix_gradient_of(const py::dict& structure, const py::dict& parameters, const py::handle& inputs,
                            const py::handle& targets, const py::handle& mask, const py::handle& lengths,
                            const py::object& initial, int threads, std::int64_t truncate, bool keep) {
    const MatrixCall<Scalar> call(structure, parameters, inputs, lengths, initial);
    const Network<Scalar>& network = call.network;
    const auto slots = static_cast<py::ssize_t>(network.cell.slots),
               states = static_cast<py::ssize_t>(network.cell.states);
    if (truncate < 0)
        throw py::value_error("truncate is " + std::to_string(truncate) + ", allowed are integers from 0");

    Targets<Scalar> wanted{};
    wanted.loss = call.structure.shape.loss;
    wanted.every = call.structure.shape.every;
    Shape terms{call.sequences};
    if (wanted.every) terms.push_back(call.steps);
    if (!mask.is_none()) wanted.weights = require<Scalar>(mask, "mask", terms).data();
    if (wanted.loss == Loss::softmax_cross_entropy) {
        const auto classes = require<std::int64_t>(targets, "targets", terms);
        wanted.classes = classes.data();
        check_classes(call.batch, wanted, call.outputs());
    } else {
        Shape shape = terms;
        shape.push_back(call.outputs());
        wanted.values = require<Scalar>(targets, "targets", shape).data();
    }

    py::dict out, gradients, initial_gradients;
    const auto like = [&](const char* name, const Scalar* parameter) -> Scalar* {
        if (!parameter) return nullptr;
        const auto array = py::reinterpret_borrow<py::array>(entry(parameters, name));
        return add_array<Scalar>(gradients, name, {array.shape(), array.shape() + array.ndim()});
    };
    const NetworkGradient<Scalar> to{like("weight_ih_l0", network.weight_ih), like("weight_hh_l0", network.weight_hh),
                                     like("bias_ih_l0", network.bias_ih),     like("bias_hh_l0", network.bias_hh),
                                     like("weight_out", network.weight_out),  like("bias_out", network.bias_out)};
    Record<Scalar> record;
    std::array<Scalar*, most_states> learned{};
    for (std::size_t state = 0; state < network.cell.states; ++state) {
        if (parameters.contains(initial_names[state])) {
            learned[state] = add_array<Scalar>(gradients, initial_names[state], {call.hidden});
        }
        if (call.initial_given || call.initial_learned) {
            record.initial_gradient[state] =
                add_array<Scalar>(initial_gradients, initial_names[state], {call.sequences, call.hidden});
        }
        if (keep) {
            record.states[state] =
                add_array<Scalar>(out, state_names[state], {call.sequences, call.steps, call.hidden});
        }
    }
    if (keep) {
        const Shape shape{call.sequences, call.steps, slots, call.hidden};
        record.pre_activation = add_array<Scalar>(out, "pre_activation", shape);
        record.delta = add_array<Scalar>(out, "delta", shape);
        record.state_gradient =
            add_array<Scalar>(out, "state_gradient", {call.sequences, call.steps, states, call.hidden});
    }

    double loss = 0;
    {
        const py::gil_scoped_release release;
        loss = run_matrix_gradient(network, call.batch, wanted, static_cast<std::size_t>(truncate), record, to, threads,
                                   look_for_interrupt);
        for (std::size_t state = 0; state < network.cell.states; ++state) {
            if (!learned[state]) continue;
            std::fill_n(learned[state], network.hidden, Scalar{0});
            for (std::size_t place = 0; call.initial_learned && place < call.batch.size * network.hidden; ++place) {
                learned[state][place % network.hidden] += record.initial_gradient[state][place];
            }
        }
    }
    out["loss"] = loss;
    out["gradient"] = gradients;
    if (call.initial_given) out["initial_gradient"] = initial_gradients;
    return out;
}

// Float64 or float32, as the inputs are; every other array is asked for in the same type.
bool single_precision(const py::handle& inputs) { return py::isinstance<py::array_t<float>>(inputs); }

ArrayResults<void> matrix_forward(const Described& structure, const Arrays<void>& parameters,
                                  const NDArray<void>& inputs, const Optional<NDArray<std::int64_t>>& lengths,
                                  const Optional<Arrays<void>>& initial, int threads) {
    check_threads(threads);
    return single_precision(inputs)
               ? matrix_forward_of<float>(structure, parameters, inputs, lengths, initial, threads)
               : matrix_forward_of<double>(structure, parameters, inputs, lengths, initial, threads);
}

Results<Any> matrix_gradient(const Described& structure, const Arrays<void>& parameters, const NDArray<void>& inputs,
                             const NDArray<void>& targets, const Optional<NDArray<void>>& mask,
                             const Optional<NDArray<std::int64_t>>& lengths, const Optional<Arrays<void>>& initial,
                             int threads, std::int64_t truncate, bool keep) {
    check_threads(threads);
    return single_precision(inputs) ? matrix_gradient_of<float>(structure, parameters, inputs, targets, mask, lengths,
                                                                initial, threads, truncate, keep)
                                    : matrix_gradient_of<double>(structure, parameters, inputs, targets, mask, lengths,
                                                                 initial, threads, truncate, keep);
}

}  // namespace

void bind_matrix(py::module_& m) {
    using namespace py::literals;
    m.def("matrix_forward", &matrix_forward, "structure"_a, "parameters"_a, "inputs"_a, "lengths"_a = py::none(),
          "initial"_a = py::none(), "threads"_a = 1);
    m.def("matrix_gradient", &matrix_gradient, "structure"_a, "parameters"_a, "inputs"_a, "targets"_a,
          "mask"_a = py::none(), "lengths"_a = py::none(), "initial"_a = py::none(), "threads"_a = 1, "truncate"_a = 0,
          "keep"_a = false);
}

}  // namespace rnnlatch::bindings
