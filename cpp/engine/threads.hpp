// Runs the same function on several threads.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/work.hpp"

namespace rnnlatch {

// Fewer multiplications and additions than this are over within tens of milliseconds: nobody wants to hear of them meanwhile.
inline constexpr double brief_operations = 1e9;

namespace detail {

// worker() on `threads` new threads. Whatever it throws, or what this thread does meanwhile under guard, cancels the work and
// is thrown again by join, after the last worker has returned.
class WorkingThreads {
   public:
    WorkingThreads(int threads, Work& work, const std::function<void()>& worker) : work_(work), running_(threads) {
        pool_.reserve(static_cast<std::size_t>(threads));
        for (int i = 0; i < threads; ++i) {
            try {
                pool_.emplace_back([this, &worker] {
                    guard(worker);
                    const std::lock_guard lock(mutex_);
                    if (--running_ == 0) finished_.notify_one();
                });
            } catch (...) {  // the system gives no more threads: go on with those there are
                const std::lock_guard lock(mutex_);
                running_ -= threads - i;
                break;
            }
        }
    }

    bool none() const { return pool_.empty(); }

    // f(), in this thread or a worker's.
    void guard(const std::function<void()>& f) {
        try {
            f();
        } catch (...) {
            const std::lock_guard lock(mutex_);
            if (!error_) error_ = std::current_exception();
            work_.cancel();
        }
    }

    // Whether all workers have returned within this time.
    bool finished_within(std::chrono::milliseconds time) {
        std::unique_lock lock(mutex_);
        return finished_.wait_for(lock, time, [&] { return running_ == 0; });
    }

    void join() {
        for (std::thread& thread : pool_) thread.join();
        if (error_) std::rethrow_exception(error_);
    }

   private:
    Work& work_;
    std::mutex mutex_;
    std::condition_variable finished_;
    int running_;
    std::exception_ptr error_;
    std::vector<std::thread> pool_;
};

}  // namespace detail

// Calls worker() on `threads` new threads. The calling thread calls report() every `interval` until they are done; whatever
// report() or a worker throws cancels the work and is thrown again after the last worker has returned.
inline void run_on_threads(int threads, Work& work, const std::function<void()>& worker,
                           const std::function<void()>& report,
                           std::chrono::milliseconds interval = std::chrono::milliseconds(50)) {
    detail::WorkingThreads workers(threads, work, worker);
    if (workers.none()) workers.guard(worker);
    while (!workers.finished_within(interval)) workers.guard(report);
    workers.join();
}

// The same for brief work: the calling thread is one of the `threads`, which saves the start of one, and reports nothing.
inline void run_briefly(int threads, Work& work, const std::function<void()>& worker) {
    detail::WorkingThreads others(threads - 1, work, worker);
    others.guard(worker);
    others.join();
}

}  // namespace rnnlatch
