// Steps of a small dense network with everything in registers: sums, activations and the gradients that go back.
//
// The general way (drivers/network_lanes.hpp) passes each step's sums from the products to the cell through memory, and its
// loops take any size. For a handful of tanh units that costs as much as the arithmetic: this is 1.15 times as fast forward and
// 2.5 times backward at 5 units, with the same roundings in the same order, so the same bits.
#pragma once

#include <cstddef>

#include "drivers/lane_rows.hpp"
#include "lanes/unrolled.hpp"

namespace rnnlatch {

inline constexpr std::size_t small_network = 6;  // units: two packs each of sums and of states fill the registers

// Consecutive steps; rows of a step follow those of the step before.
template <class S>
struct DenseSteps {
    std::size_t count, inputs;
    const S *weight_ih, *weight_hh, *bias;
};

// For a cell of one state and one slot that keeps nothing.
template <class Cell, class V, std::size_t hidden>
struct SmallNetwork {
    using S = ScalarOf<V>;
    using M = Memory<V>;
    static constexpr std::size_t row = Row<V>::stride;

    // From the state before the first step on, through the inputs of the steps.
    static void forward(const DenseSteps<S>& steps, const S* u, S* h) {
        if (steps.inputs == 1) return forward_from<1>(steps, u, h);
        forward_from<any_number>(steps, u, h);
    }

