// One network on one sequence: its states, and at every step the partial derivatives of its cell.
//
// The analyses walk over long sequences of one network and spend their time in products of matrices, so a cell is known
// here by the two functions that they need, chosen once.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "cells/gru.hpp"
#include "cells/lstm.hpp"
#include "cells/vanilla_rnn.hpp"
#include "lanes/buffer.hpp"
#include "matrix/product.hpp"

namespace rnnlatch {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A cell over `units` units, a multiple of lanes64; arrays are (slots, units), (states, units) and so on.
struct CellFunctions {
    std::size_t states, gates, slots;
    const std::size_t *input_slot, *hidden_slot;
    void (*forward)(std::size_t units, const double* a, const double* previous, double* next);
    void (*partials)(std::size_t units, const double* a, const double* previous, double* by_slot, double* by_state);
};

namespace detail {

template <std::size_t count>
RNNLATCH_INLINE void gather(const double* from, std::size_t stride, f64 (&to)[count]) {
    for (std::size_t i = 0; i < count; ++i) to[i] = load<f64>(from + i * stride);
}

template <std::size_t count>
RNNLATCH_INLINE void scatter(const f64 (&from)[count], double* to, std::size_t stride) {
    for (std::size_t i = 0; i < count; ++i) store(to + i * stride, from[i]);
}

template <class Cell>
void forward(std::size_t units, const double* a, const double* previous, double* next) {
    for (std::size_t unit = 0; unit < units; unit += lanes64) {
        f64 slots[Cell::slots], before[Cell::states], after[Cell::states], kept[Cell::kept + 1];
        gather(a + unit, units, slots);
        gather(previous + unit, units, before);
        Cell::forward(slots, before, after, kept);
        scatter(after, next + unit, units);
    }
}

template <class Cell>
void partials(std::size_t units, const double* a, const double* previous, double* by_slot, double* by_state) {
    for (std::size_t unit = 0; unit < units; unit += lanes64) {
        f64 slots[Cell::slots], before[Cell::states];
        f64 slot_part[Cell::states * Cell::slots], state_part[Cell::states * Cell::states];
        gather(a + unit, units, slots);
        gather(previous + unit, units, before);
        Cell::partials(slots, before, slot_part, state_part);
        scatter(slot_part, by_slot + unit, units);
        scatter(state_part, by_state + unit, units);
    }
}

}  // namespace detail

template <class Cell>
constexpr CellFunctions functions_of() {
    return {Cell::states,           Cell::gates,       Cell::slots,
            Cell::input_slot,       Cell::hidden_slot, &detail::forward<Cell>,
            &detail::partials<Cell>};
}

inline CellFunctions cell_functions(const std::string& cell, const std::string& activation) {
    if (cell == "LSTM") return functions_of<LSTM>();
    if (cell == "GRU") return functions_of<GRU>();
    if (cell != "VanillaRNN") throw std::invalid_argument("cell is '" + cell + "', allowed are VanillaRNN, LSTM, GRU");
    if (activation == "tanh") return functions_of<VanillaRNN<Activation::tanh>>();
    if (activation == "logistic") return functions_of<VanillaRNN<Activation::logistic>>();
    if (activation == "relu") return functions_of<VanillaRNN<Activation::relu>>();
    if (activation == "linear") return functions_of<VanillaRNN<Activation::linear>>();
    if (activation == "sign") return functions_of<VanillaRNN<Activation::sign>>();
    throw std::invalid_argument("activation is '" + activation + "', allowed are tanh, logistic, relu, linear, sign");
}

// Parameters as they came, in PyTorch's shapes; the biases may be absent.
struct RecurrentNetwork {
    CellFunctions cell;
    std::size_t inputs, hidden;
    bool diagonal;  // weight_hh is (hidden,)
    const double *weight_ih, *weight_hh, *bias_ih, *bias_hh;

    std::size_t units() const { return (hidden + lanes64 - 1) / lanes64 * lanes64; }  // with padding
    std::size_t state_size() const { return cell.states * hidden; }
};

// The affine part: from an input and the previous h to the pre-activations, (slots, units).
class AffineMap {
   public:
    explicit AffineMap(const RecurrentNetwork& network)
        : network_(network), units_(network.units()), bias_(network.cell.slots * units_) {
        const std::size_t hidden = network.hidden;
        for (std::size_t gate = 0; gate < network.cell.gates; ++gate) {
            const std::size_t first = gate * hidden;
            by_input_.emplace_back(hidden, network.inputs, network.weight_ih + first * network.inputs, network.inputs,
                                   1);
            if (!network.diagonal)
                by_state_.emplace_back(hidden, hidden, network.weight_hh + first * hidden, hidden, 1);
            if (!network.bias_ih) continue;
            for (std::size_t unit = 0; unit < hidden; ++unit) {
                bias_[network.cell.input_slot[gate] * units_ + unit] += network.bias_ih[first + unit];
                bias_[network.cell.hidden_slot[gate] * units_ + unit] += network.bias_hh[first + unit];
            }
        }
    }

    void operator()(const double* input, const double* h, double* a) const {
        std::copy(bias_.begin(), bias_.end(), a);
        for (std::size_t gate = 0; gate < network_.cell.gates; ++gate) {
            add(by_input_[gate], input, a + network_.cell.input_slot[gate] * units_);
            double* sum = a + network_.cell.hidden_slot[gate] * units_;
            if (!network_.diagonal) {
                add(by_state_[gate], h, sum);
            } else {
                for (std::size_t unit = 0; unit < network_.hidden; ++unit)
                    sum[unit] += network_.weight_hh[unit] * h[unit];
            }
        }
    }

   private:
    void add(const PackedMatrix<double>& matrix, const double* column, double* to) const {
        product({{&matrix, column, matrix.depth()}}, 1, static_cast<const double*>(to), units_, to, units_);
    }

    const RecurrentNetwork& network_;
    std::size_t units_;
    Buffer<double> bias_;
    std::vector<PackedMatrix<double>> by_input_, by_state_;
};

class Trajectory {
   public:
    // inputs: (steps, network.inputs); initial: (states, hidden) or null for zero.
    Trajectory(const RecurrentNetwork& network, const double* inputs, std::size_t steps, const double* initial)
        : network_(network),
          units_(network.units()),
          steps_(steps),
          pre_activation_(steps * network.cell.slots * units_),
          states_((steps + 1) * network.cell.states * units_) {
        const CellFunctions& cell = network.cell;
        for (std::size_t s = 0; initial && s < cell.states; ++s) {
            std::copy_n(initial + s * network.hidden, network.hidden, states_.data() + s * units_);
        }
        const AffineMap affine(network);
        for (std::size_t t = 0; t < steps; ++t) {
            double* a = pre_activation_.data() + t * cell.slots * units_;
            affine(inputs + t * network.inputs, previous(t), a);
            cell.forward(units_, a, previous(t), states_.data() + (t + 1) * cell.states * units_);
        }
    }

    const RecurrentNetwork& network() const { return network_; }
    std::size_t steps() const { return steps_; }
    // (slots, units) at step t, counted from 0, and the (states, units) before it.
    const double* pre_activation(std::size_t t) const {
        return pre_activation_.data() + t * network_.cell.slots * units_;
    }
    const double* previous(std::size_t t) const { return states_.data() + t * network_.cell.states * units_; }

    static Eigen::Index index(std::size_t i) { return static_cast<Eigen::Index>(i); }

   private:
    const RecurrentNetwork& network_;
    std::size_t units_, steps_;
    Buffer<double> pre_activation_, states_;
};

}  // namespace rnnlatch
