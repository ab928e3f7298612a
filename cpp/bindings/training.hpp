// The trainers of all algorithms, from the arguments of a call.
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
#include "bindings/search_trainers.hpp"
#include "bindings/training_arguments.hpp"
#include "engine/stepwise_trainer.hpp"

namespace rnnlatch::bindings {

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
    if (const auto trainer = search_trainer(name, arguments, runs)) return trainer;
    throw py::value_error("algorithm is '" + name +
                          "', this engine knows GradientDescent, Adam, RMSprop, SimulatedAnnealing, "
                          "MultigridRandomSearch and RandomGuessing");
}

}  // namespace rnnlatch::bindings
