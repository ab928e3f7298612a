// jacobian_norms, singular_spectrum and cell_partials: one network, one or more sequences.
#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/threads.hpp"
#include "gradients/jacobian_norms.hpp"
#include "gradients/singular_spectrum.hpp"

namespace rnnlatch::bindings {
namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

// The arguments that the three functions share, kept alive while the threads work.
class Sequences {
   public:
    Sequences(const py::dict& structure, const py::dict& parameters, const py::handle& inputs,
              const py::object& lengths, const py::object& initial)
        : inputs_(require<double>(inputs, "inputs", {-1, -1, integer(structure, "inputs", 1)})) {
        const auto activation =
            structure.contains("activation") ? entry(structure, "activation").cast<std::string>() : "";
        network.cell = cell_functions(entry(structure, "cell").cast<std::string>(), activation);
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

    Trajectory trajectory(std::size_t b) const {
        const double* end = inputs_.data() + (b + 1) * steps() * network.inputs;
        return {network, end - length(b) * network.inputs, length(b),
                initial_.empty() ? nullptr : initial_.data() + b * network.state_size()};
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

py::dict jacobian_norms(const py::dict& structure, const py::dict& parameters, const py::handle& inputs,
                        const py::object& initial, const std::string& norms, int threads, const py::object& lengths,
                        const py::object& seed) {
    if (norms != "frobenius" && norms != "spectral" && norms != "both" && norms != "none") {
        throw py::value_error("norms is '" + norms + "', allowed are frobenius, spectral, both and none");
    }
    const Sequences sequences(structure, parameters, inputs, lengths, initial);
    const std::size_t count = sequences.count(), lags = sequences.steps() + 1;
    py::dict out;
    const auto series = [&](const std::string& name, bool wanted) {
        NormSeries made;
        for (const bool logarithm : {false, true}) {
            if (!wanted) break;
            Array<double> array({count, lags});
            std::fill_n(array.mutable_data(), array.size(), nan_value);
            out[py::str((logarithm ? "log_" : "") + name)] = array;
            (logarithm ? made.logarithm : made.value) = array.mutable_data();
        }
        return made;
    };
    JacobianNorms all;
    all.frobenius = series("frobenius", norms == "frobenius" || norms == "both");
    all.spectral = series("spectral", norms == "spectral" || norms == "both");
    Array<double> gradient;
    if (!seed.is_none()) {
        gradient = require<double>(seed, "seed",
                                   {static_cast<py::ssize_t>(count), static_cast<py::ssize_t>(sequences.states()),
                                    static_cast<py::ssize_t>(sequences.network.hidden)});
        all.gradient = series("loss_gradient", true);
        all.seed = gradient.data();
    }
    const bool spectral = all.spectral.value != nullptr;
    sequences.for_each(threads, spectral ? 10 : 1, [&](std::size_t b, const Work& work) {
        const auto from = [&](NormSeries of) {
            return of.value ? NormSeries{of.value + b * lags, of.logarithm + b * lags} : of;
        };
        rnnlatch::jacobian_norms(sequences.trajectory(b),
                                 {from(all.frobenius), from(all.spectral), from(all.gradient),
                                  all.seed ? all.seed + b * sequences.network.state_size() : nullptr},
                                 work);
    });
    return out;
}

Array<double> singular_spectrum(const py::dict& structure, const py::dict& parameters, const py::handle& inputs,
                                const py::object& initial, const py::handle& lags, int threads,
                                const py::object& lengths) {
    const Sequences sequences(structure, parameters, inputs, lengths, initial);
    const auto wanted = require<std::int64_t>(lags, "lags", {-1});
    const std::vector<std::size_t> all(wanted.data(), wanted.data() + wanted.size());
    if (!std::is_sorted(all.begin(), all.end()) || (!all.empty() && all.back() > sequences.steps())) {
        throw py::value_error("lags must rise from 0 or more to at most the number of steps");
    }
    const std::size_t size = sequences.network.state_size();
    Array<double> out({sequences.count(), all.size(), size});
    double* to = out.mutable_data();
    std::fill_n(to, out.size(), nan_value);
    sequences.for_each(threads, 4, [&](std::size_t b, const Work& work) {
        const auto end = std::upper_bound(all.begin(), all.end(), sequences.length(b));
        rnnlatch::singular_spectrum(sequences.trajectory(b), {all.begin(), end}, to + b * all.size() * size, work);
    });
    return out;
}

// Everything that the trajectory knows, without padding; what precedes a sequence is 0.
py::dict cell_partials(const py::dict& structure, const py::dict& parameters, const py::handle& inputs,
                       const py::object& initial, int threads, const py::object& lengths) {
    const Sequences sequences(structure, parameters, inputs, lengths, initial);
    const CellFunctions& cell = sequences.network.cell;
    const std::size_t count = sequences.count(), steps = sequences.steps(), hidden = sequences.network.hidden;
    const std::size_t units = sequences.network.units(), states = cell.states, slots = cell.slots;
    Array<double> state({count, steps + 1, states, hidden}), pre_activation({count, steps, slots, hidden});
    Array<double> by_slot({count, steps, states, slots, hidden}), by_state({count, steps, states, states, hidden});
    for (auto* array : {&state, &pre_activation, &by_slot, &by_state}) {
        std::fill_n(array->mutable_data(), array->size(), 0.0);
    }
    double *to_state = state.mutable_data(), *to_a = pre_activation.mutable_data();
    double *to_slot = by_slot.mutable_data(), *to_previous = by_state.mutable_data();
    sequences.for_each(threads, 1, [&](std::size_t b, const Work&) {
        const Trajectory trajectory = sequences.trajectory(b);
        Buffer<double> slot_part(states * slots * units), state_part(states * states * units);
        const auto copy = [&](const double* from, std::size_t rows, double* to, std::size_t place) {
            for (std::size_t row = 0; row < rows; ++row)
                std::copy_n(from + row * units, hidden, to + (place * rows + row) * hidden);
        };
        const std::size_t before = steps - trajectory.steps();
        for (std::size_t t = 0; t <= before; ++t) copy(trajectory.previous(0), states, to_state, b * (steps + 1) + t);
        for (std::size_t t = 0; t < trajectory.steps(); ++t) {
            const std::size_t place = b * steps + before + t;
            cell.partials(units, trajectory.pre_activation(t), trajectory.previous(t), slot_part.data(),
                          state_part.data());
            copy(trajectory.previous(t + 1), states, to_state, b * (steps + 1) + before + t + 1);
            copy(trajectory.pre_activation(t), slots, to_a, place);
            copy(slot_part.data(), states * slots, to_slot, place);
            copy(state_part.data(), states * states, to_previous, place);
        }
    });
    using namespace py::literals;
    return py::dict("state"_a = state, "pre_activation"_a = pre_activation, "by_slot"_a = by_slot,
                    "by_state"_a = by_state);
}

}  // namespace

void bind_jacobians(py::module_& m) {
    using namespace py::literals;
    m.def("jacobian_norms", &jacobian_norms, "structure"_a, "parameters"_a, "inputs"_a, "initial"_a, "norms"_a,
          "threads"_a, "lengths"_a = py::none(), "seed"_a = py::none());
    m.def("singular_spectrum", &singular_spectrum, "structure"_a, "parameters"_a, "inputs"_a, "initial"_a, "lags"_a,
          "threads"_a, "lengths"_a = py::none());
    m.def("cell_partials", &cell_partials, "structure"_a, "parameters"_a, "inputs"_a, "initial"_a, "threads"_a,
          "lengths"_a = py::none());
}

}  // namespace rnnlatch::bindings