    // From dE/d(state) of the last step, whose states and deltas are at `h` and `delta`, to that before the first step.
    static void backward(const DenseSteps<S>& steps, const S* h, S* delta, S* g) {
        V carried[hidden];
        unrolled<hidden>([&](auto i) __attribute__((always_inline)) { carried[i] = M::load(g + i * row); });
        for (std::size_t t = 0; t < steps.count; ++t, h -= hidden * row, delta -= hidden * row) {
            V next[hidden];
            unrolled<hidden>([&](auto j) __attribute__((always_inline)) { next[j] = constant_like<V>(0.0); });
            unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
                const V d = carried[i] * Cell::derivative(M::load(h + i * row));
                M::store(delta + i * row, d);
                unrolled<hidden>([&](auto j) __attribute__((always_inline)) {
                    next[j] = fma(M::load(steps.weight_hh + (i * hidden + j) * row), d, next[j]);
                });
            });
            unrolled<hidden>([&](auto j) __attribute__((always_inline)) { carried[j] = next[j]; });
        }
        unrolled<hidden>([&](auto i) __attribute__((always_inline)) { M::store(g + i * row, carried[i]); });
    }

    // Adds what the steps give: delta, the states before them, their inputs from the first of them on.
    static void weights(const DenseSteps<S>& steps, const S* delta, const S* h, const S* u, S* weight_ih, S* weight_hh,
                        S* bias) {
        for (std::size_t half = 0; half < Row<V>::lanes; half += Row<V>::half) {
            add_columns(steps.count, delta + half, h + half, hidden, hidden, weight_hh + half);
            add_columns(steps.count, delta + half, u + half, steps.inputs, steps.inputs - 1, weight_ih + half);
            add_last(steps, delta + half, u + half, weight_ih + half, bias + half);
        }
    }

   private:
    static RNNLATCH_INLINE void add_inputs(const DenseSteps<S>& steps, const S* u, V* sum) {
        unrolled<hidden>([&](auto i) __attribute__((always_inline)) { sum[i] = M::load(steps.bias + i * row); });
        for (std::size_t k = 0; k < steps.inputs; ++k, u += row) {
            const V x = M::load(u);
            unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
                sum[i] = fma(M::load(steps.weight_ih + (i * steps.inputs + k) * row), x, sum[i]);
            });
        }
    }

    static constexpr std::size_t any_number = 0;

    // `inputs`: how many there are, known to the compiler. The steps are a copy: nothing that is stored can change them.
    template <std::size_t inputs>
    static __attribute__((noinline)) void forward_from(const DenseSteps<S> steps, const S* u, S* h) {
        V state[hidden];
        unrolled<hidden>([&](auto i) __attribute__((always_inline)) { state[i] = M::load(h + i * row); });
        for (std::size_t t = 0; t < steps.count; ++t) {
            h += hidden * row;
            V sum[hidden];
            if constexpr (inputs == 1) {
                const V x = M::load(u);
                u += row;
                unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
                    sum[i] = fma(M::load(steps.weight_ih + i * row), x, M::load(steps.bias + i * row));
                });
            } else {
                add_inputs(steps, u, sum);
                u += steps.inputs * row;
            }
            unrolled<hidden>([&](auto j) __attribute__((always_inline)) {
                unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
                    sum[i] = fma(M::load(steps.weight_hh + (i * hidden + j) * row), state[j], sum[i]);
                });
            });
            activate(sum, state);
            unrolled<hidden>([&](auto i) __attribute__((always_inline)) { M::store(h + i * row, state[i]); });
        }
    }

    // Two units at a time share what is loaded for a formula: with AVX2 a twentieth of a step.
    static RNNLATCH_INLINE void activate(const V* sum, V* state) {
        unrolled<hidden / 2>([&](auto pair) __attribute__((always_inline)) {
            const Twice<V> both = Cell::activate(Twice<V>{sum[2 * pair], sum[2 * pair + 1]});
            state[2 * pair] = both.low;
            state[2 * pair + 1] = both.high;
        });
        if constexpr (hidden % 2) state[hidden - 1] = Cell::activate(sum[hidden - 1]);
    }

    using Half = typename Row<V>::Half;
    static RNNLATCH_INLINE Half load(const S* from) { return Row<V>::load_half(from); }
    static RNNLATCH_INLINE void store(S* to, Half pack) { Row<V>::store_half(to, pack); }

    // So many columns of sums, a row of operands, and one to spare are in registers.
    static constexpr std::size_t widest = (vector_registers - 1) / (hidden + 1);

    // sum[i][j] += sum over steps of delta[i] x[j], for the first `columns` of the `rows` numbers of x.
    static RNNLATCH_INLINE void add_columns(std::size_t count, const S* delta, const S* x, std::size_t rows,
                                            std::size_t columns, S* sum) {
        std::size_t j = 0;
        for (; j + widest <= columns; j += widest) {
            add_products<widest>(count, delta, x + j * row, rows, sum + j * row, rows);
        }
        if (j < columns) add_rest<widest - 1>(columns - j, count, delta, x + j * row, rows, sum + j * row);
    }

    template <std::size_t width>
    static RNNLATCH_INLINE void add_rest(std::size_t columns, std::size_t count, const S* delta, const S* x,
                                         std::size_t rows, S* sum) {
        if constexpr (width > 1) {
            if (columns < width) return add_rest<width - 1>(columns, count, delta, x, rows, sum);
        }
        add_products<width>(count, delta, x, rows, sum, rows);
    }

    // The same for `width` columns.
    template <std::size_t width>
    static RNNLATCH_INLINE void add_products(std::size_t count, const S* delta, const S* x, std::size_t x_rows, S* sum,
                                             std::size_t sum_rows) {
        Half total[hidden * width];
        const auto place = [&](auto n) __attribute__((always_inline)) {
            return sum + (n() / width * sum_rows + n() % width) * row;
        };
        unrolled<hidden * width>([&](auto n) __attribute__((always_inline)) { total[n] = load(place(n)); });
        for (std::size_t t = 0; t < count; ++t, delta += hidden * row, x += x_rows * row) {
            Half column[width];
            unrolled<width>([&](auto j) __attribute__((always_inline)) { column[j] = load(x + j * row); });
            unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
                const Half d = load(delta + i * row);
                unrolled<width>([&](auto j) __attribute__((always_inline)) {
                    constexpr std::size_t n = decltype(i)::value * width + decltype(j)::value;
                    total[n] = fma(d, column[j], total[n]);
                });
            });
        }
        unrolled<hidden * width>([&](auto n) __attribute__((always_inline)) { store(place(n), total[n]); });
    }

    // The weights of the last input, and the biases.
    static RNNLATCH_INLINE void add_last(const DenseSteps<S>& steps, const S* delta, const S* u, S* weight_ih,
                                         S* bias) {
        Half of_input[hidden], of_bias[hidden];
        u += (steps.inputs - 1) * row;
        weight_ih += (steps.inputs - 1) * row;
        unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
            of_input[i] = load(weight_ih + i * steps.inputs * row);
            of_bias[i] = load(bias + i * row);
        });
        for (std::size_t t = 0; t < steps.count; ++t, delta += hidden * row, u += steps.inputs * row) {
            const Half x = load(u);
            unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
                const Half d = load(delta + i * row);
                of_input[i] = fma(d, x, of_input[i]);
                of_bias[i] = of_bias[i] + d;
            });
        }
        unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
            store(weight_ih + i * steps.inputs * row, of_input[i]);
            store(bias + i * row, of_bias[i]);
        });
    }
};

}  // namespace rnnlatch
