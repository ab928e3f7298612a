// Tasks that show one symbol at each step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "lanes/buffer.hpp"
#include "tasks/drawn_task.hpp"
#include "tasks/symbol_rows.hpp"

namespace rnnlatch {

class SymbolicTask : public DrawnTask {
   public:
    SymbolicTask(const Settings& settings, const DrawnTaskArguments& arguments)
        : DrawnTask(settings, arguments), symbols_(settings.length_high * task_lanes) {}

    bool symbolic() const final { return true; }

    void draw(const std::uint32_t* index, Part part, const ShownRows& rows) final {
        draw_symbols(index, part, symbols_.data(), rows);
        put_inputs(symbols_.data(), length(), features(), rows.inputs);
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
