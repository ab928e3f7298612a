// train_minibatches and evaluate_minibatches: one network in matrices, from dictionaries of arrays to the trainer.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/bindings.hpp"
#include "bindings/matrix_networks.hpp"
#include "bindings/networks.hpp"
#include "bindings/tasks.hpp"
#include "bindings/training_arguments.hpp"
#include "engine/minibatch_sequences.hpp"
#include "engine/minibatch_trainer.hpp"
#include "engine/presentation_order.hpp"

namespace rnnlatch::bindings {
namespace {

inline constexpr std::size_t tested_at_once = 100;
inline constexpr std::int64_t most_presentations = 0xffffffffll;

bool carries_states(const TrainingArguments& arguments) {
    return arguments.structure.contains("carry_state") && arguments.number("carry_state", 0, 1) != 0;
}

// What both functions are given: the network, a copy of its parameters, the task and the flag that stops the work.
template <class Scalar>
struct OneNetwork {
    TrainingArguments arguments;
    Structure structure;
    py::dict parameters;
    std::vector<std::pair<std::string, Shape>> shapes;
    Buffer<Scalar> theta;
    Network<Scalar> network;
    Key key;
    std::uint64_t stream;
    Array<std::uint8_t> cancelled;
    double middle, tolerance;
    std::unique_ptr<SequenceTask> task;
    int threads;
    bool carries;  // the states at the end of sequences to those that go on with their streams

    OneNetwork(TrainingArguments given, const NDArray<std::uint32_t>& key_array, std::uint64_t stream_of_run,
               py::dict start, int given_threads, const NDArray<std::uint8_t>& stop)
        : arguments(std::move(given)),
          structure(structure_of(arguments.structure)),
          parameters(std::move(start)),
          shapes(parameter_shapes(structure.shape)),
          key(key_words(key_array)),
          stream(stream_of_run),
          cancelled(require(stop, "cancelled", {1})),
          middle(0.5 * (arguments.column("target_low", 1)[0] + arguments.column("target_high", 1)[0])),
          tolerance(arguments.column("tolerance", 1)[0]),
          threads(given_threads),
          carries(carries_states(arguments)) {
        if (threads < 1) throw py::value_error("threads must be at least 1");
        structure.shape.length = arguments.size("length_high", 1);
        task = task_maker(arguments, structure.shape, key, &stream, 1)();
        if (carries && (task->continued_after() == 0 || task->random_order())) {
            throw py::value_error("carry_state is for tasks whose streams are shown in cyclic order");
        }
        std::size_t count = 0;
        for (const auto& [name, shape] : shapes) count += numbers(shape);
        theta.resize(count);
        network = network_of<Scalar>(structure, [&](const char* name, const Shape& shape) {
            const auto array = require<Scalar>(entry(parameters, name), name, shape);
            std::copy_n(array.data(), array.size(), theta.data() + place(name));
            return static_cast<const Scalar*>(theta.data() + place(name));
        });
    }

    static std::size_t numbers(const Shape& shape) {
        py::ssize_t product = 1;
        for (const py::ssize_t each : shape) product *= each;
        return static_cast<std::size_t>(product);
    }

    // Where a parameter begins among all numbers.
    std::size_t place(const std::string& wanted) const {
        std::size_t at = 0;
        for (const auto& [name, shape] : shapes) {
            if (name == wanted) return at;
            at += numbers(shape);
        }
        return at;
    }

    // Raises where there are too many sequences at once.
    MinibatchSequences<Scalar> sequences(std::size_t most) const {
        NetworkShape shape = structure.shape;
        shape.runs = 1, shape.batch = most;
        require_numbers(shape);
        return MinibatchSequences<Scalar>(*task, structure.shape, most, middle, tolerance, carries);
    }

    const std::uint8_t* stop() const { return cancelled.data(); }

