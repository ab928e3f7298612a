// train_networks, evaluate_networks and sample_task: networks of any cell on any task, from dictionaries of arrays.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/networks.hpp"
#include "bindings/tasks.hpp"
#include "bindings/threads.hpp"
#include "bindings/training.hpp"
#include "drivers/trained_network.hpp"

namespace rnnlatch::bindings {
namespace {

// The rows of the numbers that are trained.
std::vector<std::size_t> trainable_rows(const NetworkShape& shape, const py::dict& trainable) {
    std::vector<std::size_t> rows;
    const ParameterRows at(shape);
    const std::pair<std::string, std::size_t> first[] = {{"weight_ih_l0", at.weight_ih},
                                                         {"weight_hh_l0", at.weight_hh},
                                                         {"bias_ih_l0", at.bias_ih},
                                                         {"bias_hh_l0", at.bias_hh},
                                                         {"weight_out", at.weight_out},
                                                         {"bias_out", at.bias_out},
                                                         {"h_0", at.initial},
                                                         {"c_0", at.initial + shape.hidden}};
    const auto shapes = parameter_shapes(shape, trainable);
    for (const auto& [name, row] : first) {
        // Given a name of its own: Clang 14 and 15 cannot capture a part of a structured binding.
        const auto known = std::find_if(shapes.begin(), shapes.end(),
                                        [&sought = name](const auto& each) { return each.first == sought; });
        if (known == shapes.end() || !trainable.contains(name.c_str())) continue;
        const auto mask = require<std::uint8_t>(entry(trainable, name.c_str()), name + " of trainable", known->second);
        for (py::ssize_t i = 0; i < mask.size(); ++i) {
            if (mask.data()[i]) rows.push_back(row + static_cast<std::size_t>(i));
        }
    }
    if (rows.empty()) throw py::value_error("trainable has nothing that is trained");
    return rows;
}

// The networks of a call and their task: what training and evaluation have in common.
struct NetworksOfRuns {
    TrainingArguments arguments;
    Structure structure;
    TrainingProblem problem{};
    py::ssize_t runs;
    std::vector<py::object> kept;

