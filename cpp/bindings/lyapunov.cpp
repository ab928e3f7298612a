// lyapunov and lyapunov_of_jacobians: one network on one or more sequences, and matrices that are given.
#include "dynamics/lyapunov.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/sequences.hpp"
#include "bindings/threads.hpp"

namespace rnnlatch::bindings {
namespace {

// The sum of two of them is far from the end of 64 bits, from which the time that a call takes is estimated.
constexpr std::int64_t most_lyapunov_steps = std::int64_t{1} << 53;

std::vector<std::size_t> steps_of(const NDArray<std::int64_t>& records, std::int64_t steps) {
    const auto array = require(records, "records", {-1});
    std::vector<std::size_t> found;
    for (py::ssize_t i = 0; i < array.size(); ++i) {
        const std::int64_t step = array.at(i);
        if (step < 1 || step > steps || (!found.empty() && static_cast<std::size_t>(step) <= found.back())) {
            throw py::value_error("records must rise from 1 or more to at most the number of steps");
        }
        found.push_back(static_cast<std::size_t>(step));
    }
    if (found.empty()) throw py::value_error("records is empty");
    return found;
}

ArrayResults<void> lyapunov(const Described& structure, const Arrays<double>& parameters, const NDArray<double>& inputs,
                            const Optional<NDArray<double>>& initial, const NDArray<double>& basis,
                            std::int64_t transient, std::int64_t steps, const NDArray<std::int64_t>& records,
                            int threads) {
    const Sequences sequences(structure, parameters, inputs, py::none(), initial);
    const RecurrentNetwork& network = sequences.network;
    if (transient < 0 || steps < 1) throw py::value_error("transient must be at least 0, and steps at least 1");
    if (transient > most_lyapunov_steps || steps > most_lyapunov_steps) {
        throw py::value_error("transient and steps must be at most 2^53");
    }
    if (sequences.steps() != 1 && sequences.steps() != static_cast<std::size_t>(transient + steps)) {
        throw py::value_error("inputs must have transient + steps steps, or one");
    }
    const auto size = static_cast<py::ssize_t>(network.state_size());
    const auto start = require(basis, "basis", {size, -1});
    if (start.shape(1) < 1 || start.shape(1) > size) throw py::value_error("basis must have 1 to state size columns");
    const std::vector<std::size_t> wanted = steps_of(records, steps);
    const auto exponents = static_cast<std::size_t>(start.shape(1));
    const LyapunovWalk walk{static_cast<std::size_t>(transient), static_cast<std::size_t>(steps), wanted, exponents,
                            start.data()};
    const std::size_t count = sequences.count();
    Array<double> log_growth({count, wanted.size(), exponents});
    Array<std::int64_t> diverged(static_cast<py::ssize_t>(count));
    const LyapunovResult all{log_growth.mutable_data(), diverged.mutable_data()};
    const std::size_t stride = sequences.steps() == 1 ? 0 : network.inputs;
    sequences.for_each(threads, 2.0 * static_cast<double>(transient + steps) / static_cast<double>(sequences.steps()),
                       [&](std::size_t b, const Work& work) {
                           rnnlatch::lyapunov(network, sequences.initial(b), sequences.inputs(b), stride, walk,
                                              {all.log_growth + b * wanted.size() * exponents, all.diverged + b}, work);
                       });
    using namespace py::literals;
    return py::dict("log_growth"_a = log_growth, "diverged"_a = diverged);
}

py::typing::Tuple<NDArray<double>, NDArray<double>> lyapunov_of_jacobians(const NDArray<double>& jacobians,
                                                                          const NDArray<double>& basis,
                                                                          const NDArray<std::int64_t>& records) {
    const auto given = require(jacobians, "jacobians", {-1, -1, -1});
    const py::ssize_t size = given.shape(1);
    if (given.shape(2) != size || size < 1) throw py::value_error("jacobians must be square matrices");
    const auto start = require(basis, "basis", {size, -1});
    if (start.shape(1) < 1 || start.shape(1) > size) throw py::value_error("basis must have 1 to state size columns");
    const std::vector<std::size_t> wanted = steps_of(records, given.shape(0));
    Array<double> log_growth({static_cast<py::ssize_t>(wanted.size()), start.shape(1)});
    Array<double> vectors({size, start.shape(1)});
    std::copy_n(start.data(), start.size(), vectors.mutable_data());
    double *growth = log_growth.mutable_data(), *to = vectors.mutable_data();
    const auto numbers = static_cast<double>(given.shape(0)) * static_cast<double>(size) * static_cast<double>(size);
    Work work(1);
    const auto worker = [&] {
        if (!work.take()) return;
        rnnlatch::lyapunov_of_jacobians(given.data(), static_cast<std::size_t>(size),
                                        static_cast<std::size_t>(given.shape(0)), wanted, to,
                                        static_cast<std::size_t>(start.shape(1)), growth, work);
    };
    run(1, work, py::none(), worker, 4 * numbers * static_cast<double>(size));
    return py::make_tuple(log_growth, vectors);
}

}  // namespace

void bind_lyapunov(py::module_& m) {
    using namespace py::literals;
    m.def("lyapunov", &lyapunov, "structure"_a, "parameters"_a, "inputs"_a, "initial"_a, "basis"_a, "transient"_a,
          "steps"_a, "records"_a, "threads"_a);
    m.def("lyapunov_of_jacobians", &lyapunov_of_jacobians, "jacobians"_a, "basis"_a, "records"_a);
}

}  // namespace rnnlatch::bindings
