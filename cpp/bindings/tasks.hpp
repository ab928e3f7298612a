// Makes the task of a call from its dictionaries.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "bindings/arrays.hpp"
#include "bindings/long_lag_tasks.hpp"
#include "bindings/training_arguments.hpp"
#include "drivers/network_problem.hpp"
#include "tasks/dataset_sequences.hpp"
#include "tasks/latch_sequences.hpp"
#include "tasks/parity.hpp"
#include "tasks/sequence_task.hpp"
#include "tasks/symbol_stream.hpp"
#include "tasks/two_sequence.hpp"

namespace rnnlatch::bindings {

inline Dataset dataset_of(const TrainingArguments& arguments, const NetworkShape& shape,
                          const SequenceTask::Settings& settings) {
    const py::dict& arrays = arguments.arrays;
    const auto n = static_cast<py::ssize_t>(settings.sequences), time = static_cast<py::ssize_t>(settings.length_high);
    Dataset data{};
    data.inputs =
        require<double>(entry(arrays, "inputs"), "inputs", {n, time, static_cast<py::ssize_t>(settings.features)})
            .data();
    data.outputs = shape.judged(), data.loss = shape.loss, data.every = shape.every;
    Shape terms = shape.every ? Shape{n, time} : Shape{n};
    if (arrays.contains("mask")) data.mask = require<double>(entry(arrays, "mask"), "mask", terms).data();
    if (arrays.contains("lengths")) {
        const auto lengths = require<std::int64_t>(entry(arrays, "lengths"), "lengths", {n});
        data.lengths = lengths.data();
        const bool fits = std::all_of(lengths.data(), lengths.data() + n,
                                      [time](std::int64_t length) { return length >= 1 && length <= time; });
        if (!fits) throw py::value_error("lengths must be from 1 to " + std::to_string(time));
    }
    if (shape.loss == Loss::softmax_cross_entropy) {
        const auto classes = require<std::int64_t>(entry(arrays, "targets"), "targets", terms);
        data.classes = classes.data();
        const auto most = static_cast<std::int64_t>(data.outputs);
        const bool fits = std::all_of(classes.data(), classes.data() + classes.size(),
                                      [most](std::int64_t wanted) { return wanted >= 0 && wanted < most; });
        if (!fits) throw py::value_error("targets must be from 0 to " + std::to_string(most - 1));
    } else {
        terms.push_back(static_cast<py::ssize_t>(data.outputs));
        const auto targets = require<double>(entry(arrays, "targets"), "targets", terms);
        data.targets = targets.data();
        data.middle = 0.5 * (arguments.column("target_low", -1)[0] + arguments.column("target_high", -1)[0]);
    }
    data.tolerance = arguments.column("tolerance", -1)[0];
    return data;
}

// A text of symbols of one of three types, used where it is.
template <class Symbol>
TaskMaker symbol_stream_maker(const NetworkShape& shape, const SequenceTask::Settings& settings,
                              const SymbolStreams& streams, const py::handle& text) {
    const auto symbols = require<Symbol>(text, "symbols", {-1});
    if (static_cast<std::size_t>(symbols.size()) < streams.count * streams.predictions + streams.ahead) {
        throw py::value_error("symbols has fewer symbols than the streams have, and those ahead of them");
    }
    const Symbol* data = symbols.data();
    const Answers answers{shape.loss, shape.judged()};
    return [=] { return std::make_unique<SymbolStream<Symbol>>(settings, streams, answers, data); };
}

inline TaskMaker character_prediction_maker(const TrainingArguments& arguments, const NetworkShape& shape,
                                            const SequenceTask::Settings& settings) {
    SymbolStreams streams{};
    streams.count = arguments.size("streams", 1);
    constexpr std::int64_t most = std::int64_t{1} << 39;  // times the largest number of streams, within 64 bits
    streams.predictions = static_cast<std::size_t>(arguments.number("predictions", 1, most));
    streams.ahead = static_cast<std::size_t>(arguments.number("ahead", 1, most));
    streams.weight = arguments.number("mean_over_steps", 0, 1) ? 1.0 / static_cast<double>(settings.length_high) : 1.0;
    if (settings.length_high > streams.predictions ||
        settings.sequences != streams.count * streams.rows(settings.length_high)) {
        throw py::value_error("sequences must be the rows of length_high predictions of all streams");
    }
    require_answers("CharacterPrediction", shape, Loss::softmax_cross_entropy, true, settings.features);
    const py::handle text = entry(arguments.arrays, "symbols");
    if (py::isinstance<Array<std::uint8_t>>(text)) {
        return symbol_stream_maker<std::uint8_t>(shape, settings, streams, text);
    }
    if (py::isinstance<Array<std::uint16_t>>(text)) {
        return symbol_stream_maker<std::uint16_t>(shape, settings, streams, text);
    }
    return symbol_stream_maker<std::uint32_t>(shape, settings, streams, text);
}

// The maker of the task of a call.
inline TaskMaker task_maker(const TrainingArguments& arguments, const NetworkShape& shape, Key key,
                            const std::uint64_t* stream, py::ssize_t runs) {
    SequenceTask::Settings settings{};
    settings.length_low = arguments.size("length_low", 1);
    settings.length_high = arguments.size("length_high", static_cast<std::int64_t>(settings.length_low));
    settings.features = arguments.size("features", 0);
    settings.sequences = static_cast<std::uint32_t>(arguments.number("sequences", 0, std::int64_t{1} << 31));
    settings.random_order = arguments.number("random_order", 0, 1);
    if (settings.features != shape.inputs) throw py::value_error("features and inputs must be equal");
    const auto name = arguments.text("task");
    if (name == "DatasetTask") {
        if (settings.sequences == 0) throw py::value_error("sequences must be at least 1 for a DatasetTask");
        const Dataset data = dataset_of(arguments, shape, settings);
        return [=] { return std::make_unique<DatasetSequences>(settings, data); };
    }
    if (name == "CharacterPrediction") return character_prediction_maker(arguments, shape, settings);
    DrawnTaskArguments drawn{settings.length_low,
                             settings.length_high,
                             1,
                             {shape.loss, shape.judged()},
                             key,
                             stream,
                             arguments.column("target_low", runs),
                             arguments.column("target_high", runs),
                             arguments.column("tolerance", runs)};
    if (const auto maker = long_lag_task_maker(name, arguments, shape, settings, drawn, runs)) return maker;
    require_answers(name, shape, Loss::half_squared_error, false, 1);
    const TaskNoise noise{arguments.number("uniform_noise", 0, 1) != 0, arguments.column("noise_std", runs),
                          arguments.column("prefix_noise_std", runs)};
    if (name == "Parity") {
        if (settings.features != 1) throw py::value_error("features must be 1 for Parity");
        return [=] { return std::make_unique<Parity>(settings, drawn, noise); };
    }
    const std::size_t low = arguments.size("prefix_low", 1, static_cast<std::int64_t>(settings.length_low));
    const std::size_t high =
        arguments.size("prefix_high", static_cast<std::int64_t>(low), static_cast<std::int64_t>(settings.length_low));
    if (name == "MinimalLatch") {
        if (settings.features != 2 * high + 1) throw py::value_error("features must be 2 prefix + 1 for MinimalLatch");
        return [=] { return std::make_unique<LatchSequences>(settings, drawn, noise, high); };
    }
    if (name != "TwoSequence") {
        throw py::value_error("task is '" + name +
                              "', this engine knows MinimalLatch, TwoSequence, Parity, TemporalOrder, Adding, "
                              "Multiplication, RandomPermutation, NoiselessMemorization, CopyMemory, Agreement, "
                              "CharacterPrediction and DatasetTask");
    }
    if (settings.features != 1) throw py::value_error("features must be 1 for TwoSequence");
    const double* given = nullptr;
    if (arguments.arrays.contains("prototypes")) {
        given =
            require<double>(entry(arguments.arrays, "prototypes"), "prototypes", {2, static_cast<py::ssize_t>(high)})
                .data();
    }
    return [=] { return std::make_unique<TwoSequence>(settings, drawn, noise, low, high, given); };
}

}  // namespace rnnlatch::bindings
