// What one call trains, and where its results go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "drivers/cell_in_lanes.hpp"
#include "drivers/network_problem.hpp"
#include "engine/outcome.hpp"
#include "engine/work.hpp"
#include "tasks/sequence_task.hpp"

namespace rnnlatch {

struct TrainingProblem {
    NetworkProblem<double> network;  // the shape; `parameters`: where the runs start
    CellInLanes<Twice<f64>> cell;
    std::vector<std::size_t> trainable;                        // rows of the parameters (ParameterRows)
    std::function<std::unique_ptr<SequenceTask>()> make_task;  // one for each thread
    Key key;
    const std::uint64_t* stream;
    std::int64_t batch_size, window, max_presentations;
    bool mean_gradient;
    Measure measure;
    const double* threshold;
    std::size_t runs;
    const Work* work = nullptr;  // what a presentation that takes long asks whether to go on
};

struct TrainingResults {
    std::uint8_t* outcome;
    std::int64_t *presentations, *presentations_computed;
    double *loss, *error;
    NetworkViews<double> parameters;
};

// Rows of integers: which sequence every lane sees, and the number of this presentation of its run, from 0.
struct PresentationRows {
    const std::uint32_t *index, *number;
};

}  // namespace rnnlatch
