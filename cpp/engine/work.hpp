// Which run comes next, how many are done, and whether to stop: what the threads of one call share.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>

namespace rnnlatch {

class Work {
   public:
    explicit Work(std::size_t runs) : runs_(runs) {}

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
    bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

   private:
    std::size_t runs_;
    std::atomic<std::size_t> next_{0}, done_{0};
    std::atomic<bool> cancelled_{false};
};

}  // namespace rnnlatch
