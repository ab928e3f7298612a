// The matrix driver: one network over a slice of a minibatch, forward and back (BPTT).
//
// A step forward is one product a slot, W, U and bias in one pass, then the cell's pointwise map while its operands are in
// cache. A step back is the pullback and one product with W^T; the gradients of weights are gathered over some 128 columns,
// sequences times steps, at once. A gradient takes memory for (steps + 1) states and what the cell keeps of each step of one
// slice: O(time x units x sequences). Forward alone stores two steps.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "drivers/network_matrix.hpp"
#include "drivers/teacher_forcing.hpp"
#include "engine/work.hpp"
#include "gradients/matrix_omega.hpp"
#include "lanes/buffer.hpp"
#include "matrix/outer.hpp"
#include "matrix/product.hpp"

namespace rnnlatch {

// What a walk is for: losses alone, their gradients too, and with those the regulariser of the error's norm.
struct WalkKind {
    bool backward = true;
    std::optional<OmegaForm> omega = std::nullopt;
    bool teacher_forcing = false;
    std::size_t widest = 0;  // sequences of the widest slice; 0: as slices() cuts the batch
};

// Storage for one thread, which walks over one slice after the other. It stops early where the work is cancelled. The batch
// may be another one at each walk, with at most as many steps as the first one.
template <class Scalar>
class MatrixWalk {
   public:
    MatrixWalk(const PackedNetwork<Scalar>& packed, const Minibatch<Scalar>& batch, const Record<Scalar>& record,
               const Work& work, const Targets<Scalar>* targets, WalkKind kind = {})
        : net_(packed),
          cell_(packed.network.cell),
          batch_(batch),
          record_(record),
          work_(work),
          targets_(targets),
          remembers_(targets && kind.backward),
          widest_(kind.widest ? kind.widest : slices(batch.size).size(0)),
          stored_(remembers_ ? batch.steps : 1),
          gathered_(std::min(batch.steps, (2 * outer_columns + widest_ - 1) / widest_)),
          delta_steps_(kind.omega ? batch.steps : gathered_),
          states_(cell_.states * state_distance()),
          kept_(cell_.kept * kept_distance()),
          inputs_(batch.symbols ? 0 : stored_ * widest_ * packed.network.inputs),
          sums_(cell_.slots * widest_ * net_.width),
          output_(widest_ * net_.output_stride),
          output_gradient_(targets ? (targets->every ? stored_ : 1) * widest_ * net_.output_stride : 0),
          delta_(remembers_ ? cell_.slots * delta_distance() : 0),
          flow_(cell_.states * widest_ * net_.width),
          untouched_(cell_.states * widest_ * net_.width),
          room_(room()) {
        if (kind.omega) omega_.emplace(packed, *kind.omega, widest_, batch.steps);
        if (kind.teacher_forcing) forcing_.emplace(packed.network, net_.width, batch, *targets, widest_);
    }

    // The states of the sequences [first, first + count), and with targets the loss.
    double forward(std::size_t first, std::size_t count) {
        const std::size_t steps = batch_.steps;
        first_ = first, count_ = count, latest_ = 0;
        for (std::size_t b = 0; b < count; ++b) latest_ = std::max(latest_, batch_.begin(first + b));
        set_initial_states();
        double loss = 0;
        for (std::size_t t = 0; t < steps && !work_.cancelled(); ++t) {
            step(t);
            for (std::size_t s = 0; s < cell_.states; ++s) {
                record({states(t + 1)[s], 0}, 1, t, true, record_.states[s]);
            }
            const bool scored = targets_ && (targets_->every || t + 1 == steps);
            if (scored || record_.output) loss += read_out(t, scored);
            if (forcing_ && t + 1 < steps) forcing_->force(t, first_, count_, states(t + 1)[0]);
        }
        record_ends(states(steps), record_.last_states);
        return loss;
    }

