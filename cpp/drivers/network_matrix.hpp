// One larger network and a minibatch: what the matrix driver is given, and how it stores it.
//
// Units lie along the SIMD register: a column is the units of one sequence at one time, padded to whole packs. The walk over
// time is in drivers/matrix_walk.hpp; the products are those of matrix/*.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "drivers/matrix_losses.hpp"
#include "drivers/pointwise.hpp"
#include "lanes/buffer.hpp"
#include "matrix/product.hpp"

namespace rnnlatch {

inline constexpr std::size_t most_states = 2, most_gates = 4;

// A network with PyTorch's parameters, C-contiguous; null where there is none.
template <class Scalar>
struct Network {
    PointwiseCell<Scalar> cell;
    std::size_t inputs, hidden, outputs;  // outputs: rows of the read-out, 0 without one
    bool diagonal;
    std::int64_t read_unit;  // without a read-out: the unit that is the output, or -1 for all of them
    const Scalar *weight_ih, *weight_hh, *bias_ih, *bias_hh, *weight_out, *bias_out;

    std::size_t output_size() const { return outputs ? outputs : read_unit < 0 ? hidden : 1; }
};

// A minibatch: inputs (batch, time, inputs), or in their place symbols (batch, time), each the one input that is 1 while the
// others are 0; and of each state the initial one, null for zero; from sequence to sequence it moves on by `initial_stride`.
// Sequence b is its last lengths[b] steps (null: all); before them its state is the initial one.
template <class Scalar>
struct Minibatch {
    std::size_t size, steps;
    const Scalar* inputs;
    const std::uint32_t* symbols;
    const std::int64_t* lengths;
    std::array<const Scalar*, most_states> initial;
    std::size_t initial_stride;

    std::size_t begin(std::size_t sequence) const {
        return lengths ? steps - static_cast<std::size_t>(lengths[sequence]) : 0;
    }
};

// What is written out on the way, each null where it is not wanted: states (batch, time, hidden), output (batch, time,
// outputs), pre_activation and delta (batch, time, slots, hidden), state_gradient (batch, time, states, hidden),
// initial_gradient and last_states, those after the last step, (batch, hidden). Before a sequence begins, all but states and output are 0.
template <class Scalar>
struct Record {
    std::array<Scalar*, most_states> states{};
    Scalar *output = nullptr, *pre_activation = nullptr, *delta = nullptr, *state_gradient = nullptr;
    std::array<Scalar*, most_states> initial_gradient{}, last_states{};
};

// Fixed slices of a minibatch. Each is walked over by one thread and has its own gradient; these are added in their order,
// so no result depends on the number of threads. Slices are wide enough for the kernels, narrow enough for the cache, and
// of an even number, so that two threads share them.
inline constexpr std::size_t widest_slice = 24;
inline EvenParts slices(std::size_t batch) {
    constexpr std::size_t least = 12, most = widest_slice;
    const std::size_t count = batch < least ? 1 : 2 * ((batch + 2 * most - 1) / (2 * most));
    return EvenParts(batch, std::max<std::size_t>(1, (batch + count - 1) / count));
}

// The same where many minibatches follow each other and networks of few units have a thread each: few wide slices.
inline EvenParts slices_in_training(std::size_t batch, std::size_t hidden) {
    constexpr std::size_t shared_from = 128;
    return hidden < shared_from ? EvenParts(batch, widest_slice) : slices(batch);
}

// The weights as the products want them, packed once for all steps and slices.
template <class Scalar>
class PackedNetwork {
   public:
    // symbols: the inputs come as symbols, and the input weights as one column each.
    PackedNetwork(const Network<Scalar>& unpacked, bool backward, bool symbols = false)
        : network(unpacked),
          packs(packs_for<Scalar>(network.hidden)),
          width(packs * lanes_of<Scalar>),
          output_stride(packs_for<Scalar>(network.output_size()) * lanes_of<Scalar>),
          bias(network.cell.slots * width),
          diagonal(network.diagonal ? network.cell.gates * width : 0),
          symbol(symbols ? network.cell.gates * network.inputs * width : 0),
          readout(network.outputs, network.hidden),
          readout_back(backward ? network.hidden : 0, network.outputs),
          bias_out(output_stride) {
        const std::size_t hidden = network.hidden;
        for (std::size_t gate = 0; gate < network.cell.gates; ++gate) {
            if (!symbols) input.emplace_back(hidden, network.inputs);
            if (network.diagonal) continue;
            recurrent.emplace_back(hidden, hidden);
            if (backward) recurrent_back.emplace_back(hidden, hidden);
        }
        pack();
    }

    // Packs the weights again, after they have changed.
    void pack() {
        const std::size_t hidden = network.hidden, inputs = network.inputs;
        pack_biases();
        for (std::size_t gate = 0; gate < network.cell.gates; ++gate) {
            const Scalar* weight_hh = network.weight_hh + gate * hidden * (network.diagonal ? 1 : hidden);
            const Scalar* weight_ih = network.weight_ih + gate * hidden * inputs;
            if (symbol.empty()) {
                input[gate].pack(weight_ih, inputs, 1);
            } else {
                pack_symbols(gate, weight_ih);
            }
            if (network.diagonal) {
                std::copy(weight_hh, weight_hh + hidden, diagonal.data() + gate * width);
                continue;
            }
            recurrent[gate].pack(weight_hh, hidden, 1);
            if (!recurrent_back.empty()) recurrent_back[gate].pack(weight_hh, 1, hidden);
        }
        if (network.outputs == 0) return;
        readout.pack(network.weight_out, hidden, 1);
        if (readout_back.packs()) readout_back.pack(network.weight_out, 1, hidden);
        if (network.bias_out) std::copy(network.bias_out, network.bias_out + network.outputs, bias_out.data());
    }

