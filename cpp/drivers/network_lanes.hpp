// A group of networks in lanes, there and back: the loss, and its gradient by back-propagation through time.
//
// After the walk forward (drivers/network_forward.hpp) of each sequence: judge, backward(T..1) or walk_backward, end_sequence;
// finish after the last. A chunk of steps waits on the way back until their share of the weight gradients is summed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "drivers/lane_losses.hpp"
#include "drivers/network_forward.hpp"

namespace rnnlatch {

template <class V>
class NetworkLanes : public NetworkForward<V> {
   public:
    using Forward = NetworkForward<V>;
    using typename Forward::S;

    NetworkLanes(const NetworkProblem<S>& problem, const CellInLanes<V>& cell, Remember remember)
        : Forward(problem, cell, remember),
          deltas_(chunk * slot_rows_ * row),
          target_(shape_.judgements() * shape_.targets() * row),
          weight_(shape_.judgements() * row),
          output_gradient_(shape_.judgements() * shape_.judged() * row),
          carried_(state_rows_ * row),
          carried_next_(state_rows_ * row),
          unused_(problem.same_step ? state_rows_ * row : 0),
          gradient_(at_.count * row),
          loss_(row),
          ones_(row) {
        M::store(ones_.data(), constant_like<V>(1.0));
    }

    void begin(std::size_t first, std::size_t count, const NetworkViews<const S>& directions = {}) {
        Forward::begin(first, count, directions);
        std::fill(gradient_.begin(), gradient_.end(), S{});
        std::fill(loss_.begin(), loss_.end(), S{});
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
            cell_.small_backward(Forward::steps(first, t), state(t), delta_of(t), carried_.data());
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
        copy_shared_biases();
        if (loss) scatter<V>(loss_.data(), 1, 1, first_, count_, loss);
        bring_out(gradient_.data(), gradient);
        bring_out(gradient_.data() + Row<V>::lanes, product);
    }

   protected:
    // Biases that are added to the same sum have the same gradient, which is summed once.
    void copy_shared_biases() {
        for (std::size_t g = 0; g < shape_.gates; ++g) {
            if (cell_.input_slot[g] != cell_.hidden_slot[g]) continue;
            const std::size_t unit = g * shape_.hidden;
            std::copy_n(gradient_.data() + (at_.bias_ih + unit) * row, shape_.hidden * row,
                        gradient_.data() + (at_.bias_hh + unit) * row);
        }
    }

    using Forward::add_product, Forward::add_rows, Forward::compared, Forward::for_each_diagonal, Forward::has_begun;
    using Forward::at_, Forward::cell_, Forward::count_, Forward::first_, Forward::latest_start_, Forward::problem_;
    using Forward::input, Forward::keep_waiting, Forward::kept_of, Forward::parameter, Forward::same_step;
    using Forward::row, Forward::step, Forward::small, Forward::state, Forward::state_step;
    using Forward::sequence_, Forward::shape_, Forward::slot_rows_, Forward::state_rows_, Forward::units_;
    using typename Forward::M, typename Forward::Products;
    static constexpr std::size_t chunk = 16;  // steps whose deltas wait in the innermost cache for the weight gradients

    S* delta_of(std::size_t t) { return deltas_.data() + (t - 1) % chunk * slot_rows_ * row; }
    // The step that the term j of the loss looks at.
    std::size_t judged_step(std::size_t j) const { return shape_.every ? j + 1 : shape_.length; }

    void judge_term(std::size_t j) {
        const std::size_t judged = shape_.judged();
        rnnlatch::judge<V>(shape_.loss, judged, compared(state(judged_step(j))),
                           target_.data() + j * shape_.targets() * row, M::load(weight_.data() + j * row), loss_.data(),
                           output_gradient_.data() + j * judged * row);
    }

    void take_targets() {
        if (!problem_.classes && !problem_.targets) return;  // a task has put them there
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

    void backward_in_order(std::size_t t, bool waiting) {
        S *g = carried_.data(), *g_previous = carried_next_.data(), *delta = delta_of(t);
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
        if (small() && shape_.inputs) {
            S* gradient = gradient_.data();
            cell_.small_weights(Forward::steps(first, first + steps - 1), deltas_.data(), h, input(first),
                                gradient + at_.weight_ih * row, gradient + at_.weight_hh * row,
                                gradient + at_.bias_ih * row);
            return;
        }
        const std::size_t hidden = shape_.hidden, group = cell_.plain() ? units_ : hidden;
        for (std::size_t g = 0; g * group < units_; ++g) {
            const S* in = deltas_.data() + cell_.input_slot[g] * hidden * row;
            const S* recurrent = deltas_.data() + cell_.hidden_slot[g] * hidden * row;
            add_outer(steps, group, shape_.inputs, in, input(first), static_cast<std::ptrdiff_t>(shape_.inputs) * step,
                      step, at_.weight_ih + g * group * shape_.inputs);
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

    void bring_out(const S* from, const NetworkViews<S>& views) const {
        for_each_parameter(shape_, views, [&](auto view, auto before, auto rows, auto columns) {
            scatter<V>(from + before * row, rows, columns, first_, count_, view);
        });
    }

    // Nothing flows back in lanes whose sequence has not begun.
    void hold_back(std::size_t t, S* delta, std::size_t rows) const {
        const auto begun = has_begun(t);
        for (std::size_t i = 0; i < rows; ++i) {
            M::store(delta + i * row, select(begun, M::load(delta + i * row), constant_like<V>(0.0)));
        }
    }

    Buffer<S> deltas_;  // dE/d(slots) of a chunk of steps
    Buffer<S> target_, weight_, output_gradient_, carried_, carried_next_, unused_, gradient_, loss_, ones_;
};

}  // namespace rnnlatch
