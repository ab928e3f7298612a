// Recall: the symbols at the beginning are to be given again at the end, when a cue has been shown, and nothing until then.
//
// Noiseless memorization of Pascanu, Mikolov and Bengio (2013) and the copying task of Arjovsky, Shah and Bengio (2016), as in
// the authors' codes, both after Hochreiter and Schmidhuber (1997); they differ in the numbers of symbols and classes, and in
// whether the cue comes with the first answer or a step before it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "tasks/symbolic_task.hpp"

namespace rnnlatch {

class Recall : public SymbolicTask {
   public:
    struct Form {
        std::size_t positions;              // symbols to be recalled
        std::uint32_t values, first;        // which ones: first ... first + values - 1, the same as classes
        std::uint32_t blank, cue, silence;  // the symbol that says nothing, that for now, the class of no answer
        std::size_t cue_before_end;         // steps from the cue to the end of the sequence
        bool mean;                          // the loss is the mean over the steps, not the sum
    };

    Recall(const Settings& settings, const DrawnTaskArguments& arguments, const Form& form)
        : SymbolicTask(settings, arguments), form_(form) {}

    void draw_symbols(const std::uint32_t* index, Part part, std::uint32_t* symbols, const ShownRows& rows) override {
        draw_form(index, part, rows.start);
        const std::size_t time = length(), answers = time - form_.positions;
        std::fill_n(symbols, time * task_lanes, form_.blank);
        std::fill_n(symbols + (time - form_.cue_before_end) * task_lanes, task_lanes, form_.cue);
        std::fill_n(rows.target, answers * task_lanes, static_cast<double>(form_.silence));
        for_each_word(index, symbol_of(part), form_.positions, [&](std::size_t k, u32 word) {
            const u32 shown = below(word, form_.values) + form_.first;
            for (std::size_t lane = 0; lane < task_lanes; ++lane) {
                symbols[(begin(lane) + k) * task_lanes + lane] = shown[lane];
                rows.target[(answers + k) * task_lanes + lane] = shown[lane];
            }
        });
        put_weights(rows.weight);
    }

   protected:
    std::size_t steps(std::size_t, std::size_t drawn, std::uint32_t) const override {
        return drawn + 2 * form_.positions;
    }

   private:
    void put_weights(double* weight) const {
        double of_step[task_lanes];
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            of_step[lane] = form_.mean ? 1.0 / static_cast<double>(length() - begin(lane)) : 1.0;
        }
        for (std::size_t row = 0; row < length(); ++row, weight += task_lanes) {
            for (std::size_t lane = 0; lane < task_lanes; ++lane) {
                weight[lane] = row < begin(lane) ? 0.0 : of_step[lane];
            }
        }
    }

    Form form_;
};

}  // namespace rnnlatch