    NetworksOfRuns(TrainingArguments given, const NDArray<std::uint32_t>& key, const NDArray<std::uint64_t>& streams,
                   const py::dict& parameters)
        : arguments(std::move(given)), structure(structure_of(arguments.structure)) {
        const auto stream = require(streams, "streams", {-1});
        kept.push_back(stream);
        runs = stream.size();
        NetworkShape& shape = structure.shape;
        shape.runs = problem.runs = static_cast<std::size_t>(runs);
        shape.batch = 1;
        shape.length = arguments.size("length_high", 1);
        problem.network.shape = shape;
        problem.network.parameters = parameter_views<double>(shape, parameters);
        require_numbers(shape);
        if (arguments.arrays.contains("same_step")) {
            const auto same_step = py::reinterpret_borrow<py::object>(entry(arguments.arrays, "same_step"));
            problem.network.same_step = lower_triangle(same_step, structure);
        }
        if (arguments.structure.contains("carry_state") && arguments.number("carry_state", 0, 1)) {
            throw py::value_error("carry_state is for networks in matrices");
        }
        problem.cell = cell_in_lanes<Twice<f64>>(structure.kind, structure.activation, shape.hidden);
        problem.key = key_words(key);
        problem.stream = stream.data();
        problem.make_task = task_maker(arguments, shape, problem.key, problem.stream, runs);
    }
};

Results<Any> train_networks(const Described& structure, const Arrays<double>& columns,
                            const NDArray<std::uint32_t>& key, const NDArray<std::uint64_t>& streams,
                            const Arrays<double>& parameters, const Arrays<std::uint8_t>& trainable,
                            const Arrays<void>& arrays, int threads, const Progress& progress) {
    NetworksOfRuns networks({structure, columns, arrays}, key, streams, parameters);
    TrainingProblem& problem = networks.problem;
    const TrainingArguments& arguments = networks.arguments;
    problem.trainable = trainable_rows(problem.network.shape, trainable);
    problem.batch_size = arguments.number("batch_size", 1, 0xffffffffll);
    problem.mean_gradient = !structure.contains("mean_gradient") || arguments.number("mean_gradient", 0, 1);
    problem.measure = static_cast<Measure>(arguments.number("measure", 0, 3));
    problem.window = arguments.number("window", 1, 0xffffffffll);
    problem.max_presentations = arguments.number("max_presentations", 1, 0xffffffffll);
    problem.threshold = arguments.column("threshold", networks.runs);
    const Trainer trainer = trainer_of(arguments, problem, networks.runs);

    TrainingResults results{};
    Array<std::uint8_t> outcome(networks.runs);
    Array<std::int64_t> presentations(networks.runs), computed(networks.runs);
    Array<double> loss(networks.runs), error(networks.runs);
    results.outcome = outcome.mutable_data();
    results.presentations = presentations.mutable_data();
    results.presentations_computed = computed.mutable_data();
    results.loss = loss.mutable_data();
    results.error = error.mutable_data();
    using namespace py::literals;
    py::dict out("outcome"_a = outcome, "presentations"_a = presentations, "presentations_computed"_a = computed,
                 "loss"_a = loss, "error"_a = error);
    out["parameters"] = new_parameter_arrays<double>(problem.network.shape, parameters, results.parameters, false);
    Work work(problem.runs);
    problem.work = &work;
    run(threads, work, progress, [&] { trainer(problem, results, work); });
    return out;
}

ArrayResults<double> evaluate_networks(const Described& structure, const Arrays<double>& columns,
                                       const NDArray<std::uint32_t>& key, const NDArray<std::uint64_t>& streams,
                                       const Arrays<double>& parameters, std::int64_t presentations,
                                       const Arrays<void>& arrays, int threads) {
    NetworksOfRuns networks({structure, columns, arrays}, key, streams, parameters);
    const TrainingProblem& problem = networks.problem;
    if (presentations < 1 || presentations > 0xffffffffll) {
        throw py::value_error("presentations is " + std::to_string(presentations) + ", allowed are integers from 1");
    }
    Array<double> loss(networks.runs), error(networks.runs);
    double *to_loss = loss.mutable_data(), *to_error = error.mutable_data();
    Work work((problem.runs + task_lanes - 1) / task_lanes);
    run(threads, work, py::none(), [&] {
        const auto task = problem.make_task();
        TrainedNetwork<NetworkLanes<Twice<f64>>> group(problem.network, {}, *task, problem.cell, Remember::all_states);
        while (const auto taken = work.take()) {
            const std::size_t first = *taken * task_lanes, count = std::min(task_lanes, problem.runs - first);
            for (std::size_t lane = 0; lane < task_lanes; ++lane) {  // lanes without a run do the last one's again
                const std::size_t each = first + std::min(lane, count - 1);
                task->set_lane(lane, each);
                group.set_lane(lane, each, problem.network.parameters);
            }
            double cost[task_lanes] = {}, wrong[task_lanes] = {};
            Buffer<std::uint32_t> index(task_lanes);
            const std::int64_t most = task->closed() ? task->sequences() : presentations;
            for (std::int64_t i = 0; i < most && !work.cancelled(); ++i) {
                std::fill(index.begin(), index.end(), static_cast<std::uint32_t>(i));
                group.show(index.data(), Part::test);
                group.walk_there();
                for (std::size_t lane = 0; lane < task_lanes; ++lane) {
                    cost[lane] += group.cost()[lane], wrong[lane] += group.wrong()[lane];
                }
            }
            for (std::size_t lane = 0; lane < count; ++lane) {
                to_loss[first + lane] = cost[lane] / static_cast<double>(most);
                to_error[first + lane] = wrong[lane] / static_cast<double>(most);
            }
            work.finish_one();
        }
    });
    using namespace py::literals;
    return py::dict("loss"_a = loss, "error"_a = error);
}

// `count` sequences of one run, from the index `from` on, as arrays; what precedes a sequence is 0.
ArrayResults<void> sample_task(const Described& structure, const Arrays<double>& columns,
                               const NDArray<std::uint32_t>& key, std::uint64_t stream, std::int64_t count, bool test,
                               const Arrays<void>& arrays, std::int64_t from) {
    const TrainingArguments arguments{structure, columns, arrays};
    constexpr std::int64_t most = std::int64_t{1} << 32;
    if (count < 0 || count > most || from < 0 || from > most) {
        throw py::value_error("count and first must be integers from 0 to 2^32");
    }
    NetworkShape shape = structure_of(structure).shape;
    const auto make = task_maker(arguments, shape, key_words(key), &stream, 1);
    const auto task = make();
    const std::size_t time = task->length(), features = task->features(), terms = shape.every ? time : 1;
    const std::size_t targets = shape.targets();
    Array<double> inputs({count, static_cast<py::ssize_t>(time), static_cast<py::ssize_t>(features)});
    Array<double> wanted({count, static_cast<py::ssize_t>(terms), static_cast<py::ssize_t>(targets)});
    Array<double> weights({count, static_cast<py::ssize_t>(terms)});
    Array<std::int64_t> lengths(count);
    double *to_inputs = inputs.mutable_data(), *to_wanted = wanted.mutable_data(), *to_weights = weights.mutable_data();
    Buffer<double> in(time * features * task_lanes), start(task_lanes), target(terms * targets * task_lanes),
        weight(terms * task_lanes);
    Buffer<std::uint32_t> index(task_lanes);
    for (std::size_t lane = 0; lane < task_lanes; ++lane) task->set_lane(lane, 0);
    for (std::int64_t first = 0; first < count; first += static_cast<std::int64_t>(task_lanes)) {
        const auto here = std::min(task_lanes, static_cast<std::size_t>(count - first));
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            index[lane] =
                static_cast<std::uint32_t>(from + first) + static_cast<std::uint32_t>(std::min(lane, here - 1));
        }
        task->draw(index.data(), test ? Part::test : Part::training,
                   {in.data(), start.data(), target.data(), weight.data()});
        for (std::size_t lane = 0; lane < here; ++lane) {
            const std::size_t i = static_cast<std::size_t>(first) + lane,
                              before = static_cast<std::size_t>(start[lane]);
            lengths.mutable_data()[i] = static_cast<std::int64_t>(time - before);
            for (std::size_t k = 0; k < time * features; ++k) {
                to_inputs[i * time * features + k] = k < before * features ? 0.0 : in[k * task_lanes + lane];
            }
            for (std::size_t k = 0; k < terms * targets; ++k) {
                to_wanted[i * terms * targets + k] = target[k * task_lanes + lane];
            }
            for (std::size_t k = 0; k < terms; ++k) to_weights[i * terms + k] = weight[k * task_lanes + lane];
        }
    }
    using namespace py::literals;
    return py::dict("inputs"_a = inputs, "targets"_a = wanted, "weights"_a = weights, "lengths"_a = lengths);
}

}  // namespace

void bind_training(py::module_& m) {
    using namespace py::literals;
    m.def("train_networks", &train_networks, "structure"_a, "columns"_a, "key"_a, "streams"_a, "parameters"_a,
          "trainable"_a, "arrays"_a, "threads"_a = 1, "progress"_a = py::none());
    m.def("evaluate_networks", &evaluate_networks, "structure"_a, "columns"_a, "key"_a, "streams"_a, "parameters"_a,
          "presentations"_a, "arrays"_a, "threads"_a = 1);
    m.def("sample_task", &sample_task, "structure"_a, "columns"_a, "key"_a, "stream"_a, "count"_a, "test"_a, "arrays"_a,
          "first"_a = 0);
}

}  // namespace rnnlatch::bindings
