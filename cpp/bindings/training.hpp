// The trainers of all algorithms, from the arguments of a call.
#pragma once

#include "bindings/search_trainers.hpp"
#include "bindings/stepwise_trainers.hpp"

namespace rnnlatch::bindings {

inline Trainer trainer_of(const TrainingArguments& arguments, const TrainingProblem& problem, py::ssize_t runs) {
    const auto name = arguments.text("algorithm");
    if (const auto trainer = stepwise_trainer(name, arguments, problem, runs)) return trainer;
    if (const auto trainer = search_trainer(name, arguments, runs)) return trainer;
    throw py::value_error("algorithm is '" + name +
                          "', this engine knows GradientDescent, Adam, RMSprop, PseudoNewton, Newton, "
                          "DiscreteErrorPropagation, RedrawAfterError, SimulatedAnnealing, MultigridRandomSearch and "
                          "RandomGuessing");
}

}  // namespace rnnlatch::bindings
