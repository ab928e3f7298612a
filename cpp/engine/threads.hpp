// Runs the same function on several threads and reports to the calling one meanwhile.
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

// Calls worker() on `threads` new threads. The calling thread calls report() every `interval` until they are done; whatever
// report() or a worker throws cancels the work and is thrown again after the last worker has returned.
inline void run_on_threads(int threads, Work& work, const std::function<void()>& worker,
                           const std::function<void()>& report,
                           std::chrono::milliseconds interval = std::chrono::milliseconds(50)) {
    std::mutex mutex;
    std::condition_variable finished;
    int running = threads;
    std::exception_ptr error;

    const auto keep = [&](std::exception_ptr thrown) {
        const std::lock_guard lock(mutex);
        if (!error) error = thrown;
        work.cancel();
    };
    const auto body = [&] {
        try {
            worker();
        } catch (...) {
            keep(std::current_exception());
        }
        const std::lock_guard lock(mutex);
        if (--running == 0) finished.notify_one();
    };

    std::vector<std::thread> pool;
    pool.reserve(static_cast<std::size_t>(threads));
    for (int i = 0; i < threads; ++i) {
        try {
            pool.emplace_back(body);
        } catch (...) {  // the system gives no more threads: go on with those there are, if any
            const std::lock_guard lock(mutex);
            running -= threads - i;
            if (i == 0) error = std::current_exception();
            break;
        }
    }

    while (true) {
        {
            std::unique_lock lock(mutex);
            if (finished.wait_for(lock, interval, [&] { return running == 0; })) break;
        }
        try {
            report();
        } catch (...) {
            keep(std::current_exception());
        }
    }
    for (std::thread& thread : pool) thread.join();
    if (error) std::rethrow_exception(error);
}

}  // namespace rnnlatch