    // After forward: adds the slice's gradient of the mean loss over the whole minibatch; with the regulariser only its terms,
    // and the gradient is that of gather_with_omega. truncate = k > 0 cuts the gradient
    // that flows back through time every k steps, counted from the last one; the initial state is never cut off from
    // the sequence's first step.
    void backward(std::size_t truncate, SliceGradient<Scalar>& gradient) {
        const std::size_t steps = batch_.steps;
        std::fill_n(flow_.data(), cell_.states * widest_ * net_.width, Scalar{0});
        std::size_t end = steps, begin = steps - std::min(steps, gathered_);
        for (std::size_t t = steps; t-- > 0 && !work_.cancelled();) {
            const bool forced = forcing_ && t + 1 < steps;
            if (forced) forcing_->stop(t, first_, count_, flow()[0]);
            if (targets_->every || t + 1 == steps) add_loss_gradient(t);
            record(flow(), cell_.states, t, false, record_.state_gradient);
            if (omega_ && omega_->of_state()) omega_->measure_error(flow()[0], count_);
            if (forced) forcing_->exchange(t, first_, count_, states(t + 1)[0]);
            step_back(t, omega_ ? t : t - begin);
            if (forced) forcing_->exchange(t, first_, count_, states(t + 1)[0]);
            if (omega_) add_omega(t, gradient);
            if (truncate && (steps - t) % truncate == 0) cut(t);
            if (t > begin || omega_) continue;
            gather(begin, end, gradient);
            end = begin, begin -= std::min(begin, gathered_);
        }
        if (!targets_->every) gather_read_out(steps - 1, steps, gradient);
        if (omega_) return;
        record_ends(flow(), record_.initial_gradient);
    }

    // After backward: adds the gradient of the loss and `weight` times the one of the regulariser's terms. They are one sum of
    // outer products of delta, once the weight is known, which may depend on the number of terms.
    void gather_with_omega(Scalar weight, SliceGradient<Scalar>& gradient) {
        for (std::size_t end = batch_.steps; end > 0;) {
            const std::size_t begin = end - std::min(end, gathered_), size = (end - begin) * count_;
            omega_->add_times(weight, states(begin)[0], begin, size, count_);
            gather(begin, end, gradient);
            end = begin;
        }
    }

   private:
    // ---- where things are ----
    Columns columns() const { return {count_, net_.packs, net_.width}; }
    std::size_t state_distance() const { return (stored_ + 1) * widest_ * net_.width; }
    std::size_t kept_distance() const { return stored_ * widest_ * net_.width; }
    std::size_t delta_distance() const { return delta_steps_ * widest_ * net_.width; }

    // The states before step t.
    Arrays<Scalar> states(std::size_t t) {
        return {states_.data() + (remembers_ ? t : t % 2) * count_ * net_.width, state_distance()};
    }
    Arrays<Scalar> kept(std::size_t t) {
        return {kept_.data() + (remembers_ ? t : 0) * count_ * net_.width, kept_distance()};
    }
    Scalar* inputs(std::size_t t) { return inputs_.data() + (remembers_ ? t : 0) * count_ * net_.network.inputs; }
    Arrays<Scalar> sums() { return {sums_.data(), widest_ * net_.width}; }
    Arrays<Scalar> delta(std::size_t place) { return {delta_.data() + place * count_ * net_.width, delta_distance()}; }
    // dE/d(states), as it flows back.
    Arrays<Scalar> flow() { return {flow_.data(), widest_ * net_.width}; }
    Scalar* output_gradient(std::size_t t) {
        return output_gradient_.data() + (targets_->every && remembers_ ? t : 0) * count_ * net_.output_stride;
    }
    static Arrays<const Scalar> constant_arrays(Arrays<Scalar> arrays) { return {arrays.data, arrays.distance}; }

    // Numbers that sums of outer products want room for: the columns of units, of inputs and of outputs, where they are copied.
    std::size_t room() const {
        const Network<Scalar>& network = net_.network;
        if (!remembers_ || !outer_copies<Scalar>(net_.width)) return 0;
        return outer_columns * std::max({network.hidden, batch_.symbols ? 0 : network.inputs, network.outputs});
    }

    bool begun(std::size_t b, std::size_t t) const { return t >= batch_.begin(first_ + b); }

    // ---- forward ----
    void set_initial_states() {
        for (std::size_t state = 0; state < cell_.states; ++state) {
            const Scalar* from = batch_.initial[state];
            for (std::size_t b = 0; b < count_; ++b) {
                Scalar* to = states(0)[state] + b * net_.width;
                std::fill_n(to, net_.width, Scalar{0});
                if (from) std::copy_n(from + (first_ + b) * batch_.initial_stride, net_.network.hidden, to);
            }
        }
    }

    // The inputs of step t, sequence after sequence; 0 where a sequence has not begun.
    const Scalar* take_inputs(std::size_t t) {
        const std::size_t size = net_.network.inputs;
        Scalar* to = inputs(t);
        for (std::size_t b = 0; b < count_; ++b, to += size) {
            if (begun(b, t)) {
                std::copy_n(batch_.inputs + ((first_ + b) * batch_.steps + t) * size, size, to);
            } else {
                std::fill_n(to, size, Scalar{0});
            }
        }
        return inputs(t);
    }