    py::dict parameters_now() const {
        py::dict out;
        for (const auto& [name, shape] : shapes) {
            Array<Scalar> array(shape);
            std::copy_n(theta.data() + place(name), array.size(), array.mutable_data());
            out[name.c_str()] = array;
        }
        return out;
    }
};

double setting(const py::dict& settings, const char* name, double otherwise) {
    return settings.contains(name) ? converted<double>(entry(settings, name), name, "numbers") : otherwise;
}

MinibatchRuleSettings rule_settings(const TrainingArguments& arguments, const py::dict& settings) {
    const auto kind = one_of<StepKind>(
        arguments.structure, "algorithm",
        {{"GradientDescent", StepKind::descent}, {"Adam", StepKind::adam}, {"RMSprop", StepKind::rmsprop}});
    constexpr double none = std::numeric_limits<double>::infinity();
    const bool rmsprop = kind == StepKind::rmsprop;
    return {kind,
            setting(settings, "momentum", 0),
            setting(settings, "clip_norm", none),
            setting(settings, "clip_value", none),
            setting(settings, "l1", 0),
            setting(settings, "l2", 0),
            setting(settings, "beta_1", 0),
            setting(settings, rmsprop ? "decay" : "beta_2", 0),
            setting(settings, "epsilon", 0),
            arguments.number("shrink", 0, 1) != 0};
}

// Where the trained numbers are 1.
template <class Scalar>
std::vector<std::uint8_t> trained_numbers(const OneNetwork<Scalar>& one, const py::dict& trainable) {
    std::vector<std::uint8_t> trained(one.theta.size(), 1);
    for (const auto& [name, shape] : one.shapes) {
        if (!trainable.contains(name)) continue;
        const auto mask = require<std::uint8_t>(entry(trainable, name.c_str()), name, shape);
        std::copy_n(mask.data(), mask.size(), trained.data() + one.place(name));
    }
    return trained;
}

// The running means of a rule, by the names that they have for its kind.
template <class Scalar>
std::vector<std::pair<const char*, Buffer<Scalar>*>> means_of(MinibatchRule<Scalar>& rule, StepKind kind) {
    if (kind == StepKind::descent) return {{"velocity", &rule.mean()}};
    if (kind == StepKind::rmsprop) return {{"square", &rule.square()}};
    return {{"mean", &rule.mean()}, {"square", &rule.square()}};
}

// The running means and the carried states that there were after the last update.
template <class Scalar>
void restore(const py::dict& optimiser, StepKind kind, MinibatchRule<Scalar>& rule, Buffer<Scalar>& carried) {
    for (const auto& [name, buffer] : means_of(rule, kind)) {
        if (!optimiser.contains(name)) continue;
        const auto array = require<Scalar>(entry(optimiser, name), name, {static_cast<py::ssize_t>(buffer->size())});
        std::copy_n(array.data(), array.size(), buffer->data());
    }
    if (optimiser.contains("updates")) {
        rule.steps = require<std::int64_t>(entry(optimiser, "updates"), "updates", {1}).at(0);
    }
    if (optimiser.contains("carried")) {
        const auto array =
            require<Scalar>(entry(optimiser, "carried"), "carried", {static_cast<py::ssize_t>(carried.size())});
        std::copy_n(array.data(), array.size(), carried.data());
    }
}

template <class Scalar>
py::dict state_of(StepKind kind, MinibatchRule<Scalar>& rule, Buffer<Scalar>& carried) {
    py::dict out;
    const auto put = [&out](const char* name, const Buffer<Scalar>& numbers) {
        Array<Scalar> array(static_cast<py::ssize_t>(numbers.size()));
        std::copy(numbers.begin(), numbers.end(), array.mutable_data());
        out[name] = array;
    };
    for (const auto& [name, buffer] : means_of(rule, kind)) put(name, *buffer);
    if (!carried.empty()) put("carried", carried);
    Array<std::int64_t> steps(1);
    steps.mutable_at(0) = rule.steps;
    out["updates"] = steps;
    return out;
}

template <class Scalar>
py::dict train_of(TrainingArguments arguments, const py::dict& settings, const NDArray<std::uint32_t>& key,
                  std::uint64_t stream, const py::dict& parameters, const py::dict& optimiser,
                  const py::dict& trainable, std::int64_t seen, const NDArray<double>& rates, int threads,
                  const NDArray<std::uint8_t>& cancelled) {
    OneNetwork<Scalar> one(std::move(arguments), key, stream, parameters, threads, cancelled);
    const auto rate = require(rates, "rates", {-1, 2});
    const std::int64_t updates = rate.shape(0);
    MinibatchSettings minibatch{};
    minibatch.batch_size = one.arguments.size("batch_size", 1);
    minibatch.mean_gradient = one.arguments.number("mean_gradient", 0, 1);
    minibatch.threads = threads, minibatch.stop = one.stop();
    minibatch.teacher_forcing =
        one.arguments.structure.contains("teacher_forcing") && one.arguments.number("teacher_forcing", 0, 1);
    const NetworkShape& shape = one.structure.shape;
    if (minibatch.teacher_forcing && (shape.outputs || !shape.every || shape.loss == Loss::softmax_cross_entropy)) {
        throw py::value_error(
            "teacher_forcing is for networks without a read-out whose units have targets at every step");
    }
    const auto batch_size = static_cast<std::int64_t>(minibatch.batch_size);
    if (seen < 0 || seen + updates * batch_size > most_presentations) {
        throw py::value_error("seen and the updates must not pass " + std::to_string(most_presentations) +
                              " presentations");
    }
    bool with_omega = false;
    for (std::int64_t update = 0; update < updates; ++update) with_omega |= rate.at(update, 1) != 0;
    if (with_omega) {
        if (one.structure.kind != CellKind::vanilla) throw py::value_error("omega is for a VanillaRNN or DiagonalRNN");
        minibatch.omega =
            OmegaForm{one.arguments.number("omega_squared", 0, 1) != 0, one.arguments.number("omega_state", 0, 1) != 0};
        minibatch.omega_mean = one.arguments.number("omega_mean", 0, 1);
    }
    const MinibatchRuleSettings how = rule_settings(one.arguments, settings);
    const auto trained = trained_numbers(one, trainable);
    const std::size_t recurrent = one.place("weight_hh_l0"),
                      end = recurrent + OneNetwork<Scalar>::numbers(one.shapes[1].second);
    if (one.carries && (minibatch.batch_size != one.task->continued_after() || seen % batch_size != 0)) {
        throw py::value_error("with carry_state the batch must be one sequence of each stream");
    }
    MinibatchRule<Scalar> rule(how, one.theta.size(), recurrent, end, trained.data());
    MinibatchSequences<Scalar> sequences = one.sequences(minibatch.batch_size);
    restore(optimiser, how.kind, rule, sequences.carried());

    Array<double> loss(updates), wrong(updates), norm(updates), omega(updates);
    double *to_loss = loss.mutable_data(), *to_wrong = wrong.mutable_data(), *to_norm = norm.mutable_data(),
           *to_omega = omega.mutable_data();
    std::int64_t done = 0;
    bool diverged = false;
    {
        const double* rate_of = rate.data();
        const py::gil_scoped_release release;
        MinibatchTrainer<Scalar> trainer(one.network, one.theta.data(), one.theta.size(), sequences, minibatch, rule);
        const PresentationOrder order(one.key, &one.stream, *one.task);
        for (; done < updates && !diverged; ++done) {
            MinibatchTrace trace{};
            const auto index_of = [&](std::size_t b) {
                return order.index(0, seen + done * batch_size + static_cast<std::int64_t>(b));
            };
            const Updated how_it_went = trainer.update(rate_of[2 * done], rate_of[2 * done + 1], index_of, trace);
            if (how_it_went == Updated::stopped) break;
            diverged = how_it_went == Updated::diverged;
            to_loss[done] = trace.loss, to_wrong[done] = trace.wrong, to_norm[done] = trace.gradient_norm;
            to_omega[done] = trace.omega;
        }
    }
    const py::slice first(0, static_cast<py::ssize_t>(done), 1);
    using namespace py::literals;
    return py::dict("updates"_a = done, "diverged"_a = diverged, "parameters"_a = one.parameters_now(),
                    "optimiser"_a = state_of(how.kind, rule, sequences.carried()), "loss"_a = loss[first],
                    "wrong"_a = wrong[first], "gradient_norm"_a = norm[first], "omega"_a = omega[first]);
}

template <class Scalar>
py::dict evaluate_of(TrainingArguments arguments, const NDArray<std::uint32_t>& key, std::uint64_t stream,
                     const py::dict& parameters, std::int64_t first, std::int64_t count, int threads,
                     const NDArray<std::uint8_t>& cancelled) {
    OneNetwork<Scalar> one(std::move(arguments), key, stream, parameters, threads, cancelled);
    const bool closed = one.task->closed();
    if (closed) first = 0, count = one.task->sequences();
    if (first < 0 || count < 1 || count > most_presentations + 1 - std::min(first, most_presentations)) {
        throw py::value_error("first and count must be sequences from 0 to " + std::to_string(most_presentations));
    }
    double loss = 0;
    std::int64_t wrong = 0, done = 0;
    {
        const py::gil_scoped_release release;
        const std::size_t most =
            one.carries ? one.task->continued_after() : std::min(tested_at_once, static_cast<std::size_t>(count));
        MinibatchSequences<Scalar> sequences = one.sequences(most);
        MinibatchEvaluator<Scalar> evaluator(one.network, sequences, threads, one.stop());
        while (done < count && !evaluator.stopped()) {
            const std::size_t now = std::min(most, static_cast<std::size_t>(count - done));
            const auto index_of = [&](std::size_t b) {
                return static_cast<std::uint32_t>(first + done + static_cast<std::int64_t>(b));
            };
            evaluator.test(now, index_of, loss, wrong);
            if (!evaluator.stopped()) done += static_cast<std::int64_t>(now);
        }
    }
    using namespace py::literals;
    return py::dict("loss"_a = loss / static_cast<double>(std::max<std::int64_t>(done, 1)), "wrong"_a = wrong,
                    "presentations"_a = done);
}

bool single(const py::dict& structure) {
    const auto precision = text_of(structure, "precision");
    if (precision != "float64" && precision != "float32") {
        throw py::value_error("precision is '" + precision + "', allowed are 'float64', 'float32'");
    }
    return precision == "float32";
}

Results<Any> train_minibatches(const Described& structure, const Numbers& settings, const Arrays<double>& columns,
                               const NDArray<std::uint32_t>& key, std::uint64_t stream, const Arrays<void>& parameters,
                               const Arrays<void>& optimiser, const Arrays<std::uint8_t>& trainable,
                               const Arrays<void>& arrays, std::int64_t seen, const NDArray<double>& rates, int threads,
                               const NDArray<std::uint8_t>& cancelled) {
    const auto train = single(structure) ? &train_of<float> : &train_of<double>;
    return train({structure, columns, arrays}, settings, key, stream, parameters, optimiser, trainable, seen, rates,
                 threads, cancelled);
}

Results<Any> evaluate_minibatches(const Described& structure, const Arrays<double>& columns,
                                  const NDArray<std::uint32_t>& key, std::uint64_t stream,
                                  const Arrays<void>& parameters, std::int64_t first, std::int64_t count,
                                  const Arrays<void>& arrays, int threads, const NDArray<std::uint8_t>& cancelled) {
    const auto evaluate = single(structure) ? &evaluate_of<float> : &evaluate_of<double>;
    return evaluate({structure, columns, arrays}, key, stream, parameters, first, count, threads, cancelled);
}

}  // namespace

void bind_minibatches(py::module_& m) {
    using namespace py::literals;
    m.def("train_minibatches", &train_minibatches, "structure"_a, "settings"_a, "columns"_a, "key"_a, "stream"_a,
          "parameters"_a, "optimiser"_a, "trainable"_a, "arrays"_a, "seen"_a, "rates"_a, "threads"_a, "cancelled"_a);
    m.def("evaluate_minibatches", &evaluate_minibatches, "structure"_a, "columns"_a, "key"_a, "stream"_a,
          "parameters"_a, "first"_a, "count"_a, "arrays"_a, "threads"_a, "cancelled"_a);
}

}  // namespace rnnlatch::bindings
