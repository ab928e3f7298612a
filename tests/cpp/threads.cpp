// The engine's threads without Python: what they share, how they end, and that their number changes no bit.
//
// Everything in this program can be compiled for ThreadSanitizer, while an interpreter knows nothing of it.
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/block_evaluator.hpp"
#include "engine/block_trainer.hpp"
#include "engine/threads.hpp"

namespace rnnlatch {
namespace {

using std::chrono::milliseconds;

constexpr int many = 8;

void check(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "threads.cpp: it does not hold that %s\n", what);
    std::exit(1);
}

template <class Call>
std::string thrown_by(const Call& call) {
    try {
        call();
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "";
}

// Both ways to run a worker: with a calling thread that reports, and one that works.
template <class Body>
void both_ways(const Body& body) {
    body([](int threads, Work& work, const std::function<void()>& worker) {
        run_on_threads(threads, work, worker, [] {}, milliseconds(1));
    });
    body([](int threads, Work& work, const std::function<void()>& worker) { run_briefly(threads, work, worker); });
}

void every_run_is_taken_once() {
    both_ways([](const auto& run) {
        constexpr std::size_t runs = 20000;
        std::vector<int> taken(runs);  // no lock: a run is one thread's
        Work work(runs);
        run(many, work, [&] {
            while (const auto each = work.take()) ++taken[*each], work.finish_one();
        });
        for (const int times : taken) check(times == 1, "every run is taken once");
        check(work.done() == runs, "every run is counted");
    });
}

void what_a_worker_throws_ends_the_others() {
    both_ways([](const auto& run) {
        Work work(std::numeric_limits<std::size_t>::max());
        const std::string said = thrown_by([&] {
            run(many, work, [&] {
                while (const auto each = work.take()) {
                    if (*each % 1000 == 999) throw std::runtime_error("worker");
                }
            });
        });
        check(said == "worker", "what a worker throws is thrown again");
        check(work.cancelled(), "what a worker throws cancels the work");
    });
}

void what_the_report_throws_ends_the_workers() {
    Work work(std::numeric_limits<std::size_t>::max());
    const auto endless = [&] {
        while (work.take()) work.finish_one();
    };
    std::size_t reports = 0, done = 0;
    const auto report = [&] {
        check(work.done() >= done, "the count of runs only grows");
        done = work.done();
        if (++reports == 5) throw std::runtime_error("report");
    };
    const std::string said = thrown_by([&] { run_on_threads(many, work, endless, report, milliseconds(1)); });
    check(said == "report", "what the report throws is thrown again");
}

void somebody_outside_can_stop_the_work() {
    both_ways([](const auto& run) {
        std::uint8_t stop = 0;
        Work work(std::numeric_limits<std::size_t>::max(), &stop);
        std::thread outside([&] {
            std::this_thread::sleep_for(milliseconds(5));
            __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
        });
        run(many, work, [&] {
            while (work.take()) work.finish_one();
        });
        outside.join();
        check(work.cancelled(), "a stop from outside cancels the work");
    });
}

// Runs that stop at different times, so that lanes take one after the other from what the threads share.
struct Latches {
    static constexpr std::size_t runs = 301, prefix = 3;

    std::vector<std::uint64_t> stream;
    std::vector<double> w, initial_input, noise_std, target, learning_rate, momentum, clip_norm, none, threshold;
    LatchProblem problem{};

    Latches()
        : w(runs, 1.25),
          initial_input(runs, 0.1),
          noise_std(runs),
          target(runs, 0.8),
          learning_rate(runs, 0.1),
          momentum(runs, 0.5),
          clip_norm(runs, 1.0),
          none(runs),
          threshold(runs, 0.05) {
        for (std::size_t run = 0; run < runs; ++run) {
            stream.push_back(run);
            noise_std[run] = 0.02 * static_cast<double>(run % 20);
        }
        problem.task = {12, prefix, 0, true, false};
        problem.train_w = problem.mean_gradient = true;
        problem.batch_size = 2, problem.window = 10, problem.max_presentations = 200, problem.record_every = 50;
        problem.measure = Measure::error;
        problem.key = {1, 2};
        problem.stream = stream.data();
        problem.w = w.data(), problem.initial_input = initial_input.data();
        problem.noise_std = noise_std.data(), problem.target = target.data();
        problem.learning_rate = learning_rate.data(), problem.momentum = momentum.data();
        problem.clip_norm = clip_norm.data(), problem.l1 = problem.l2 = none.data();
        problem.threshold = threshold.data();
        problem.uses_momentum = problem.uses_clip = true;
    }

    // Training, then a test of what was trained: all numbers in a row.
    std::vector<double> trained_and_tested(int threads) const {
        constexpr std::size_t inputs = 2 * prefix, records = 4;
        std::vector<std::uint8_t> outcome(runs);
        std::vector<std::int64_t> presentations(runs);
        std::array<std::vector<double>, 8> numbers;
        const std::size_t widths[] = {1, 1, 1, inputs, records, records, records, records * inputs};
        for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i].assign(runs * widths[i], 0.0);
        auto& [loss, error, weight, input, curve, norms, weights, recorded] = numbers;
        const LatchResults results{outcome.data(), presentations.data(), loss.data(),  error.data(),   weight.data(),
                                   input.data(),   curve.data(),         norms.data(), weights.data(), recorded.data()};
        Work training(runs);
        run_on_threads(
            threads, training, [&] { BlockTrainer(problem, results, training, group_lanes).train(); },
            [&] { check(training.done() <= runs, "no more runs are done than there are"); }, milliseconds(1));

        std::vector<double> test_loss(runs), test_error(runs), magnitude(runs);
        const LatchEvaluation evaluation{problem.task,     20,
                                         problem.key,      stream.data(),
                                         weight.data(),    input.data(),
                                         noise_std.data(), target.data(),
                                         test_loss.data(), test_error.data(),
                                         magnitude.data()};
        Work testing(runs);
        run_briefly(threads, testing, [&] { BlockEvaluator(evaluation, testing, group_lanes).evaluate(); });

        std::vector<double> all(outcome.begin(), outcome.end());
        all.insert(all.end(), presentations.begin(), presentations.end());
        for (const auto& each : numbers) all.insert(all.end(), each.begin(), each.end());
        for (const auto& each : {test_loss, test_error, magnitude}) all.insert(all.end(), each.begin(), each.end());
        return all;
    }
};

void the_number_of_threads_changes_no_bit() {
    const Latches latches;
    const std::vector<double> alone = latches.trained_and_tested(1);
    std::array<std::size_t, 4> ends{};
    for (std::size_t run = 0; run < Latches::runs; ++run) ++ends.at(static_cast<std::size_t>(alone[run]));
    check(ends[0] > 0 && ends[1] > 0, "some of these runs converge and some do not");
    for (const int threads : {2, 3, many}) {
        const std::vector<double> together = latches.trained_and_tested(threads);
        check(std::memcmp(alone.data(), together.data(), alone.size() * sizeof(double)) == 0,
              "the number of threads changes no bit");
    }
}

}  // namespace
}  // namespace rnnlatch

int main() {
    rnnlatch::every_run_is_taken_once();
    rnnlatch::what_a_worker_throws_ends_the_others();
    rnnlatch::what_the_report_throws_ends_the_workers();
    rnnlatch::somebody_outside_can_stop_the_work();
    rnnlatch::the_number_of_threads_changes_no_bit();
}
