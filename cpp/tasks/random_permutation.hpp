// Random permutation: the first symbol, one of two, is to be named at the end; all others are distractors.
//
// Source: Hochreiter and Schmidhuber (1997) for the idea; Pascanu, Mikolov and Bengio (2013), the authors' code.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tasks/symbolic_task.hpp"

namespace rnnlatch {

class RandomPermutation : public SymbolicTask {
   public:
    using SymbolicTask::SymbolicTask;

    void draw_symbols(const std::uint32_t* index, Part part, std::uint32_t* symbols, const ShownRows& rows) override {
        draw_form(index, part, rows.start);
        draw_any(index, part, 2, static_cast<std::uint32_t>(features()) - 2, symbols);
        u32 words[4];
        form_words(index, part, words);
        const u32 first = below(words[0], 2);
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            symbols[begin(lane) * task_lanes + lane] = first[lane];
            rows.target[lane] = first[lane];
            rows.weight[lane] = 1.0;
        }
    }
};

}  // namespace rnnlatch
