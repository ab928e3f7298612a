// A group of networks of one shape in lanes: forward over a sequence, the loss, and the way back (BPTT).
//
// Every lane is a network of its own, with its own parameters; no operation mixes lanes. The group takes its runs' numbers
// from the caller's arrays and brings the results back; between them it works on rows (drivers/lane_rows.hpp). For a group's
// runs: begin; for each sequence: begin_sequence, forward(1..T), judge, backward(T..1), end_sequence; finish. Sequences are
// aligned at their end: a lane's state stays the initial one until its sequence begins.
//
// Memory: T rows of inputs, states and kept numbers. Arrays are never turned round as a whole: a group's part is, in the cache.
// A chunk of steps waits on the way back until their share of the weight gradients is summed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "drivers/cell_in_lanes.hpp"
#include "drivers/lane_losses.hpp"
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
class NetworkLanes {
   public:
    using Lanes = V;
    using S = ScalarOf<V>;

    NetworkLanes(const NetworkProblem<S>& problem, const CellInLanes<V>& cell, Remember remember)
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
          start_(row),
          ones_(row) {
        Memory<V>::store(ones_.data(), constant_like<V>(1.0));
        output_.resize(shape_.outputs * row);
        if (remember == Remember::all_states) return;
        const std::size_t terms = shape_.judgements();
        deltas_.resize(chunk * slot_rows_ * row);
        gradient_.resize(at_.count * row);
        carried_.resize(state_rows_ * row);
        carried_next_.resize(state_rows_ * row);
        output_gradient_.resize(terms * shape_.judged() * row);
        target_.resize(terms * shape_.targets() * row);
        weight_.resize(terms * row);
        loss_.resize(row);
    }

    // `directions`: the derivatives of the parameters, where V is dual.
    void begin(std::size_t first, std::size_t count, const NetworkViews<const S>& directions = {}) {
        first_ = first;
        count_ = count;
        take_parameters(problem_.parameters, parameters_.data());
        take_parameters(directions, parameters_.data() + Row<V>::lanes);
        sum_biases();
        std::fill(gradient_.begin(), gradient_.end(), S{});
        std::fill(loss_.begin(), loss_.end(), S{});
    }