    void step(std::size_t t) {
        const Arrays<Scalar> before = states(t), after = states(t + 1), a = sums();
        const Scalar* input = batch_.symbols ? nullptr : take_inputs(t);
        for (std::size_t slot = 0; slot < cell_.slots; ++slot) {
            const Scalar* initial = net_.bias.data() + slot * net_.width;
            std::size_t stride = 0;
            ProductTerm<Scalar> terms[2];
            std::size_t count = 0;
            for (std::size_t gate = 0; gate < cell_.gates; ++gate) {
                if (cell_.input_slot[gate] == slot) {
                    if (batch_.symbols) {
                        add_symbols(gate, t, initial, a[slot]);
                        initial = a[slot], stride = net_.width;
                    } else {
                        terms[count++] = {&net_.input[gate], input, net_.network.inputs};
                    }
                }
                if (cell_.hidden_slot[gate] == slot && !net_.network.diagonal) {
                    terms[count++] = {&net_.recurrent[gate], before[0], net_.width};
                }
            }
            if (count) product(terms, count, count_, initial, stride, a[slot], net_.width);
        }
        for (std::size_t gate = 0; net_.network.diagonal && gate < cell_.gates; ++gate) {
            add_diagonal(gate, before[0], a[cell_.hidden_slot[gate]]);
        }
        cell_.forward(columns(), constant_arrays(a), constant_arrays(before), after, kept(t));
        for (std::size_t b = 0; b < count_ && t < latest_; ++b) {
            if (begun(b, t)) continue;
            for (std::size_t state = 0; state < cell_.states; ++state) {
                std::copy_n(before[state] + b * net_.width, net_.width, after[state] + b * net_.width);
            }
        }
        record(a, cell_.slots, t, false, record_.pre_activation);
    }

    std::uint32_t symbol(std::size_t b, std::size_t t) const { return batch_.symbols[(first_ + b) * batch_.steps + t]; }

    // The bias and, where a sequence has begun, the input weights of its symbol.
    void add_symbols(std::size_t gate, std::size_t t, const Scalar* bias, Scalar* to) const {
        using P = PackOf<Scalar>;
        const Scalar* columns = net_.symbol.data() + gate * net_.network.inputs * net_.width;
        for (std::size_t b = 0; b < count_; ++b, to += net_.width) {
            const Scalar* column = columns + symbol(b, t) * net_.width;
            for (std::size_t i = 0; i < net_.width; i += lanes_of<Scalar>) {
                store(to + i, begun(b, t) ? load<P>(bias + i) + load<P>(column + i) : load<P>(bias + i));
            }
        }
    }

    // to += w from, elementwise, with the weights of a diagonal recurrence.
    void add_diagonal(std::size_t gate, const Scalar* from, Scalar* to) {
        using P = PackOf<Scalar>;
        const Scalar* w = net_.diagonal.data() + gate * net_.width;
        for (std::size_t place = 0; place < count_ * net_.width; place += lanes_of<Scalar>) {
            store(to + place, fma(load<P>(w + place % net_.width), load<P>(from + place), load<P>(to + place)));
        }
    }

    // The outputs after step t, and where they are scored the loss and its derivative.
    double read_out(std::size_t t, bool scored) {
        const Network<Scalar>& network = net_.network;
        const std::size_t outputs = network.output_size();
        const Scalar* h = states(t + 1)[0];
        const Scalar* y = h + (network.read_unit < 0 ? 0 : network.read_unit);
        std::size_t stride = net_.width;
        if (network.outputs) {
            y = output_.data(), stride = net_.output_stride;
            product({{&net_.readout, h, net_.width}}, count_, net_.bias_out.data(), 0, output_.data(), stride);
        }
        double loss = 0;
        for (std::size_t b = 0; b < count_; ++b) {
            const Scalar* each = y + b * stride;
            const std::size_t sequence = first_ + b;
            if (record_.output) std::copy_n(each, outputs, record_.output + (sequence * batch_.steps + t) * outputs);
            if (!scored) continue;
            Scalar* derivative = output_gradient(t) + b * net_.output_stride;
            if (begun(b, t)) {
                const std::size_t term = targets_->every ? sequence * batch_.steps + t : sequence;
                loss += targets_->term(term, each, outputs, Scalar{1} / static_cast<Scalar>(batch_.size), derivative);
                if (targets_->wrong && !targets_->right(term, each, outputs)) targets_->wrong[sequence] = 1;
            } else {
                std::fill_n(derivative, outputs, Scalar{0});
            }
        }
        return loss;
    }

