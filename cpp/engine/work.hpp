// Which run comes next, how many are done, and whether to stop: what the threads of one call share.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace rnnlatch {

class Work {
   public:
    // `stop`: becomes 1 when somebody outside wants the work to be cancelled; null: nobody.
    explicit Work(std::size_t runs, const std::uint8_t* stop = nullptr) : runs_(runs), stop_(stop) {}

    std::size_t runs() const { return runs_; }

    // The next run that nobody has, if any is left.
    std::optional<std::size_t> take() {
        if (cancelled()) return std::nullopt;
        const std::size_t run = next_.fetch_add(1, std::memory_order_relaxed);
        return run < runs_ ? std::optional(run) : std::nullopt;
    }

    void finish_one() { done_.fetch_add(1, std::memory_order_relaxed); }
    std::size_t done() const { return done_.load(std::memory_order_relaxed); }

    void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
    bool cancelled() const {
        return cancelled_.load(std::memory_order_relaxed) || (stop_ && __atomic_load_n(stop_, __ATOMIC_RELAXED) != 0);
    }

   private:
    std::size_t runs_;
    const std::uint8_t* stop_;
    std::atomic<std::size_t> next_{0}, done_{0};
    std::atomic<bool> cancelled_{false};
};

}  // namespace rnnlatch
