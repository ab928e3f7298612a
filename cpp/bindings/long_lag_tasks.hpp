// Makes the tasks of long time lags from the dictionaries of a call.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>

#include "bindings/arrays.hpp"
#include "bindings/networks.hpp"
#include "bindings/training_arguments.hpp"
#include "drivers/network_problem.hpp"
#include "tasks/agreement.hpp"
#include "tasks/drawn_task.hpp"
#include "tasks/marked_values.hpp"
#include "tasks/random_permutation.hpp"
#include "tasks/recall.hpp"
#include "tasks/temporal_order.hpp"

namespace rnnlatch::bindings {

// Makes a task, for a thread each.
using TaskMaker = std::function<std::unique_ptr<SequenceTask>()>;

// Raises where the network's loss is not that of a task with so many outputs; of classes there may be more.
inline void require_answers(const std::string& name, const NetworkShape& shape, Loss loss, bool every,
                            std::size_t outputs) {
    const bool classes = loss == Loss::softmax_cross_entropy;
    const bool enough = classes ? shape.judged() >= outputs : shape.judged() == outputs;
    if (enough && shape.loss == loss && shape.every == every) return;
    throw py::value_error(name + " compares " + (classes ? "at least " : "") + std::to_string(outputs) + " output" +
                          (outputs > 1 ? "s" : "") + (every ? " at every step" : " at the last step") + " by " +
                          (classes ? "the cross-entropy of softmax" : "half the squared error"));
}

inline void require_features(const std::string& name, const SequenceTask::Settings& settings, std::size_t features) {
    if (settings.features == features) return;
    throw py::value_error("features must be " + std::to_string(features) + " for " + name);
}

// A column of shares or probabilities.
inline const double* shares(const TrainingArguments& arguments, const std::string& name, py::ssize_t runs) {
    const double* column = arguments.column(name.c_str(), runs);
    for (py::ssize_t run = 0; run < runs; ++run) {
        if (!(column[run] >= 0 && column[run] <= 1)) throw py::value_error(name + " must be from 0 to 1");
    }
    return column;
}

inline TaskMaker temporal_order_maker(const TrainingArguments& arguments, const NetworkShape& shape,
                                      const SequenceTask::Settings& settings, const DrawnTaskArguments& drawn,
                                      py::ssize_t runs) {
    const std::size_t symbols = arguments.size("symbols", 2, TemporalOrder::most);
    const bool frame = one_of<bool>(arguments.structure, "variant", {{"pascanu2013", false}, {"hochreiter1997", true}});
    require_features("TemporalOrder", settings, frame ? 8 : 6);
    require_answers("TemporalOrder", shape, frame ? Loss::half_squared_error : Loss::softmax_cross_entropy, false,
                    std::size_t{1} << symbols);
    TemporalOrder::Columns columns{};
    for (std::size_t k = 0; k < symbols; ++k) {
        columns.start[k] = shares(arguments, "window_start_" + std::to_string(k), runs);
        columns.width[k] = shares(arguments, "window_width_" + std::to_string(k), runs);
    }
    return [=] { return std::make_unique<TemporalOrder>(settings, drawn, symbols, frame, columns); };
}

inline TaskMaker marked_values_maker(const std::string& name, const TrainingArguments& arguments,
                                     const NetworkShape& shape, const SequenceTask::Settings& settings,
                                     const DrawnTaskArguments& drawn, py::ssize_t runs) {
    const bool product = name == "Multiplication";
    using Variant = MarkedValues::Variant;
    const auto variant = one_of<Variant>(arguments.structure, "variant",
                                         {{"pascanu2013", Variant::pascanu2013},
                                          {"hochreiter1997", Variant::hochreiter1997},
                                          {"arjovsky2016", Variant::arjovsky2016}});
    require_features(name, settings, 2);
    require_answers(name, shape, Loss::half_squared_error, false, 1);
    const double* extra = shares(arguments, "extra", runs);
    return [=] { return std::make_unique<MarkedValues>(settings, drawn, product, variant, extra); };
}

inline TaskMaker random_permutation_maker(const NetworkShape& shape, const SequenceTask::Settings& settings,
                                          const DrawnTaskArguments& drawn) {
    if (settings.features < 3) throw py::value_error("features must be at least 3 for RandomPermutation");
    require_answers("RandomPermutation", shape, Loss::softmax_cross_entropy, false, settings.features);
    return [=] { return std::make_unique<RandomPermutation>(settings, drawn); };
}

inline TaskMaker recall_maker(const std::string& name, const TrainingArguments& arguments, const NetworkShape& shape,
                              const SequenceTask::Settings& settings, const DrawnTaskArguments& drawn) {
    const bool copy = name == "CopyMemory";
    Recall::Form form{};
    form.positions = arguments.size("positions", 1);
    form.values = static_cast<std::uint32_t>(arguments.size(copy ? "symbols" : "values", 1));
    form.first = copy ? 1 : 0;
    form.blank = form.silence = copy ? 0 : form.values;
    form.cue = form.values + 1;
    form.cue_before_end = form.positions + (copy ? 1 : 0);
    form.mean = arguments.number("mean_over_steps", 0, 1);
    if (settings.length_high != drawn.drawn_high + 2 * form.positions) {
        throw py::value_error("length_high must be drawn_high + 2 positions for " + name);
    }
    require_features(name, settings, form.values + 2);
    require_answers(name, shape, Loss::softmax_cross_entropy, true, form.values + 1);
    return [=] { return std::make_unique<Recall>(settings, drawn, form); };
}

inline TaskMaker agreement_maker(const TrainingArguments& arguments, const NetworkShape& shape,
                                 const SequenceTask::Settings& settings, const DrawnTaskArguments& drawn,
                                 py::ssize_t runs) {
    Agreement::Form form{};
    form.nouns = static_cast<std::uint32_t>(arguments.size("nouns", 1));
    form.prepositions = static_cast<std::uint32_t>(arguments.size("prepositions", 1));
    form.adverbs = static_cast<std::uint32_t>(arguments.size("adverbs", 1));
    form.fewest = arguments.size("intervening_low", 0, static_cast<std::int64_t>(drawn.drawn_low / Agreement::phrase));
    form.most = arguments.size("intervening_high", static_cast<std::int64_t>(form.fewest));
    form.of_attractors = shares(arguments, "attractor_probability", runs);
    if (settings.length_high != drawn.drawn_high + Agreement::before_clause) {
        throw py::value_error("length_high must be drawn_high + 2 for Agreement");
    }
    require_features("Agreement", settings, form.symbols());
    require_answers("Agreement", shape, Loss::softmax_cross_entropy, false, 2);
    return [=] { return std::make_unique<Agreement>(settings, drawn, form); };
}

// The maker of a task of this name, or none.
inline TaskMaker long_lag_task_maker(const std::string& name, const TrainingArguments& arguments,
                                     const NetworkShape& shape, const SequenceTask::Settings& settings,
                                     DrawnTaskArguments drawn, py::ssize_t runs) {
    const auto is = [&name](std::initializer_list<const char*> names) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    const bool marked = is({"Adding", "Multiplication"}), recall = is({"NoiselessMemorization", "CopyMemory"});
    if (!marked && !recall && !is({"TemporalOrder", "RandomPermutation", "Agreement"})) return {};
    const auto longest = static_cast<std::int64_t>(settings.length_high);
    drawn.drawn_low = arguments.size("drawn_low", 1, longest);
    drawn.drawn_high = arguments.size("drawn_high", static_cast<std::int64_t>(drawn.drawn_low), longest);
    drawn.length_shared_by = static_cast<std::uint32_t>(arguments.number("length_shared_by", 1, 0xffffffffll));
    if (marked) return marked_values_maker(name, arguments, shape, settings, drawn, runs);
    if (recall) return recall_maker(name, arguments, shape, settings, drawn);
    if (is({"RandomPermutation"})) return random_permutation_maker(shape, settings, drawn);
    if (is({"Agreement"})) return agreement_maker(arguments, shape, settings, drawn, runs);
    return temporal_order_maker(arguments, shape, settings, drawn, runs);
}

}  // namespace rnnlatch::bindings
