// train, evaluate and simulate_latch: from dictionaries of flat arrays to the engine and back.
#include <algorithm>
#include <stdexcept>
#include <string>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/threads.hpp"
#include "cells/latch_neuron.hpp"
#include "engine/block_evaluator.hpp"
#include "engine/block_trainer.hpp"

namespace rnnlatch::bindings {
namespace {

// A column of a value a run, kept alive by the dictionary it came in.
const double* column(const py::dict& columns, const char* name, py::ssize_t runs) {
    return require<double>(entry(columns, name), name, {runs}).data();
}

bool any_nonzero(const double* values, py::ssize_t runs) {
    return std::any_of(values, values + runs, [](double value) { return value != 0.0; });
}

void require_name(const py::dict& structure, const char* kind, const char* name) {
    const auto came = text_of(structure, kind);
    if (came != name) throw py::value_error(std::string(kind) + " is '" + came + "', this engine knows '" + name + "'");
}

MinimalLatch::Settings task_settings(const py::dict& structure) {
    require_name(structure, "cell", "LatchNeuron");
    require_name(structure, "task", "MinimalLatch");
    MinimalLatch::Settings settings{};
    settings.length = static_cast<std::size_t>(integer(structure, "length", 1, std::int64_t{1} << 24));
    settings.prefix =
        static_cast<std::size_t>(integer(structure, "prefix", 1, static_cast<std::int64_t>(settings.length)));
    settings.training_sequences =
        static_cast<std::uint32_t>(2 * integer(structure, "sequences_per_class", 0, std::int64_t{1} << 30));
    settings.random_order = integer(structure, "random_order", 0, 1);
    settings.uniform_noise = integer(structure, "uniform_noise", 0, 1);
    return settings;
}

// Blocks no larger than it takes to give every thread a share of the runs.
std::size_t block_size(std::size_t wanted, std::size_t runs, int threads) {
    if (wanted == 0 || wanted % group_lanes != 0) {
        throw py::value_error("block_lanes is " + std::to_string(wanted) + ", allowed are multiples of " +
                              std::to_string(group_lanes));
    }
    const std::size_t share = (runs + static_cast<std::size_t>(std::max(threads, 1)) - 1) / std::max(threads, 1);
    const std::size_t needed = (share + group_lanes - 1) / group_lanes * group_lanes;
    return std::max(group_lanes, std::min(wanted, needed));
}

ArrayResults<void> train(const Described& structure, const Arrays<double>& columns, const NDArray<std::uint32_t>& key,
                         const NDArray<std::uint64_t>& streams, int threads, std::size_t block_lanes,
                         const Progress& progress, const Optional<NDArray<double>>& initial) {
    const auto stream = require(streams, "streams", {-1});
    const py::ssize_t runs = stream.size();
    require_name(structure, "algorithm", "GradientDescent");

    LatchProblem problem{};
    problem.task = task_settings(structure);
    problem.train_w = integer(structure, "train_w", 0, 1);
    problem.batch_size = integer(structure, "batch_size", 1);
    problem.mean_gradient = integer(structure, "mean_gradient", 0, 1);
    problem.measure = static_cast<Measure>(integer(structure, "measure", 0, 2));
    problem.window = integer(structure, "window", 1);
    problem.max_presentations = integer(structure, "max_presentations", 1, 0xffffffffll);
    problem.record_every = integer(structure, "record_every", 0);
    for (const std::int64_t multiple : {problem.window, problem.max_presentations, problem.record_every}) {
        if (multiple % problem.batch_size != 0) {
            throw py::value_error("window, max_presentations and record_every must be multiples of batch_size");
        }
    }
    problem.key = key_words(key);
    problem.stream = stream.data();
    problem.w = column(columns, "w", runs);
    problem.initial_input = column(columns, "initial_input", runs);
    problem.noise_std = column(columns, "noise_std", runs);
    problem.target = column(columns, "target", runs);
    problem.learning_rate = column(columns, "learning_rate", runs);
    problem.momentum = column(columns, "momentum", runs);
    problem.clip_norm = column(columns, "clip_norm", runs);
    problem.l1 = column(columns, "l1", runs);
    problem.l2 = column(columns, "l2", runs);
    problem.threshold = column(columns, "threshold", runs);
    problem.uses_momentum = any_nonzero(problem.momentum, runs);
    problem.uses_penalty = any_nonzero(problem.l1, runs) || any_nonzero(problem.l2, runs);
    problem.uses_clip = std::any_of(problem.clip_norm, problem.clip_norm + runs,
                                    [](double norm) { return norm < std::numeric_limits<double>::infinity(); });
    const auto prefix = static_cast<py::ssize_t>(problem.task.prefix);
    Array<double> given;
    if (!initial.is_none()) {
        given = require<double>(initial, "initial", {runs, 2 * prefix});
        problem.initial = given.data();
    }

    Array<std::uint8_t> outcome(runs);
    Array<std::int64_t> presentations(runs);
    Array<double> loss(runs), error(runs), weight(runs), input({runs, py::ssize_t{2}, prefix});
    LatchResults results{};
    results.outcome = outcome.mutable_data();
    results.presentations = presentations.mutable_data();
    results.loss = loss.mutable_data();
    results.error = error.mutable_data();
    results.weight = weight.mutable_data();
    results.input = input.mutable_data();
    using namespace py::literals;
    py::dict out("outcome"_a = outcome, "presentations"_a = presentations, "loss"_a = loss, "error"_a = error,
                 "weight"_a = weight, "input"_a = input);
    if (problem.record_every) {
        const auto records = static_cast<py::ssize_t>(problem.records());
        const auto curve = [&](const char* name, std::vector<py::ssize_t> shape) {
            Array<double> array(shape);
            std::fill_n(array.mutable_data(), array.size(), std::numeric_limits<double>::quiet_NaN());
            out[name] = array;
            return array.mutable_data();
        };
        results.record_loss = curve("record_loss", {runs, records});
        results.record_gradient_norm = curve("record_gradient_norm", {runs, records});
        results.record_weight = curve("record_weight", {runs, records});
        results.record_input = curve("record_input", {runs, records, 2, prefix});
    }

    Work work(static_cast<std::size_t>(runs));
    const std::size_t lanes = block_size(block_lanes, work.runs(), threads);
    run(threads, work, progress, [&] { BlockTrainer(problem, results, work, lanes).train(); });
    return out;
}

ArrayResults<double> evaluate(const Described& structure, const Arrays<double>& columns,
                              const NDArray<std::uint32_t>& key, const NDArray<std::uint64_t>& streams, int threads,
                              const NDArray<double>& weight, const NDArray<double>& input) {
    const auto stream = require(streams, "streams", {-1});
    const py::ssize_t runs = stream.size();
    LatchEvaluation evaluation{};
    evaluation.task = task_settings(structure);
    evaluation.task.training_sequences = 0;  // fresh sequences, the classes in turn, however the training went
    evaluation.task.random_order = false;
    evaluation.presentations = integer(structure, "presentations", 1, 0xffffffffll);
    evaluation.key = key_words(key);
    evaluation.stream = stream.data();
    evaluation.noise_std = column(columns, "noise_std", runs);
    evaluation.target = column(columns, "target", runs);
    const auto weights = require(weight, "weight", {runs});
    const auto inputs = require(input, "input", {runs, 2, static_cast<py::ssize_t>(evaluation.task.prefix)});
    evaluation.weight = weights.data();
    evaluation.input = inputs.data();
    Array<double> loss(runs), error(runs), state_mean_abs(runs);
    evaluation.loss = loss.mutable_data();
    evaluation.error = error.mutable_data();
    evaluation.state_mean_abs = state_mean_abs.mutable_data();

    Work work(static_cast<std::size_t>(runs));
    const std::size_t lanes = block_size(2 * group_lanes, work.runs(), threads);
    run(threads, work, py::none(), [&] { BlockEvaluator(evaluation, work, lanes).evaluate(); });
    using namespace py::literals;
    return py::dict("loss"_a = loss, "error"_a = error, "state_mean_abs"_a = state_mean_abs);
}

NDArray<double> simulate_latch(const NDArray<double>& weight, const NDArray<double>& drive) {
    const auto weights = require(weight, "weight", {-1});
    const auto drives = require(drive, "drive", {weights.size(), -1});
    const auto runs = static_cast<std::size_t>(drives.shape(0)), length = static_cast<std::size_t>(drives.shape(1));
    Array<double> out({drives.shape(0), drives.shape(1)});
    const double* from = drives.data();
    double* to = out.mutable_data();
    const py::gil_scoped_release release;
    Buffer<double> w(group_lanes), states((length + 1) * group_lanes);
    for (std::size_t first = 0; first < runs; first += group_lanes) {
        const std::size_t filled = std::min(group_lanes, runs - first);
        for (std::size_t lane = 0; lane < filled; ++lane) {
            w[lane] = weights.data()[first + lane];
            for (std::size_t t = 0; t < length; ++t)
                states[(t + 1) * group_lanes + lane] = from[(first + lane) * length + t];
        }
        LaneDriver<LatchNeuron>::forward(group_lanes, length, w.data(), states.data());
        for (std::size_t lane = 0; lane < filled; ++lane) {
            for (std::size_t t = 0; t < length; ++t)
                to[(first + lane) * length + t] = states[(t + 1) * group_lanes + lane];
        }
    }
    return out;
}

}  // namespace

void bind_engine(py::module_& m) {
    using namespace py::literals;
    m.def("train", &train, "structure"_a, "columns"_a, "key"_a, "streams"_a, "threads"_a = 1, "block_lanes"_a = 64,
          "progress"_a = py::none(), "initial"_a = py::none());
    m.def("evaluate", &evaluate, "structure"_a, "columns"_a, "key"_a, "streams"_a, "threads"_a, "weight"_a, "input"_a);
    m.def("simulate_latch", &simulate_latch, "weight"_a, "drive"_a);
}

}  // namespace rnnlatch::bindings