    // ---- back ----
    void add_loss_gradient(std::size_t t) {
        const Network<Scalar>& network = net_.network;
        const Scalar* derivative = output_gradient(t);
        Scalar* g = flow()[0];
        if (network.outputs) {
            product({{&net_.readout_back, derivative, net_.output_stride}}, count_, g, net_.width, g, net_.width);
            return;
        }
        const std::size_t shift = network.read_unit < 0 ? 0 : static_cast<std::size_t>(network.read_unit);
        for (std::size_t b = 0; b < count_; ++b) {
            for (std::size_t o = 0; o < network.output_size(); ++o) {
                g[b * net_.width + shift + o] += derivative[b * net_.output_stride + o];
            }
        }
    }

    void step_back(std::size_t t, std::size_t place) {
        const Arrays<Scalar> g = flow(), d = delta(place);
        const std::size_t size = count_ * net_.width;
        if (t < latest_) {
            for (std::size_t s = 0; s < cell_.states; ++s) std::copy_n(g[s], size, untouched_.data() + s * size);
        }
        cell_.pullback(columns(), constant_arrays(states(t)), constant_arrays(states(t + 1)), constant_arrays(kept(t)),
                       g, d);
        for (std::size_t b = 0; b < count_ && t < latest_; ++b) {
            if (begun(b, t)) continue;
            const std::size_t from = b * net_.width;
            for (std::size_t slot = 0; slot < cell_.slots; ++slot) std::fill_n(d[slot] + from, net_.width, Scalar{0});
            for (std::size_t s = 0; s < cell_.states; ++s) {
                std::copy_n(untouched_.data() + s * size + from, net_.width, g[s] + from);
            }
        }
        record(d, cell_.slots, t, false, record_.delta);
        if (t == 0 && !record_.initial_gradient[0] && !omega_) return;
        ProductTerm<Scalar> terms[most_gates];
        for (std::size_t gate = 0; gate < cell_.gates; ++gate) {
            const Scalar* from = d[cell_.hidden_slot[gate]];
            if (net_.network.diagonal) {
                add_diagonal(gate, from, g[0]);
            } else {
                terms[gate] = {&net_.recurrent_back[gate], from, net_.width};
            }
        }
        if (!net_.network.diagonal) product(terms, cell_.gates, count_, g[0], net_.width, g[0], net_.width);
    }

    // The regulariser's term of the error that goes from step t to the one before, of a cell with one gate. The state before a
    // sequence's first step is one too, a pre-activation there is not.
    void add_omega(std::size_t t, SliceGradient<Scalar>& gradient) {
        const bool state = omega_->of_state();
        if (!state) omega_->measure_error(delta(t)[0], count_);
        if (t == 0 && !state) return omega_->skip(t, count_);
        const std::size_t earlier = t == 0 ? 0 : t - 1;  // not used for the state
        omega_->add_step(
            t, count_, flow()[0], constant_arrays(states(earlier)), constant_arrays(states(t)),
            constant_arrays(kept(earlier)),
            [&](std::size_t b) { return state ? begun(b, t) : t > batch_.begin(first_ + b); }, gradient);
    }

    // What flows from step t to the one before is dropped, except to an initial state.
    void cut(std::size_t t) {
        for (std::size_t b = 0; b < count_; ++b) {
            if (t <= batch_.begin(first_ + b)) continue;
            for (std::size_t s = 0; s < cell_.states; ++s)
                std::fill_n(flow()[s] + b * net_.width, net_.width, Scalar{0});
        }
    }

