// The arguments of a call that trains networks, and the trainers of all algorithms.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "algorithms/adaptive.hpp"
#include "algorithms/first_order.hpp"
#include "algorithms/gradient_descent.hpp"
#include "bindings/arrays.hpp"
#include "engine/stepwise_trainer.hpp"

namespace rnnlatch::bindings {

inline constexpr std::int64_t most_steps = std::int64_t{1} << 24;

// The arguments of a call: the dictionaries, which keep their arrays alive.
struct TrainingArguments {
    py::dict structure, columns, arrays;

    const double* column(const char* name, py::ssize_t runs) const {
        return require<double>(entry(columns, name), name, {runs}).data();
    }
    std::int64_t number(const char* name, std::int64_t least, std::int64_t most) const {
        return integer(structure, name, least, most);
    }
    std::size_t size(const char* name, std::int64_t least, std::int64_t most = most_steps) const {
        return static_cast<std::size_t>(number(name, least, most));
    }
    std::string text(const char* name) const { return entry(structure, name).cast<std::string>(); }
};

// Trains the runs that are left, on one thread.
using Trainer = std::function<void(const TrainingProblem&, const TrainingResults&, Work&)>;

template <class Rule>
Trainer first_order(Rule rule, typename FirstOrder<Rule>::RatesOf rates_of) {
    return [rule, rates_of](const TrainingProblem& problem, const TrainingResults& results, Work& work) {
        StepwiseTrainer<FirstOrder<Rule>>(problem, results, work, [&](SequenceTask& task) {
            return std::make_unique<FirstOrder<Rule>>(problem, task, rule, rates_of);
        }).train();
    };
}

template <class Rule>
Trainer adaptive(const TrainingArguments& arguments, py::ssize_t runs, std::size_t parameters, double scale) {
    const double *rate = arguments.column("learning_rate", runs), *epsilon = arguments.column("epsilon", runs);
    const double* clip = arguments.column("clip_norm", runs);
    const bool adam = arguments.columns.contains("beta_1");
    const double* beta_1 = adam ? arguments.column("beta_1", runs) : nullptr;
    const double* beta_2 = arguments.column(adam ? "beta_2" : "decay", runs);
    return first_order(Rule(scale, true, parameters, task_lanes), [=](std::size_t run) {
        return typename Rule::Rates{rate[run], beta_1 ? beta_1[run] : 0.0, beta_2[run], epsilon[run], clip[run]};
    });
}

inline Trainer gradient_descent(const TrainingArguments& arguments, py::ssize_t runs, std::size_t parameters,
                                double scale) {
    const double *rate = arguments.column("learning_rate", runs), *momentum = arguments.column("momentum", runs);
    const double *clip = arguments.column("clip_norm", runs), *l1 = arguments.column("l1", runs);
    const double* l2 = arguments.column("l2", runs);
    const auto used = [runs](const double* values) {
        return std::any_of(values, values + runs, [](double value) { return value != 0.0; });
    };
    const bool clips =
        std::any_of(clip, clip + runs, [](double norm) { return norm < std::numeric_limits<double>::infinity(); });
    const GradientDescent::Settings settings{scale, used(momentum), used(l1) || used(l2), clips};
    return first_order(GradientDescent(settings, parameters, task_lanes), [=](std::size_t run) {
        return GradientDescent::Rates{rate[run], momentum[run], clip[run], l1[run], l2[run]};
    });
}

inline Trainer trainer_of(const TrainingArguments& arguments, const TrainingProblem& problem, py::ssize_t runs) {
    const auto name = arguments.text("algorithm");
    const std::size_t parameters = problem.trainable.size();
    const double scale = problem.mean_gradient ? 1.0 / static_cast<double>(problem.batch_size) : 1.0;
    if (name == "GradientDescent") return gradient_descent(arguments, runs, parameters, scale);
    if (name == "Adam") return adaptive<Adam>(arguments, runs, parameters, scale);
    if (name == "RMSprop") return adaptive<RMSprop>(arguments, runs, parameters, scale);
    throw py::value_error("algorithm is '" + name + "', this engine knows GradientDescent, Adam and RMSprop");
}

}  // namespace rnnlatch::bindings