    const Network<Scalar> network;
    const std::size_t packs, width;  // of a column of units
    const std::size_t output_stride;
    std::vector<PackedMatrix<Scalar>> input, recurrent, recurrent_back;  // one a gate
    Buffer<Scalar> bias, diagonal;                                       // bias: the sums of both, one column a slot
    Buffer<Scalar> symbol;  // a column for each gate and symbol: its input weights
    PackedMatrix<Scalar> readout, readout_back;
    Buffer<Scalar> bias_out;

   private:
    void pack_biases() {
        if (!network.bias_ih) return;
        const std::size_t hidden = network.hidden;
        std::fill(bias.begin(), bias.end(), Scalar{0});
        for (std::size_t gate = 0; gate < network.cell.gates; ++gate) {
            for (std::size_t i = 0; i < hidden; ++i) {
                bias[network.cell.input_slot[gate] * width + i] += network.bias_ih[gate * hidden + i];
                bias[network.cell.hidden_slot[gate] * width + i] += network.bias_hh[gate * hidden + i];
            }
        }
    }

    void pack_symbols(std::size_t gate, const Scalar* weight_ih) {
        Scalar* to = symbol.data() + gate * network.inputs * width;
        for (std::size_t k = 0; k < network.inputs; ++k, to += width) {
            for (std::size_t i = 0; i < network.hidden; ++i) to[i] = weight_ih[i * network.inputs + k];
        }
    }
};

// The gradient of one slice, in padded columns: weight_hh[gate][i] is a row over j, weight_ih[gate][k] is one over the
// units, as are bias[slot] and the diagonal weights; weight_out[o] is one over the units it reads. Omega is what the terms
// of the regulariser of the error's norm add up to (gradients/matrix_omega.hpp).
template <class Scalar>
struct SliceGradient {
    explicit SliceGradient(const PackedNetwork<Scalar>& packed)
        : weight_ih(packed.network.cell.gates * packed.network.inputs * packed.width),
          weight_hh(packed.network.cell.gates * (packed.network.diagonal ? 1 : packed.network.hidden) * packed.width),
          bias(packed.network.cell.slots * packed.width),
          weight_out(packed.network.outputs * packed.width),
          bias_out(packed.network.outputs ? packed.output_stride : 0) {}

    void clear() {
        loss = omega = 0, omega_terms = 0;
        for (Buffer<Scalar>* each : {&weight_ih, &weight_hh, &bias, &weight_out, &bias_out}) {
            std::fill(each->begin(), each->end(), Scalar{0});
        }
    }

    void add(const SliceGradient& other) {
        loss += other.loss;
        omega += other.omega, omega_terms += other.omega_terms;
        const auto add_each = [](Buffer<Scalar>& to, const Buffer<Scalar>& from) {
            for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
        };
        add_each(weight_ih, other.weight_ih);
        add_each(weight_hh, other.weight_hh);
        add_each(bias, other.bias);
        add_each(weight_out, other.weight_out);
        add_each(bias_out, other.bias_out);
    }

    double loss = 0, omega = 0;
    std::size_t omega_terms = 0;
    Buffer<Scalar> weight_ih, weight_hh, bias, weight_out, bias_out;
};

// The gradient under PyTorch's names and shapes; null where there is no such parameter.
template <class Scalar>
struct NetworkGradient {
    Scalar *weight_ih, *weight_hh, *bias_ih, *bias_hh, *weight_out, *bias_out;

    void assign(const Network<Scalar>& network, std::size_t width, const SliceGradient<Scalar>& from) const {
        const std::size_t hidden = network.hidden, inputs = network.inputs, outputs = network.outputs;
        const std::size_t rows = network.diagonal ? 1 : hidden;
        for (std::size_t gate = 0; gate < network.cell.gates; ++gate) {
            for (std::size_t k = 0; k < inputs; ++k) {
                const Scalar* column = from.weight_ih.data() + (gate * inputs + k) * width;
                for (std::size_t i = 0; i < hidden; ++i) weight_ih[(gate * hidden + i) * inputs + k] = column[i];
            }
            for (std::size_t row = gate * rows; row < (gate + 1) * rows; ++row) {
                std::copy_n(from.weight_hh.data() + row * width, hidden, weight_hh + row * hidden);
            }
            if (!bias_ih) continue;
            const Scalar* bias = from.bias.data();
            std::copy_n(bias + network.cell.input_slot[gate] * width, hidden, bias_ih + gate * hidden);
            std::copy_n(bias + network.cell.hidden_slot[gate] * width, hidden, bias_hh + gate * hidden);
        }
        for (std::size_t o = 0; o < outputs; ++o) {
            std::copy_n(from.weight_out.data() + o * width, hidden, weight_out + o * hidden);
        }
        if (bias_out) std::copy_n(from.bias_out.data(), outputs, bias_out);
    }
};

}  // namespace rnnlatch