    // The gradients of the weights from the steps [begin, end).
    void gather(std::size_t begin, std::size_t end, SliceGradient<Scalar>& gradient) {
        const Network<Scalar>& network = net_.network;
        const std::size_t width = net_.width, size = (end - begin) * count_;
        const Arrays<Scalar> d = delta(omega_ ? begin : 0);
        const Scalar* h = omega_ ? omega_->pulled(begin, count_) : states(begin)[0];
        for (std::size_t gate = 0; gate < cell_.gates; ++gate) {
            const Scalar *hidden = d[cell_.hidden_slot[gate]], *input = d[cell_.input_slot[gate]];
            if (network.diagonal) {
                add_columns(net_.packs, hidden, h, width, size, gradient.weight_hh.data() + gate * width);
            } else {
                add_outer(net_.packs, h, width, network.hidden, hidden, width, size,
                          gradient.weight_hh.data() + gate * network.hidden * width, width, room_.data());
            }
            Scalar* weight_ih = gradient.weight_ih.data() + gate * network.inputs * width;
            if (batch_.symbols) {
                gather_symbols(begin, end, input, weight_ih);
            } else {
                add_outer(net_.packs, input, width, network.inputs, static_cast<const Scalar*>(inputs(begin)),
                          network.inputs, size, weight_ih, width, room_.data());
            }
        }
        const Scalar* none = nullptr;
        for (std::size_t slot = 0; network.bias_ih && slot < cell_.slots; ++slot) {
            const Scalar* each = d[slot];
            add_columns(net_.packs, each, none, width, size, gradient.bias.data() + slot * width);
        }
        if (targets_->every) gather_read_out(begin, end, gradient);
    }

    void gather_symbols(std::size_t begin, std::size_t end, const Scalar* delta_of_input, Scalar* weight_ih) const {
        using P = PackOf<Scalar>;
        for (std::size_t t = begin; t < end; ++t) {
            for (std::size_t b = 0; b < count_; ++b, delta_of_input += net_.width) {
                Scalar* to = weight_ih + symbol(b, t) * net_.width;  // delta is 0 where a sequence has not begun
                for (std::size_t i = 0; i < net_.width; i += lanes_of<Scalar>) {
                    store(to + i, load<P>(to + i) + load<P>(delta_of_input + i));
                }
            }
        }
    }

    void gather_read_out(std::size_t begin, std::size_t end, SliceGradient<Scalar>& gradient) {
        const std::size_t outputs = net_.network.outputs, stride = net_.output_stride, size = (end - begin) * count_;
        if (outputs == 0) return;
        const Scalar *derivative = output_gradient(begin), *h = states(begin + 1)[0];
        add_outer(net_.packs, h, net_.width, outputs, derivative, stride, size, gradient.weight_out.data(), net_.width,
                  room_.data());
        for (std::size_t column = 0; column < size; ++column) {
            for (std::size_t o = 0; o < outputs; ++o) gradient.bias_out[o] += derivative[column * stride + o];
        }
    }

    // ---- what is written out ----

    // `count` arrays of units of step t, to (batch, time, count, hidden); 0 before a sequence begins unless `always`.
    void record(Arrays<Scalar> from, std::size_t count, std::size_t t, bool always, Scalar* to) const {
        if (!to) return;
        const std::size_t hidden = net_.network.hidden;
        for (std::size_t b = 0; b < count_; ++b) {
            Scalar* each = to + ((first_ + b) * batch_.steps + t) * count * hidden;
            for (std::size_t i = 0; i < count; ++i, each += hidden) {
                if (always || begun(b, t)) {
                    std::copy_n(from[i] + b * net_.width, hidden, each);
                } else {
                    std::fill_n(each, hidden, Scalar{0});
                }
            }
        }
    }

    // Arrays of units before the first step or after the last one, each to (batch, hidden) where it is wanted.
    void record_ends(Arrays<Scalar> from, const std::array<Scalar*, most_states>& to) const {
        const std::size_t hidden = net_.network.hidden;
        for (std::size_t state = 0; state < cell_.states; ++state) {
            for (std::size_t b = 0; to[state] && b < count_; ++b) {
                std::copy_n(from[state] + b * net_.width, hidden, to[state] + (first_ + b) * hidden);
            }
        }
    }

    const PackedNetwork<Scalar>& net_;
    const PointwiseCell<Scalar>& cell_;
    const Minibatch<Scalar>& batch_;
    const Record<Scalar>& record_;
    const Work& work_;
    const Targets<Scalar>* targets_;
    const bool remembers_;        // every step, for the way back
    const std::size_t widest_;    // sequences of the widest slice
    const std::size_t stored_;    // steps that are remembered
    const std::size_t gathered_;  // steps whose columns the gradients of the weights take at once
    std::size_t first_ = 0, count_ = 0;
    std::size_t latest_ = 0;         // the step at which all sequences of the slice have begun
    const std::size_t delta_steps_;  // steps whose delta is kept
    Scratch<Scalar> states_, kept_, inputs_, sums_, output_, output_gradient_, delta_, flow_, untouched_;
    Scratch<Scalar> room_;  // for sums of outer products
    std::optional<MatrixOmega<Scalar>> omega_;
    std::optional<TeacherForcing<Scalar>> forcing_;
};

}  // namespace rnnlatch
