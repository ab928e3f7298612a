// Tasks that show one symbol at each step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "lanes/buffer.hpp"
#include "tasks/drawn_task.hpp"

namespace rnnlatch {

class SymbolicTask : public DrawnTask {
   public:
    SymbolicTask(const Settings& settings, const DrawnTaskArguments& arguments)
        : DrawnTask(settings, arguments), symbols_(settings.length_high * task_lanes) {}

    bool symbolic() const final { return true; }

    void draw(const std::uint32_t* index, Part part, const ShownRows& rows) final {
        draw_symbols(index, part, symbols_.data(), rows);
        std::fill_n(rows.inputs, length() * features() * task_lanes, 0.0);
        double* row = rows.inputs;
        const std::uint32_t* symbol = symbols_.data();
        for (std::size_t t = 0; t < length(); ++t, row += features() * task_lanes) {
            for (std::size_t lane = 0; lane < task_lanes; ++lane, ++symbol) row[*symbol * task_lanes + lane] = 1.0;
        }
    }

    void draw_symbols(const std::uint32_t* index, Part part, std::uint32_t* symbols,
                      const ShownRows& rows) override = 0;

   protected:
    // Any of the symbols first ... first + count - 1 at every step; symbol `first` before all sequences.
    void draw_any(const std::uint32_t* index, Part part, std::uint32_t first, std::uint32_t count,
                  std::uint32_t* symbols) const {
        const std::size_t before = earliest();
        std::fill_n(symbols, before * task_lanes, first);
        std::uint32_t* last = symbols + (length() - 1) * task_lanes;
        for_each_word(index, symbol_of(part), length() - before,
                      [&](std::size_t k, u32 word) { store(last - k * task_lanes, below(word, count) + first); });
    }

   private:
    Buffer<std::uint32_t> symbols_;
};

}  // namespace rnnlatch
