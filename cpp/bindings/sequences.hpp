// What the analyses of one network take first: the network, its sequences, where they begin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/threads.hpp"
#include "gradients/trajectory.hpp"

namespace rnnlatch::bindings {

// One network and the sequences that run through it, kept alive while the threads work.
class Sequences {
   public:
    Sequences(const Described& structure, const Arrays<double>& parameters, const NDArray<double>& inputs,
              const Optional<NDArray<std::int64_t>>& lengths, const Optional<NDArray<double>>& initial)
        : inputs_(require(inputs, "inputs", {-1, -1, integer(structure, "inputs", 1)})) {
        const auto activation = structure.contains("activation") ? text_of(structure, "activation") : std::string();
        network.cell = cell_functions(text_of(structure, "cell"), activation);
        network.inputs = static_cast<std::size_t>(inputs_.shape(2));
        network.hidden = static_cast<std::size_t>(integer(structure, "hidden", 1, 1 << 20));
        network.diagonal = structure.contains("diagonal") && integer(structure, "diagonal", 0, 1);
        const auto hidden = static_cast<py::ssize_t>(network.hidden);
        const py::ssize_t rows = static_cast<py::ssize_t>(network.cell.gates) * hidden;
        const auto parameter = [&](const char* name, const std::vector<py::ssize_t>& shape) {
            keep_.push_back(require<double>(entry(parameters, name), name, shape));
            return keep_.back().data();
        };
        network.weight_ih = parameter("weight_ih_l0", {rows, inputs_.shape(2)});
        network.weight_hh =
            network.diagonal ? parameter("weight_hh_l0", {hidden}) : parameter("weight_hh_l0", {rows, hidden});
        const bool bias = integer(structure, "bias", 0, 1);
        network.bias_ih = bias ? parameter("bias_ih_l0", {rows}) : nullptr;
        network.bias_hh = bias ? parameter("bias_hh_l0", {rows}) : nullptr;
        if (!lengths.is_none()) {
            lengths_ = require<std::int64_t>(lengths, "lengths", {inputs_.shape(0)});
            for (py::ssize_t b = 0; b < lengths_.size(); ++b) {
                if (lengths_.at(b) < 1 || lengths_.at(b) > inputs_.shape(1)) {
                    throw py::value_error("lengths must lie between 1 and the number of steps");
                }
            }
        }
        if (!initial.is_none()) {
            const auto given =
                require<double>(initial, "initial", {inputs_.shape(0), static_cast<py::ssize_t>(states()), hidden});
            initial_.assign(given.data(), given.data() + given.size());
        } else if (parameters.contains("h_0")) {
            for (std::size_t b = 0; b < count(); ++b) {
                for (std::size_t s = 0; s < states(); ++s) {
                    const char* name = s == 0 ? "h_0" : "c_0";
                    const auto start = require<double>(entry(parameters, name), name, {hidden});
                    initial_.insert(initial_.end(), start.data(), start.data() + hidden);
                }
            }
        }
    }

    RecurrentNetwork network;

    std::size_t count() const { return static_cast<std::size_t>(inputs_.shape(0)); }
    std::size_t steps() const { return static_cast<std::size_t>(inputs_.shape(1)); }
    std::size_t states() const { return network.cell.states; }
    std::size_t length(std::size_t b) const {
        return lengths_.size() ? static_cast<std::size_t>(lengths_.data()[b]) : steps();
    }

    // (steps, inputs), and (states, hidden) or null for zero.
    const double* inputs(std::size_t b) const { return inputs_.data() + b * steps() * network.inputs; }
    const double* initial(std::size_t b) const {
        return initial_.empty() ? nullptr : initial_.data() + b * network.state_size();
    }

    Trajectory trajectory(std::size_t b) const {
        return {network, inputs(b + 1) - length(b) * network.inputs, length(b), initial(b)};
    }

    // Calls one(sequence) for each of them, without the GIL; looks for Ctrl-C meanwhile. `products`: about how many
    // products of square matrices a step takes.
    void for_each(int threads, double products, const std::function<void(std::size_t, const Work&)>& one) const {
        Work work(count());
        const auto worker = [&] {
            while (const auto b = work.take()) one(*b, work);
        };
        const auto size = static_cast<double>(network.state_size());
        run(threads, work, py::none(), worker,
            2 * products * size * size * size * static_cast<double>(steps() * count()));
    }

   private:
    Array<double> inputs_;
    Array<std::int64_t> lengths_{0};
    std::vector<Array<double>> keep_;
    std::vector<double> initial_;
};

}  // namespace rnnlatch::bindings
