// A group of networks of one shape in lanes, on their way forward over a sequence.
//
// Every lane is a network of its own, with its own parameters; no operation mixes lanes. The group takes its runs' numbers
// from the caller's arrays and brings the results back; between them it works on rows (drivers/lane_rows.hpp). For a group's
// runs: begin; for each sequence: begin_sequence, forward(1..T) or walk_forward. Sequences are aligned at their end: a lane's
// state stays the initial one until its sequence begins.
//
// Memory: T rows of inputs, states and kept numbers. Arrays are never turned round as a whole: a group's part is, in the cache.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "drivers/cell_in_lanes.hpp"
#include "drivers/lane_products.hpp"
#include "drivers/lane_rows.hpp"
#include "drivers/network_problem.hpp"
#include "lanes/buffer.hpp"

namespace rnnlatch {

// What a group remembers of a sequence.
enum class Remember {
    two_states,  // the step before, and this one
    all_states,
    everything,  // and what the way back needs
};

template <class V>
class NetworkForward {
   public:
    using Lanes = V;
    using S = ScalarOf<V>;

    NetworkForward(const NetworkProblem<S>& problem, const CellInLanes<V>& cell, Remember remember)
        : problem_(problem),
          shape_(problem.shape),
          cell_(cell),
          at_(problem.shape),
          units_(shape_.gates * shape_.hidden),
          state_rows_(shape_.states * shape_.hidden),
          slot_rows_(cell.slots * shape_.hidden),
          kept_rows_(cell.kept * shape_.hidden),
          kept_step_(remember == Remember::everything ? kept_rows_ * row : 0),
          state_mask_(remember == Remember::two_states ? 1 : ~std::size_t{0}),
          parameters_(at_.count * row),
          bias_(slot_rows_ * row),
          states_((remember == Remember::two_states ? 2 : shape_.length + 1) * state_rows_ * row),
          kept_((remember == Remember::everything ? shape_.length : 1) * kept_rows_ * row),
          slots_(slot_rows_ * row),
          output_(shape_.outputs * row),
          start_(row) {}

    // `directions`: the derivatives of the parameters, where V is dual.
    void begin(std::size_t first, std::size_t count, const NetworkViews<const S>& directions = {}) {
        first_ = first;
        count_ = count;
        take_parameters(problem_.parameters, parameters_.data());
        take_parameters(directions, parameters_.data() + Row<V>::lanes);
        sum_biases();
    }

    // To be called after a change of the rows of the parameters.
    void parameters_changed() { sum_biases(); }

    void begin_sequence(std::size_t b) {
        sequence_ = b;
        take_inputs();
        take_starts();
        take_initial_states();
    }

    void forward(std::size_t t) {
        const S* previous = state(t - 1);
        S *next = state(t), *a = slots_.data(), *kept = kept_of(t);
        if (problem_.same_step) {
            forward_in_order(t);
        } else {
            pre_activations(t, a);
            cell_.forward(0, shape_.hidden, shape_.hidden, a, previous, next, kept);
        }
        if (t <= latest_start_) keep_waiting(t, previous, next, state_rows_);
    }

    void walk_forward() {
        std::size_t t = 1;
        while (t <= (small() ? latest_start_ : shape_.length)) forward(t++);
        if (t <= shape_.length) cell_.small_forward(steps(t, shape_.length), input(t), state(t - 1));
    }

    // States and outputs of the sequence.
    void bring_out_states(const View<S> (&states)[2], const View<S>& output) {
        for (std::size_t s = 0; s < shape_.states; ++s) {
            const View<S> to = states[s].at(sequence_);
            for (std::size_t t = 0; t < shape_.length; ++t) {
                const View<S> step_of = {
                    to.data + static_cast<std::ptrdiff_t>(t) * to.stride[0], to.run, {to.stride[1]}};
                scatter<V>(state(t + 1) + s * shape_.hidden * row, shape_.hidden, 1, first_, count_, step_of);
            }
        }
        if (!shape_.outputs) return;
        const View<S> to = output.at(sequence_);
        for (std::size_t t = 0; t < shape_.length; ++t) {
            const View<S> step_of = {to.data + static_cast<std::ptrdiff_t>(t) * to.stride[0], to.run, {to.stride[1]}};
            scatter<V>(read_out(state(t + 1), output_.data()), shape_.outputs, 1, first_, count_, step_of);
        }
    }

