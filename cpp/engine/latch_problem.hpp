// What one call of the engine trains or evaluates, and where its results go: flat arrays, one value (or row) a run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/outcome.hpp"
#include "lanes/philox.hpp"
#include "tasks/minimal_latch.hpp"

namespace rnnlatch {

struct LatchProblem {
    MinimalLatch::Settings task;
    bool train_w;
    std::int64_t batch_size;
    bool mean_gradient;
    Measure measure;
    std::int64_t window, max_presentations, record_every;  // record_every 0: record nothing

    Key key;
    const std::uint64_t* stream;
    const double *w, *initial_input, *noise_std, *target;
    const double *learning_rate, *momentum, *clip_norm, *l1, *l2, *threshold;
    const double* initial;  // given initial inputs (runs, 2, prefix), or null: drawn
    bool uses_momentum, uses_penalty, uses_clip;

    std::size_t inputs() const { return 2 * task.prefix; }
    std::size_t records() const {
        return record_every ? static_cast<std::size_t>(max_presentations / record_every) : 0;
    }
};

struct LatchResults {
    std::uint8_t* outcome;
    std::int64_t* presentations;
    double *loss, *error, *weight, *input;
    double *record_loss, *record_gradient_norm, *record_weight, *record_input;  // null where nothing is recorded
};

}  // namespace rnnlatch
