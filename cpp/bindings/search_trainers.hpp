// The trainers that search: from the arguments of a call.
#pragma once

#include <optional>
#include <string>

#include "algorithms/multigrid_random_search.hpp"
#include "algorithms/random_guessing.hpp"
#include "algorithms/simulated_annealing.hpp"
#include "bindings/training_arguments.hpp"
#include "engine/search_trainer.hpp"

namespace rnnlatch::bindings {

template <class Search>
Trainer search(const TrainingArguments& arguments, const typename Search::Settings& settings,
               typename SearchTrainer<Search>::RatesOf rates_of) {
    arguments.number("sequences", 1, std::int64_t{1} << 31);
    const bool early = !arguments.structure.contains("early_rejection") || arguments.number("early_rejection", 0, 1);
    return [=](const TrainingProblem& problem, const TrainingResults& results, Work& work) {
        SearchTrainer<Search>(problem, results, work, settings, rates_of, early).train();
    };
}

// Null where the algorithm is no search.
inline Trainer search_trainer(const std::string& name, const TrainingArguments& arguments, py::ssize_t runs) {
    const auto column = [&](const char* of) { return arguments.column(of, runs); };
    if (name == "SimulatedAnnealing") {
        const double *temperature = column("temperature"), *step = column("step"), *box = column("box");
        const double *cooling = column("cooling"), *adapt = column("adapt"), *tolerance = column("stuck_tolerance");
        return search<SimulatedAnnealing>(arguments,
                                          {arguments.size("steps_per_cycle", 1),
                                           arguments.size("cycles_per_temperature", 1), arguments.size("patience", 1)},
                                          [=](std::size_t run) {
                                              return SimulatedAnnealing::Rates{temperature[run], step[run],
                                                                               box[run],         cooling[run],
                                                                               adapt[run],       tolerance[run]};
                                          });
    }
    if (name == "MultigridRandomSearch") {
        const double *half_side = column("half_side"), *shrink = column("shrink");
        const double* tolerance = column("stuck_tolerance");
        return search<MultigridRandomSearch>(arguments, {arguments.size("patience", 1)}, [=](std::size_t run) {
            return MultigridRandomSearch::Rates{half_side[run], shrink[run], tolerance[run]};
        });
    }
    if (name == "RandomGuessing") {
        const double *low = column("low"), *high = column("high");
        return search<RandomGuessing>(arguments, {},
                                      [=](std::size_t run) { return RandomGuessing::Rates{low[run], high[run]}; });
    }
    return nullptr;
}

}  // namespace rnnlatch::bindings