   protected:
    using M = Memory<V>;
    using Products = LaneProducts<V>;
    static constexpr std::size_t row = Row<V>::stride;
    static constexpr auto step = static_cast<std::ptrdiff_t>(row);

    S* state(std::size_t t) { return states_.data() + (t & state_mask_) * state_rows_ * row; }
    S* kept_of(std::size_t t) { return kept_.data() + (t - 1) * kept_step_; }
    const S* input(std::size_t t) const { return inputs_.data() + (t - 1) * shape_.inputs * row; }
    const S* parameter(std::size_t at) const { return parameters_.data() + at * row; }
    auto has_begun(std::size_t t) const { return constant_like<V>(static_cast<double>(t)) > M::load(start_.data()); }

    void sum_biases() {
        std::fill(bias_.begin(), bias_.end(), S{});
        if (!shape_.bias) return;
        for (std::size_t g = 0; g < shape_.gates; ++g) {
            const std::size_t offset = g * shape_.hidden;
            add_rows(shape_.hidden, parameter(at_.bias_ih + offset),
                     bias_.data() + cell_.input_slot[g] * shape_.hidden * row);
            add_rows(shape_.hidden, parameter(at_.bias_hh + offset),
                     bias_.data() + cell_.hidden_slot[g] * shape_.hidden * row);
        }
    }

    // ---- what a sequence brings -------------------------------------------------------------------------------------

    void take_inputs() {
        const View<const S> from = problem_.inputs.at(sequence_);
        if (from.run == 0 && shape_.batch == 1 && !inputs_.empty()) return;  // the same for every group
        inputs_.resize(shape_.length * shape_.inputs * row);
        gather<V>(from, shape_.length, shape_.inputs, first_, from.run == 0 ? Row<V>::lanes : count_, inputs_.data());
    }

    void take_starts() {
        latest_start_ = 0;
        if (!problem_.lengths) return;
        const View<const std::int64_t> lengths = problem_.lengths.at(sequence_);
        for (std::size_t lane = 0; lane < Row<V>::lanes; ++lane) {
            const auto run = static_cast<std::ptrdiff_t>(first_ + std::min(lane, count_ - 1));
            const std::size_t start = shape_.length - static_cast<std::size_t>(lengths.data[run * lengths.run]);
            start_[lane] = static_cast<S>(start);
            latest_start_ = std::max(latest_start_, start);
        }
    }

    void take_initial_states() {
        for (std::size_t s = 0; s < shape_.states; ++s) {
            S* state = states_.data() + s * shape_.hidden * row;
            const S* learned = parameters_.data() + (at_.initial + s * shape_.hidden) * row;
            if (problem_.initial[s]) {
                gather<V>(problem_.initial[s].at(sequence_), shape_.hidden, 1, first_, count_, state);
            } else {
                std::copy_n(learned, shape_.hidden * row, state);  // zero where nothing is learned
            }
        }
    }

    // ---- products of a step -----------------------------------------------------------------------------------------

    Term<S> input_term(std::size_t first_row, const S* u) const {
        const auto columns = static_cast<std::ptrdiff_t>(shape_.inputs);
        return {parameter(at_.weight_ih + first_row * shape_.inputs), columns * step, step, u, step, shape_.inputs};
    }

    Term<S> hidden_term(std::size_t first_row, const S* h) const {
        const auto columns = static_cast<std::ptrdiff_t>(shape_.hidden);
        return {parameter(at_.weight_hh + first_row * shape_.hidden),
                columns * step,
                step,
                h,
                step,
                shape_.diagonal ? 0 : shape_.hidden};
    }

    void pre_activations(std::size_t t, S* a) {
        const S *u = input(t), *h = state(t - 1);
        if (cell_.plain()) {
            Products::affine(units_, bias_.data(), {input_term(0, u), hidden_term(0, h)}, a);
        } else {
            std::copy_n(bias_.data(), slot_rows_ * row, a);
            for (std::size_t g = 0; g < shape_.gates; ++g) {
                S* to = a + cell_.input_slot[g] * shape_.hidden * row;
                Products::affine(shape_.hidden, to, {input_term(g * shape_.hidden, u)}, to);
                to = a + cell_.hidden_slot[g] * shape_.hidden * row;
                Products::affine(shape_.hidden, to, {hidden_term(g * shape_.hidden, h)}, to);
            }
        }
        if (shape_.diagonal) {
            for_each_diagonal([&](std::size_t weight, std::size_t slot, std::size_t unit) {
                add_product(M::load(parameter(at_.weight_hh + weight)), h + unit * row, a + slot * row);
            });
        }
    }

