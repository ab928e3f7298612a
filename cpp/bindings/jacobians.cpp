// jacobian_norms, singular_spectrum and cell_partials: one network, one or more sequences.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/sequences.hpp"
#include "gradients/jacobian_norms.hpp"
#include "gradients/singular_spectrum.hpp"

namespace rnnlatch::bindings {
namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

ArrayResults<double> jacobian_norms(const Described& structure, const Arrays<double>& parameters,
                                    const NDArray<double>& inputs, const Optional<NDArray<double>>& initial,
                                    const std::string& norms, int threads,
                                    const Optional<NDArray<std::int64_t>>& lengths,
                                    const Optional<NDArray<double>>& seed) {
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

NDArray<double> singular_spectrum(const Described& structure, const Arrays<double>& parameters,
                                  const NDArray<double>& inputs, const Optional<NDArray<double>>& initial,
                                  const NDArray<std::int64_t>& lags, int threads,
                                  const Optional<NDArray<std::int64_t>>& lengths) {
    const Sequences sequences(structure, parameters, inputs, lengths, initial);
    const auto wanted = require(lags, "lags", {-1});
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
ArrayResults<double> cell_partials(const Described& structure, const Arrays<double>& parameters,
                                   const NDArray<double>& inputs, const Optional<NDArray<double>>& initial, int threads,
                                   const Optional<NDArray<std::int64_t>>& lengths) {
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
