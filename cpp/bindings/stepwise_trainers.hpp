// Makes the trainers of the algorithms that learn from one presentation after another.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>

#include "algorithms/adaptive.hpp"
#include "algorithms/descent_with_omega.hpp"
#include "algorithms/discrete_error_propagation.hpp"
#include "algorithms/first_order.hpp"
#include "algorithms/gradient_descent.hpp"
#include "algorithms/newton.hpp"
#include "algorithms/pseudo_newton.hpp"
#include "algorithms/redraw_after_error.hpp"
#include "bindings/networks.hpp"
#include "bindings/training_arguments.hpp"
#include "engine/stepwise_trainer.hpp"

namespace rnnlatch::bindings {

// make(problem, task) -> std::unique_ptr<Algorithm>
template <class Algorithm, class Make>
Trainer stepwise(Make make) {
    return [make](const TrainingProblem& problem, const TrainingResults& results, Work& work) {
        StepwiseTrainer<Algorithm>(problem, results, work, [&](SequenceTask& task) {
            return make(problem, task);
        }).train();
    };
}

template <class Rule>
Trainer first_order(Rule rule, typename FirstOrder<Rule>::RatesOf rates_of) {
    return stepwise<FirstOrder<Rule>>([=](const TrainingProblem& problem, SequenceTask& task) {
        return std::make_unique<FirstOrder<Rule>>(problem, task, rule, rates_of);
    });
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

inline Trainer gradient_descent(const TrainingArguments& arguments, const TrainingProblem& problem, py::ssize_t runs,
                                double scale) {
    const double *rate = arguments.column("learning_rate", runs), *momentum = arguments.column("momentum", runs);
    const double *clip = arguments.column("clip_norm", runs), *l1 = arguments.column("l1", runs);
    const double* l2 = arguments.column("l2", runs);
    const auto used = [runs](const double* values) {
        return std::any_of(values, values + runs, [](double value) { return value != 0.0; });
    };
    const bool clips =
        std::any_of(clip, clip + runs, [](double norm) { return norm < std::numeric_limits<double>::infinity(); });
    const GradientDescent rule({scale, used(momentum), used(l1) || used(l2), clips}, problem.trainable.size(),
                               task_lanes);
    const auto rates_of = [=](std::size_t run) {
        return GradientDescent::Rates{rate[run], momentum[run], clip[run], l1[run], l2[run]};
    };
    const double* omega = arguments.columns.contains("omega") ? arguments.column("omega", runs) : nullptr;
    if (!omega || !used(omega)) return first_order(rule, rates_of);
    if (structure_of(arguments.structure).kind != CellKind::vanilla || problem.network.same_step) {
        throw py::value_error("omega is for a VanillaRNN or DiagonalRNN without same_step");
    }
    return stepwise<DescentWithOmega>([=](const TrainingProblem& given, SequenceTask& task) {
        return std::make_unique<DescentWithOmega>(given, task, rule, rates_of, omega);
    });
}

inline Trainer pseudo_newton(const TrainingArguments& arguments, py::ssize_t runs) {
    const double *rate = arguments.column("learning_rate", runs), *mu = arguments.column("mu", runs);
    const double *largest = arguments.column("largest_step", runs), *momentum = arguments.column("momentum", runs);
    const double* smallest = arguments.column("smallest_step", runs);
    const Structure structure = structure_of(arguments.structure);
    const PseudoNewton::Settings settings{arguments.number("time_weighted", 0, 1) != 0,
                                          arguments.number("mu_rule", 0, 1) != 0,
                                          unit_derivatives<Twice<f64>>(structure.kind, structure.activation)};
    const auto rates_of = [=](std::size_t run) {
        return PseudoNewton::Rates{rate[run], largest[run], smallest[run], momentum[run], mu[run]};
    };
    return stepwise<PseudoNewton>([=](const TrainingProblem& problem, SequenceTask& task) {
        return std::make_unique<PseudoNewton>(problem, task, settings, rates_of);
    });
}

inline Trainer newton(const TrainingArguments& arguments, py::ssize_t runs) {
    const double *rate = arguments.column("learning_rate", runs), *damping = arguments.column("damping", runs);
    const double* largest = arguments.column("largest_step", runs);
    const Structure structure = structure_of(arguments.structure);
    const auto cell = cell_in_lanes<Dual<Twice<f64>>>(structure.kind, structure.activation, structure.shape.hidden);
    const auto rates_of = [=](std::size_t run) { return Newton::Rates{rate[run], damping[run], largest[run]}; };
    return stepwise<Newton>([=](const TrainingProblem& problem, SequenceTask& task) {
        return std::make_unique<Newton>(problem, task, cell, rates_of);
    });
}

inline Trainer discrete_error_propagation(const TrainingArguments& arguments, const TrainingProblem& problem,
                                          py::ssize_t runs) {
    const double *rate = arguments.column("learning_rate", runs), *epsilon = arguments.column("epsilon", runs);
    const double* bound = arguments.column("bound", runs);
    const Structure structure = structure_of(arguments.structure);
    const NetworkShape& shape = problem.network.shape;
    const bool fits = structure.kind == CellKind::vanilla && structure.activation == Activation::sign &&
                      !shape.diagonal && !shape.outputs && !shape.every && shape.loss == Loss::half_squared_error &&
                      !problem.network.parameters.initial[0];
    if (!fits) {
        throw py::value_error(
            "DiscreteErrorPropagation is for a VanillaRNN of sign units without a readout that starts from 0, and half "
            "the squared error at the last step");
    }
    if (shape.length * shape.hidden > std::size_t{1} << 25) {
        throw py::value_error("length_high times hidden must be at most 2^25 for DiscreteErrorPropagation");
    }
    const auto rates_of = [=](std::size_t run) {
        return DiscreteErrorPropagation::Rates{rate[run], epsilon[run], bound[run]};
    };
    return stepwise<DiscreteErrorPropagation>([=](const TrainingProblem& given, SequenceTask& task) {
        return std::make_unique<DiscreteErrorPropagation>(given, task, rates_of);
    });
}

inline Trainer redraw_after_error(const TrainingArguments& arguments, py::ssize_t runs) {
    const double* std = arguments.column("std", runs);
    return stepwise<RedrawAfterError>([=](const TrainingProblem& problem, SequenceTask& task) {
        return std::make_unique<RedrawAfterError>(problem, task, std);
    });
}

// The trainer of a stepwise algorithm, and none where the name is another's.
inline Trainer stepwise_trainer(const std::string& name, const TrainingArguments& arguments,
                                const TrainingProblem& problem, py::ssize_t runs) {
    const std::size_t parameters = problem.trainable.size();
    const double scale = problem.mean_gradient ? 1.0 / static_cast<double>(problem.batch_size) : 1.0;
    if (name == "GradientDescent") return gradient_descent(arguments, problem, runs, scale);
    if (name == "Adam") return adaptive<Adam>(arguments, runs, parameters, scale);
    if (name == "RMSprop") return adaptive<RMSprop>(arguments, runs, parameters, scale);
    if (name == "Newton") return newton(arguments, runs);
    const bool online = name == "PseudoNewton" || name == "DiscreteErrorPropagation" || name == "RedrawAfterError";
    if (!online) return {};
    if (problem.batch_size != 1) throw py::value_error("batch_size must be 1 for " + name);
    if (name == "PseudoNewton") return pseudo_newton(arguments, runs);
    if (name == "RedrawAfterError") return redraw_after_error(arguments, runs);
    return discrete_error_propagation(arguments, problem, runs);
}

}  // namespace rnnlatch::bindings