    // Whether whole steps may be taken in registers.
    bool small() const { return cell_.small_forward && !shape_.diagonal && !problem_.same_step; }

    DenseSteps<S> steps(std::size_t first, std::size_t last) const {
        return {last - first + 1, shape_.inputs, parameter(at_.weight_ih), parameter(at_.weight_hh), bias_.data()};
    }

    // f(weight, slot row, unit) for the recurrent weights of units that feed back on themselves only.
    template <class F>
    void for_each_diagonal(F f) const {
        for (std::size_t g = 0; g < shape_.gates; ++g) {
            for (std::size_t i = 0; i < shape_.hidden; ++i) {
                f(g * shape_.hidden + i, cell_.hidden_slot[g] * shape_.hidden + i, i);
            }
        }
    }

    const S* read_out(const S* h, S* y) {
        const auto columns = static_cast<std::ptrdiff_t>(shape_.hidden);
        Products::affine(shape_.outputs, parameter(at_.bias_out),
                         {Term<S>{parameter(at_.weight_out), columns * step, step, h, step, shape_.hidden}}, y);
        return y;
    }

    // The numbers that the loss compares, from the unit outputs h.
    const S* compared(const S* h) {
        return shape_.outputs ? read_out(h, output_.data()) : h + std::max<std::ptrdiff_t>(shape_.read_unit, 0) * step;
    }

    // ---- units in order: some read units of the same step -----------------------------------------------------------

    bool same_step(std::size_t i, std::size_t j) const { return problem_.same_step[i * shape_.hidden + j] != 0; }

    void forward_in_order(std::size_t t) {
        const S* previous = state(t - 1);
        S *next = state(t), *a = slots_.data();
        for (std::size_t i = 0; i < shape_.hidden; ++i) {
            S* sum = a + i * row;
            Products::affine(1, bias_.data() + i * row, {input_term(i, input(t))}, sum);
            for (std::size_t j = 0; j < shape_.hidden; ++j) {
                const S* source = (same_step(i, j) ? next : previous) + j * row;
                add_product(M::load(parameter(at_.weight_hh + i * shape_.hidden + j)), source, sum);
            }
            cell_.forward(i, i + 1, shape_.hidden, a, previous, next, nullptr);
        }
    }

    // ---- rows -------------------------------------------------------------------------------------------------------

    std::ptrdiff_t state_step() const { return static_cast<std::ptrdiff_t>(state_rows_) * step; }

    void take_parameters(const NetworkViews<const S>& views, S* to) const {
        for_each_parameter(shape_, views, [&](auto view, auto before, auto rows, auto columns) {
            gather<V>(view, rows, columns, first_, count_, to + before * row);
        });
    }

    static void add_rows(std::size_t rows, const S* from, S* to) {
        for (std::size_t i = 0; i < rows; ++i) M::store(to + i * row, M::load(to + i * row) + M::load(from + i * row));
    }

    static RNNLATCH_INLINE void add_product(V factor, const S* x, S* to) {
        M::store(to, fma(factor, M::load(x), M::load(to)));
    }

    // Where the sequence has not begun at step t, `now` is what was before.
    void keep_waiting(std::size_t t, const S* before, S* now, std::size_t rows) const {
        const auto begun = has_begun(t);
        for (std::size_t i = 0; i < rows; ++i) {
            M::store(now + i * row, select(begun, M::load(now + i * row), M::load(before + i * row)));
        }
    }

    const NetworkProblem<S>& problem_;
    NetworkShape shape_;
    CellInLanes<V> cell_;
    ParameterRows at_;
    std::size_t units_, state_rows_, slot_rows_, kept_rows_, kept_step_, state_mask_;
    std::size_t first_ = 0, count_ = 0, sequence_ = 0, latest_start_ = 0;
    Buffer<S> parameters_, bias_;
    Buffer<S> states_, kept_, slots_, inputs_;  // of a sequence; the slots of one step
    Buffer<S> output_, start_;
};

}  // namespace rnnlatch