    void begin_sequence(std::size_t b) {
        sequence_ = b;
        take_inputs();
        take_starts();
        for (std::size_t s = 0; s < shape_.states; ++s) {
            S* state = states_.data() + s * shape_.hidden * row;
            const S* learned = parameters_.data() + (at_.initial + s * shape_.hidden) * row;
            if (problem_.initial[s]) {
                gather<V>(problem_.initial[s].at(b), shape_.hidden, 1, first_, count_, state);
            } else {
                std::copy_n(learned, shape_.hidden * row, state);  // zero where nothing is learned
            }
        }
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

    // The loss of the sequence, and its derivatives by the outputs.
    void judge() {
        take_targets();
        for (std::size_t j = 0; j < shape_.judgements(); ++j) judge_term(j);
        std::fill(carried_.begin(), carried_.end(), S{});
    }

    // From dE/d(states of step t), which includes what later steps had to say, to that of step t - 1.
    void backward(std::size_t t) {
        S *g = carried_.data(), *g_previous = carried_next_.data(), *delta = delta_of(t);
        if (shape_.every || t == shape_.length) add_output_gradient(shape_.every ? t - 1 : 0, g);
        const bool waiting = t <= latest_start_;
        if (problem_.same_step) {
            backward_in_order(t, waiting);
        } else {
            cell_.pullback(0, shape_.hidden, shape_.hidden, state(t - 1), state(t), kept_of(t), g, delta, g_previous);
            if (waiting) hold_back(t, delta, slot_rows_);
            add_recurrent_gradient(delta, g_previous);
        }
        if (waiting) keep_waiting(t, g, g_previous, state_rows_);
        std::swap(carried_, carried_next_);
        end_chunk(t);
    }

    void walk_backward() {
        for (std::size_t t = shape_.length; t > 0;) {
            if (!small() || t <= latest_start_) {
                backward(t--);
                continue;
            }
            if (shape_.every || t == shape_.length) add_output_gradient(shape_.every ? t - 1 : 0, carried_.data());
            const std::size_t first = shape_.every ? t : std::max(latest_start_ + 1, (t - 1) / chunk * chunk + 1);
            cell_.small_backward(steps(first, t), state(t), delta_of(t), carried_.data());
            end_chunk(first);
            t = first - 1;
        }
    }

    void end_sequence(const View<S>* initial_gradient) {
        S* gradient = gradient_.data();
        for (std::size_t s = 0; s < shape_.states; ++s) {
            const S* g = carried_.data() + s * shape_.hidden * row;
            if (problem_.initial[s]) {
                scatter<V>(g, shape_.hidden, 1, first_, count_, initial_gradient[s].at(sequence_));
            } else {
                add_rows(shape_.hidden, g, gradient + (at_.initial + s * shape_.hidden) * row);
            }
        }
        if (shape_.outputs) {
            add_readout_gradients(0, shape_.judgements(), state(judged_step(0)));
        }
    }

    // `product`: the derivatives of the gradient in the directions, where V is dual.
    void finish(const View<S>& loss, const NetworkViews<S>& gradient, const NetworkViews<S>& product = {}) {
        for (std::size_t g = 0; g < shape_.gates; ++g) {  // biases that are added to the same sum
            if (cell_.input_slot[g] != cell_.hidden_slot[g]) continue;
            const std::size_t unit = g * shape_.hidden;
            std::copy_n(gradient_.data() + (at_.bias_ih + unit) * row, shape_.hidden * row,
                        gradient_.data() + (at_.bias_hh + unit) * row);
        }
        if (loss) scatter<V>(loss_.data(), 1, 1, first_, count_, loss);
        bring_out(gradient_.data(), gradient);
        bring_out(gradient_.data() + Row<V>::lanes, product);
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
    static constexpr std::size_t chunk = 16;  // steps whose deltas wait in the innermost cache for the weight gradients

    S* state(std::size_t t) { return states_.data() + (t & state_mask_) * state_rows_ * row; }
    S* delta_of(std::size_t t) { return deltas_.data() + (t - 1) % chunk * slot_rows_ * row; }
    S* kept_of(std::size_t t) { return kept_.data() + (t - 1) * kept_step_; }
    const S* input(std::size_t t) const { return input_ + static_cast<std::ptrdiff_t>(t - 1) * input_time_; }
    const S* parameter(std::size_t at) const { return parameters_.data() + at * row; }
    auto has_begun(std::size_t t) const { return constant_like<V>(static_cast<double>(t)) > M::load(start_.data()); }

    // The step that the term j of the loss looks at.
    std::size_t judged_step(std::size_t j) const { return shape_.every ? j + 1 : shape_.length; }

    // The numbers that the loss compares, from the unit outputs h.
    const S* compared(const S* h) {
        return shape_.outputs ? read_out(h, output_.data()) : h + std::max<std::ptrdiff_t>(shape_.read_unit, 0) * step;
    }

    void judge_term(std::size_t j) {
        const std::size_t judged = shape_.judged();
        rnnlatch::judge<V>(shape_.loss, judged, compared(state(judged_step(j))),
                           target_.data() + j * shape_.targets() * row, M::load(weight_.data() + j * row), loss_.data(),
                           output_gradient_.data() + j * judged * row);
    }

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
        input_time_ = static_cast<std::ptrdiff_t>(shape_.inputs) * step;
        input_feature_ = step;
        if (from.run == 0 && shape_.batch == 1 && !inputs_.empty()) return;  // the same for every group
        inputs_.resize(shape_.length * shape_.inputs * row);
        gather<V>(from, shape_.length, shape_.inputs, first_, from.run == 0 ? Row<V>::lanes : count_, inputs_.data());
        input_ = inputs_.data();
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

    void take_targets() {
        const std::size_t terms = shape_.judgements();
        if (problem_.classes) {
            gather<V>(problem_.classes.at(sequence_), terms, 1, first_, count_, target_.data());
        } else {
            View<const S> targets = problem_.targets.at(sequence_);
            if (!shape_.every) targets.stride[1] = targets.stride[0];
            gather<V>(targets, terms, shape_.targets(), first_, count_, target_.data());
        }
        if (problem_.mask) {
            gather<V>(problem_.mask.at(sequence_), terms, 1, first_, count_, weight_.data());
        } else {
            for (std::size_t j = 0; j < terms; ++j) M::store(weight_.data() + j * row, constant_like<V>(1.0));
        }
        const V share = constant_like<V>(1.0 / static_cast<double>(shape_.batch));
        for (std::size_t j = 0; j < terms; ++j) {
            V weight = M::load(weight_.data() + j * row) * share;
            const std::size_t t = judged_step(j);
            if (t <= latest_start_) weight = select(has_begun(t), weight, constant_like<V>(0.0));
            M::store(weight_.data() + j * row, weight);
        }
    }

    // ---- products of a step -----------------------------------------------------------------------------------------

    Term<S> input_term(std::size_t first_row, const S* u) const {
        const auto columns = static_cast<std::ptrdiff_t>(shape_.inputs);
        return {parameter(at_.weight_ih + first_row * shape_.inputs),
                columns * step,
                step,
                u,
                input_feature_,
                shape_.inputs};
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

    // dE/dh of the step before through the recurrent weights.
    void add_recurrent_gradient(const S* delta, S* g) {
        if (shape_.diagonal) {
            for_each_diagonal([&](std::size_t weight, std::size_t slot, std::size_t unit) {
                add_product(M::load(parameter(at_.weight_hh + weight)), delta + slot * row, g + unit * row);
            });
            return;
        }
        const auto columns = static_cast<std::ptrdiff_t>(shape_.hidden);
        const auto transposed = [&](std::size_t gate, std::size_t count) -> Term<S> {
            return {parameter(at_.weight_hh + gate * shape_.hidden * shape_.hidden), step, columns * step,
                    delta + cell_.hidden_slot[gate] * shape_.hidden * row,           step, count};
        };
        if (cell_.plain()) {
            Products::affine(shape_.hidden, g, {transposed(0, units_)}, g);
        } else {
            for (std::size_t gate = 0; gate < shape_.gates; ++gate) {
                Products::affine(shape_.hidden, g, {transposed(gate, shape_.hidden)}, g);
            }
        }
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

    void add_output_gradient(std::size_t j, S* g) {
        const S* from = output_gradient_.data() + j * shape_.judged() * row;
        if (shape_.outputs) {
            const auto columns = static_cast<std::ptrdiff_t>(shape_.hidden);
            Products::affine(shape_.hidden, g,
                             {Term<S>{parameter(at_.weight_out), step, columns * step, from, step, shape_.outputs}}, g);
        } else {
            add_rows(shape_.judged(), from, g + std::max<std::ptrdiff_t>(shape_.read_unit, 0) * step);
        }
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

    void backward_in_order(std::size_t t, bool waiting) {
        S *g = carried_.data(), *g_previous = carried_next_.data(), *delta = delta_of(t);
        unused_.resize(state_rows_ * row);
        std::fill(carried_next_.begin(), carried_next_.end(), S{});
        for (std::size_t i = shape_.hidden; i-- > 0;) {
            cell_.pullback(i, i + 1, shape_.hidden, state(t - 1), state(t), nullptr, g, delta, unused_.data());
            if (waiting) hold_back(t, delta + i * row, 1);
            for (std::size_t j = 0; j < shape_.hidden; ++j) {
                S* to = (same_step(i, j) ? g : g_previous) + j * row;
                add_product(M::load(parameter(at_.weight_hh + i * shape_.hidden + j)), delta + i * row, to);
            }
        }
    }

    // ---- gradients of the weights -----------------------------------------------------------------------------------

    void end_chunk(std::size_t t) {
        if ((t - 1) % chunk == 0) add_weight_gradients(t, std::min(chunk, shape_.length - t + 1));
    }

    // Of the steps from `first` on.
    void add_weight_gradients(std::size_t first, std::size_t steps) {
        const S* h = state(first - 1);
        if (small() && cell_.small_weights && shape_.inputs) {
            S* gradient = gradient_.data();
            cell_.small_weights(this->steps(first, first + steps - 1), deltas_.data(), h, input(first),
                                gradient + at_.weight_ih * row, gradient + at_.weight_hh * row,
                                gradient + at_.bias_ih * row);
            return;
        }
        const std::size_t hidden = shape_.hidden, group = cell_.plain() ? units_ : hidden;
        for (std::size_t g = 0; g * group < units_; ++g) {
            const S* in = deltas_.data() + cell_.input_slot[g] * hidden * row;
            const S* recurrent = deltas_.data() + cell_.hidden_slot[g] * hidden * row;
            add_outer(steps, group, shape_.inputs, in, input(first), input_time_, input_feature_,
                      at_.weight_ih + g * group * shape_.inputs);
            if (!shape_.diagonal && !problem_.same_step) {
                add_outer(steps, group, hidden, recurrent, h, state_step(), step, at_.weight_hh + g * group * hidden);
            }
            if (!shape_.bias) continue;
            add_outer(steps, group, 1, in, ones_.data(), 0, 0, at_.bias_ih + g * group);
            if (in != recurrent) {
                add_outer(steps, group, 1, recurrent, ones_.data(), 0, 0, at_.bias_hh + g * group);
            }
        }
        if (shape_.diagonal) {
            for_each_diagonal([&](std::size_t weight, std::size_t slot, std::size_t unit) {
                add_outer(steps, 1, 1, deltas_.data() + slot * row, h + unit * row, state_step(), 0,
                          at_.weight_hh + weight);
            });
        } else if (problem_.same_step) {
            for (std::size_t i = 0; i < hidden; ++i) {
                for (std::size_t j = 0; j < hidden; ++j) {
                    add_outer(steps, 1, 1, deltas_.data() + i * row, state(first - (same_step(i, j) ? 0 : 1)) + j * row,
                              state_step(), 0, at_.weight_hh + i * hidden + j);
                }
            }
        }
    }

    // Of the terms from j on, whose steps have the unit outputs h and what follows.
    void add_readout_gradients(std::size_t j, std::size_t terms, const S* h) {
        const std::size_t outputs = shape_.outputs;
        const auto time = static_cast<std::ptrdiff_t>(outputs) * step;
        const S* g = output_gradient_.data() + j * outputs * row;
        Products::outer(outputs, shape_.hidden, terms, g, time, h, state_step(), step,
                        gradient_.data() + at_.weight_out * row);
        if (shape_.bias_out) {
            Products::outer(outputs, 1, terms, g, time, ones_.data(), 0, 0, gradient_.data() + at_.bias_out * row);
        }
    }

    void add_outer(std::size_t steps, std::size_t rows, std::size_t columns, const S* delta, const S* right,
                   std::ptrdiff_t right_time, std::ptrdiff_t right_column, std::size_t to) {
        Products::outer(rows, columns, steps, delta, static_cast<std::ptrdiff_t>(slot_rows_) * step, right, right_time,
                        right_column, gradient_.data() + to * row);
    }

    std::ptrdiff_t state_step() const { return static_cast<std::ptrdiff_t>(state_rows_) * step; }

    void take_parameters(const NetworkViews<const S>& views, S* to) const {
        for_each_parameter(shape_, views, [&](auto view, auto before, auto rows, auto columns) {
            gather<V>(view, rows, columns, first_, count_, to + before * row);
        });
    }

    void bring_out(const S* from, const NetworkViews<S>& views) const {
        for_each_parameter(shape_, views, [&](auto view, auto before, auto rows, auto columns) {
            scatter<V>(from + before * row, rows, columns, first_, count_, view);
        });
    }

    // ---- rows -------------------------------------------------------------------------------------------------------

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

    // Nothing flows back in lanes whose sequence has not begun.
    void hold_back(std::size_t t, S* delta, std::size_t rows) const {
        const auto begun = has_begun(t);
        for (std::size_t i = 0; i < rows; ++i) {
            M::store(delta + i * row, select(begun, M::load(delta + i * row), constant_like<V>(0.0)));
        }
    }

    NetworkProblem<S> problem_;
    NetworkShape shape_;
    CellInLanes<V> cell_;
    ParameterRows at_;
    std::size_t units_, state_rows_, slot_rows_, kept_rows_, kept_step_, state_mask_;
    std::size_t first_ = 0, count_ = 0, sequence_ = 0, latest_start_ = 0;
    Buffer<S> parameters_, bias_;
    Buffer<S> states_, kept_, slots_, deltas_, inputs_;  // of a sequence; the slots of one step, dE/d(slots) of all
    Buffer<S> target_, weight_, output_, output_gradient_, carried_, carried_next_, unused_, gradient_, loss_;
    Buffer<S> start_, ones_;
    const S* input_ = nullptr;
    std::ptrdiff_t input_time_ = 0, input_feature_ = 0;
};

}  // namespace rnnlatch
