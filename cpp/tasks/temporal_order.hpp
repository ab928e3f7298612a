// Temporal order: which symbols, of two kinds, were shown at two or three steps, all others being distractors?
//
// Symbols: 0 and 1 are the two kinds, 2 to 5 distractors; of sequences with a frame 6 is the first and 7 the last.
// Sources: Hochreiter and Schmidhuber (1997), experiment 6, with a frame and windows of the shortest sequence; Pascanu,
// Mikolov and Bengio (2013), sec. 4.1.1 and the authors' code, without.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tasks/symbolic_task.hpp"
#include "tasks/window.hpp"

namespace rnnlatch {

class TemporalOrder : public SymbolicTask {
   public:
    static constexpr std::size_t most = 3;  // symbols whose order counts
    struct Columns {
        const double *start[most], *width[most];
    };

    TemporalOrder(const Settings& settings, const DrawnTaskArguments& arguments, std::size_t symbols, bool frame,
                  const Columns& columns)
        : SymbolicTask(settings, arguments),
          symbols_(symbols),
          frame_(frame),
          classes_as_numbers_(arguments.answers.loss == Loss::softmax_cross_entropy),
          shortest_(arguments.drawn_low),
          columns_(columns) {}

    void set_lane(std::size_t lane, std::size_t run) override {
        SymbolicTask::set_lane(lane, run);
        for (std::size_t k = 0; k < symbols_; ++k) {
            windows_[lane][k] = {columns_.start[k][run], columns_.width[k][run]};
        }
    }

    void draw_symbols(const std::uint32_t* index, Part part, std::uint32_t* symbols, const ShownRows& rows) override {
        draw_form(index, part, rows.start);
        draw_any(index, part, 2, 4, symbols);
        u32 words[4];  // positions, and in the last one the class, whose bits are the symbols
        form_words(index, part, words);
        const u32 shown = below(words[most], 1u << symbols_);
        for (std::size_t lane = 0; lane < task_lanes; ++lane) {
            std::uint32_t* of_lane = symbols + begin(lane) * task_lanes + lane;
            const std::size_t steps = length() - begin(lane);
            for (std::size_t k = 0; k < symbols_; ++k) {
                const std::size_t step = windows_[lane][k].step(frame_ ? shortest_ : steps, frame_, words[k][lane]);
                of_lane[step * task_lanes] = shown[lane] >> k & 1u;
            }
            if (frame_) of_lane[0] = 6, of_lane[(steps - 1) * task_lanes] = 7;
            put_target(lane, shown[lane], rows.target);
            rows.weight[lane] = 1.0;
        }
    }

   private:
    void put_target(std::size_t lane, std::uint32_t shown, double* target) const {
        if (classes_as_numbers_) {
            target[lane] = shown;
            return;
        }
        for (std::uint32_t c = 0; c < 1u << symbols_; ++c) target[c * task_lanes + lane] = c == shown ? 1.0 : 0.0;
    }

    std::size_t symbols_;
    bool frame_, classes_as_numbers_;
    std::size_t shortest_;
    Columns columns_;
    std::array<std::array<Window, most>, task_lanes> windows_{};
};

}  // namespace rnnlatch
