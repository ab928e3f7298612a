// What one call computes with many networks, and where its numbers are: sizes, switches, views of arrays.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "drivers/lane_losses.hpp"
#include "drivers/lane_rows.hpp"

namespace rnnlatch {

struct NetworkShape {
    std::size_t inputs, hidden, outputs;  // outputs 0: no readout
    std::ptrdiff_t read_unit;             // without a readout: the unit that the loss sees, -1 for all
    std::size_t gates, states;            // of the cell
    bool diagonal, bias, bias_out;
    Loss loss;
    bool every;  // the loss is taken at every step, not only at the last
    std::size_t runs, batch, length;

    // The numbers that the loss compares with its target.
    std::size_t judged() const { return outputs ? outputs : read_unit >= 0 ? 1 : hidden; }
    std::size_t targets() const { return loss == Loss::softmax_cross_entropy ? 1 : judged(); }
    std::size_t judgements() const { return every ? length : 1; }
    // Multiplications and additions of all losses and gradients, about.
    double operations() const {
        const auto sources = static_cast<double>((diagonal ? 1 : hidden) + inputs);
        return 6 * sources * static_cast<double>(gates * hidden) * static_cast<double>(runs * batch) *
               static_cast<double>(length);
    }
};

// The parameters, or anything shaped like them; what there is none of has no data.
template <class T>
struct NetworkViews {
    View<T> weight_ih, weight_hh, bias_ih, bias_hh, weight_out, bias_out;
    View<T> initial[2];  // learned initial states, one a state of the cell: (run, hidden)
};

// Where the parameters stand in a buffer of rows.
struct ParameterRows {
    std::size_t weight_ih, weight_hh, bias_ih, bias_hh, weight_out, bias_out, initial, count;

    explicit ParameterRows(const NetworkShape& shape) {
        const std::size_t units = shape.gates * shape.hidden;
        std::size_t next = 0;
        const auto take = [&next](std::size_t rows) { return std::exchange(next, next + rows); };
        weight_ih = take(units * shape.inputs);
        weight_hh = take(units * (shape.diagonal ? 1 : shape.hidden));
        bias_ih = take(units);
        bias_hh = take(units);
        weight_out = take(shape.outputs * shape.hidden);
        bias_out = take(shape.outputs);
        initial = take(shape.states * shape.hidden);
        count = next;
    }
};

// f(view, rows before it, its own rows, its columns) for every parameter that there is.
template <class Views, class F>
void for_each_parameter(const NetworkShape& shape, Views& views, F f) {
    const ParameterRows at(shape);
    const std::size_t units = shape.gates * shape.hidden;
    const auto call = [&f](auto& view, std::size_t before, std::size_t rows, std::size_t columns) {
        if (view) f(view, before, rows, columns);
    };
    call(views.weight_ih, at.weight_ih, units, shape.inputs);
    call(views.weight_hh, at.weight_hh, units, shape.diagonal ? 1 : shape.hidden);
    call(views.bias_ih, at.bias_ih, units, 1);
    call(views.bias_hh, at.bias_hh, units, 1);
    call(views.weight_out, at.weight_out, shape.outputs, shape.hidden);
    call(views.bias_out, at.bias_out, shape.outputs, 1);
    for (std::size_t s = 0; s < shape.states; ++s) {
        call(views.initial[s], at.initial + s * shape.hidden, shape.hidden, 1);
    }
}

// T is the arrays' type.
template <class T>
struct NetworkProblem {
    NetworkShape shape;
    NetworkViews<const T> parameters;
    View<const T> inputs;                     // (run, batch, time, inputs)
    View<const T> targets;                    // (run, batch[, time][, outputs]); classes:
    View<const std::int64_t> classes;         // (run, batch[, time])
    View<const T> mask;                       // (run, batch[, time]): weights of the loss's terms
    View<const std::int64_t> lengths;         // (run, batch)
    View<const T> initial[2];                 // given initial states (run, batch, hidden)
    const std::uint8_t* same_step = nullptr;  // (hidden, hidden): unit i reads unit j of the same step
};

template <class T>
struct NetworkResults {
    View<T> loss;  // (run)
    NetworkViews<T> gradient;
    View<T> initial_gradient[2];  // where initial states were given
    View<T> states[2], output;    // (run, batch, time, hidden | outputs)
};

}  // namespace rnnlatch
