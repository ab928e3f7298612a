// How fast each part of the engine is alone, from its own functions on data that stays in the first cache.
//
//   micro [lanes of a block] [seconds a kernel] [steps of a sequence] [only kernels with these names]...
//
// prints one JSON object. A rate is units per second: values for tanh, 32-bit words for the generator, normals for the
// Gaussian, floating-point operations for fma, bytes for memory (made only where they are named), cell-steps for everything else. The kernels take turns, and the median and the best of the turns are given.
// Where a part can be written in several ways (packs side by side, one call of the generator or two at a time), all are here.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "algorithms/gradient_descent.hpp"
#include "cells/latch_neuron.hpp"
#include "drivers/lane_driver.hpp"
#include "engine/block_trainer.hpp"
#include "lanes/buffer.hpp"
#include "lanes/math.hpp"
#include "lanes/math32.hpp"
#include "lanes/normal.hpp"
#include "lanes/philox.hpp"
#include "tasks/minimal_latch.hpp"

namespace {

using namespace rnnlatch;

// The latch with something trivial in place of tanh: what is left is the recurrence.
struct ClampNeuron {
    template <class P>
    static RNNLATCH_INLINE P activate(P a) {
        return min(max(a, constant(-0.7)), constant(0.7));
    }
    template <class P>
    static RNNLATCH_INLINE P derivative(P state) {
        return LatchNeuron::derivative(state);
    }
};

// Keeps the compiler from dropping what was written to memory.
inline void keep(const void* pointer) { asm volatile("" : : "g"(pointer) : "memory"); }

struct Kernel {
    std::string name, unit;
    double units;  // of one call
    std::function<void()> call;
    std::vector<double> rates = {};
};

// Time of this thread on its processor, so that what else runs on the machine counts as little as possible.
double now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double seconds_of(const Kernel& kernel, std::size_t calls) {
    const double start = now();
    for (std::size_t i = 0; i < calls; ++i) kernel.call();
    return now() - start;
}

std::vector<double> numbers(std::size_t n, double bound) {
    std::vector<double> values(n);
    std::uint64_t state = 88172645463325252ull;
    for (double& value : values) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        value = bound * (static_cast<double>(state >> 11) * 0x1p-52 - 1.0);
    }
    return values;
}

template <class Scalar = double>
Buffer<Scalar> row_buffer(std::size_t n, double bound) {
    const std::vector<double> values = numbers(n, bound);
    return Buffer<Scalar>(values.begin(), values.end());
}

template <class P, class Scalar = double>
Kernel tanh_kernel(const char* name, std::size_t lanes) {
    const std::size_t n = std::max<std::size_t>(lanes, 128);
    return {name, "value", static_cast<double>(n),
            [n, x = row_buffer<Scalar>(n, 3.0), y = Buffer<Scalar>(n)]() mutable {
                keep(x.data());
                for (std::size_t i = 0; i < n; i += sizeof(P) / sizeof(Scalar)) {
                    Memory<P>::store(y.data() + i, tanh(Memory<P>::load(x.data() + i)));
                }
                keep(y.data());
            }};
}

// The most that the units for multiplication and addition do: sums that do not wait for each other, all in registers.
template <class P, class Scalar>
Kernel fma_kernel(const char* name) {
    constexpr std::size_t sums = 12, times = 256, lanes = sizeof(P) / sizeof(Scalar);
    return {name, "operation", 2.0 * lanes * sums * times,
            [x = row_buffer<Scalar>(lanes, 1e-3), out = Buffer<Scalar>(sums * lanes)]() mutable {
                keep(x.data());
                const P factor = load<P>(x.data());
                P sum[sums];
                for (std::size_t k = 0; k < sums; ++k) sum[k] = load<P>(out.data() + k * lanes);
                for (std::size_t i = 0; i < times; ++i) {
                    for (std::size_t k = 0; k < sums; ++k) sum[k] = fma(factor, factor, sum[k]);
                }
                for (std::size_t k = 0; k < sums; ++k) store(out.data() + k * lanes, sum[k]);
                keep(out.data());
            }};
}

// What comes from memory, and goes there: arrays far larger than the caches, read, or two read and a third written.
constexpr std::size_t far_numbers = std::size_t{1} << 23;

Kernel memory_read_kernel(const char* name) {
    return {name, "byte", 8.0 * far_numbers, [x = Buffer<double>(far_numbers, 1.0)]() {
                constexpr std::size_t lanes = sizeof(f64) / sizeof(double);
                f64 sum[8] = {};
                for (std::size_t i = 0; i < far_numbers; i += 8 * lanes) {
                    for (std::size_t k = 0; k < 8; ++k) sum[k] = sum[k] + load<f64>(x.data() + i + k * lanes);
                }
                keep(sum);
            }};
}

Kernel memory_triad_kernel(const char* name) {
    return {name, "byte", 24.0 * far_numbers,
            [x = Buffer<double>(far_numbers, 1.0), y = Buffer<double>(far_numbers, 2.0),
             z = Buffer<double>(far_numbers)]() mutable {
                constexpr std::size_t lanes = sizeof(f64) / sizeof(double);
                const f64 factor = constant(0.5);
                for (std::size_t i = 0; i < far_numbers; i += lanes) {
                    store(z.data() + i, fma(factor, load<f64>(x.data() + i), load<f64>(y.data() + i)));
                }
                keep(z.data());
            }};
}

// The words of one presentation: `blocks` calls of the generator for the lanes of a block, the preparation counted.
template <class W>
Kernel philox_kernel(const char* name, std::size_t lanes, std::size_t blocks) {
    using M = Memory<W>;
    constexpr std::size_t width = sizeof(W) / sizeof(std::uint32_t);
    Buffer<std::uint32_t> stream(lanes), zero(lanes), out(lanes * 4 * blocks);
    for (std::size_t i = 0; i < lanes; ++i) stream[i] = static_cast<std::uint32_t>(i);
    return {name, "word", static_cast<double>(lanes * 4 * blocks),
            [=, philox = Philox(Key{1, 2}), presentation = zero]() mutable {
                for (std::size_t lane = 0; lane < lanes; lane += width) {
                    const W now = M::load(presentation.data() + lane);
                    M::store(presentation.data() + lane, now + std::uint32_t{1});
                    const auto prepared =
                        philox.prepare(M::load(stream.data() + lane), M::load(zero.data() + lane), now);
                    for (std::size_t block = 0; block < blocks; ++block) {
                        W words[4];
                        philox.words(prepared, counter_word(Purpose::noise, static_cast<std::uint32_t>(block)), words);
                        for (std::size_t k = 0; k < 4; ++k)
                            M::store(out.data() + (block * 4 + k) * lanes + lane, words[k]);
                    }
                }
                keep(out.data());
            }};
}

// Normals from words that are there already, written as rows of doubles times a scale, as the task does it.
template <class W, class F>
Kernel gaussian_kernel(const char* name, std::size_t lanes) {
    constexpr std::size_t pairs = sizeof(W) / sizeof(u32);
    constexpr std::size_t rows = 16;
    Buffer<std::uint32_t> words(rows * lanes);
    std::uint64_t state = 1;
    for (std::uint32_t& word : words)
        word = static_cast<std::uint32_t>((state = state * 6364136223846793005u + 1442695040888963407u) >> 32);
    return {
        name, "normal", static_cast<double>(rows * lanes),
        [=, out = Buffer<double>(rows * lanes), scale = Buffer<double>(lanes, 0.2)]() mutable {
            keep(words.data());
            for (std::size_t lane = 0; lane < lanes; lane += lanes32) {
                const f64 scale_low = load<f64>(scale.data() + lane);
                const f64 scale_high = load<f64>(scale.data() + lane + lanes64);
                const auto put = [&](std::size_t row, f32 draw) {
                    store(out.data() + row * lanes + lane, widen_low(draw) * scale_low);
                    store(out.data() + row * lanes + lane + lanes64, widen_high(draw) * scale_high);
                };
                for (std::size_t row = 0; row < rows; row += 2 * pairs) {
                    const auto at = [&](std::size_t k) { return load<u32>(words.data() + (row + k) * lanes + lane); };
                    F first, second;
                    if constexpr (pairs == 4) {
                        const auto four = [&](std::size_t k) { return W{{at(k), at(k + 2)}, {at(k + 4), at(k + 6)}}; };
                        box_muller(four(0), four(1), first, second);
                        put(row, first.low.low);
                        put(row + 1, second.low.low);
                        put(row + 2, first.low.high);
                        put(row + 3, second.low.high);
                        put(row + 4, first.high.low);
                        put(row + 5, second.high.low);
                        put(row + 6, first.high.high);
                        put(row + 7, second.high.high);
                    } else if constexpr (pairs == 1) {
                        box_muller(at(0), at(1), first, second);
                        put(row, first);
                        put(row + 1, second);
                    } else {
                        box_muller(W{at(0), at(2)}, W{at(1), at(3)}, first, second);
                        put(row, first.low);
                        put(row + 1, second.low);
                        put(row + 2, first.high);
                        put(row + 3, second.high);
                    }
                }
            }
            keep(out.data());
        }};
}

struct Shape {
    std::size_t lanes, length, prefix;
    double cell_steps() const { return static_cast<double>(lanes * length); }
};

// Forward, backward and update of one presentation, without noise and with `Cell` in place of the latch.
template <class Cell>
Kernel recurrence_kernel(const char* name, Shape shape) {
    const auto [lanes, length, prefix] = shape;
    const std::size_t parameters = 2 * prefix + 1;
    GradientDescent descent({1.0, false, false, false}, parameters, lanes);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        descent.set_lane(lane, {1e-12, 0.0, std::numeric_limits<double>::infinity(), 0.0, 0.0});
    }
    Buffer<double> states = row_buffer((length + 1) * lanes, 0.3);
    std::fill_n(states.begin(), lanes, 0.0);
    Buffer<double> theta = row_buffer(parameters * lanes, 0.1);
    std::fill(theta.end() - static_cast<std::ptrdiff_t>(lanes), theta.end(), 1.25);
    return {name, "cell-step", shape.cell_steps(),
            [=, gradient = Buffer<double>(parameters * lanes), update = Buffer<std::int64_t>(lanes, -1),
             delta = Buffer<double>(lanes, 0.1)]() mutable {
                using Driver = LaneDriver<Cell>;
                const double* weight = theta.data() + 2 * prefix * lanes;
                Driver::forward(lanes, length, weight, states.data());
                Driver::template backward<true>(lanes, length, prefix, weight, states.data(), delta.data(),
                                                gradient.data() + 2 * prefix * lanes, gradient.data());
                descent.step(update.data(), theta.data(), gradient.data());
                keep(theta.data());
            }};
}

Kernel noise_kernel(Shape shape) {
    MinimalLatch task({shape.length, shape.prefix, 0, false, false}, Philox(Key{1, 2}), Purpose::noise, shape.lanes);
    for (std::size_t lane = 0; lane < shape.lanes; ++lane) task.set_lane(lane, lane, 0.2, 0.8);
    return {"noise", "cell-step", shape.cell_steps(),
            [task, drive = Buffer<double>(shape.lanes * shape.length)]() mutable {
                task.present(drive.data());
                keep(drive.data());
            }};
}

// The engine itself on one thread, all its bookkeeping counted, no Python.
Kernel engine_kernel(Shape shape, std::int64_t presentations) {
    const std::size_t runs = shape.lanes;
    const auto column = [runs](double value) { return std::vector<double>(runs, value); };
    std::vector<std::uint64_t> stream(runs);
    for (std::size_t run = 0; run < runs; ++run) stream[run] = run;
    return {"engine", "cell-step", shape.cell_steps() * static_cast<double>(presentations),
            [=, one = column(1.25), initial = column(0.1), noise = column(0.2), target = column(0.8),
             zero = column(0.0), clip = column(std::numeric_limits<double>::infinity()),
             outcome = std::vector<std::uint8_t>(runs), seen = std::vector<std::int64_t>(runs), weight = column(0.0),
             input = std::vector<double>(runs * 2 * shape.prefix), loss = column(0.0)]() mutable {
                LatchProblem problem{};
                problem.task = {shape.length, shape.prefix, 0, false, false};
                problem.train_w = true;
                problem.batch_size = 1;
                problem.measure = Measure::none;
                problem.window = 100;
                problem.max_presentations = presentations;
                problem.key = {1, 2};
                problem.stream = stream.data();
                problem.w = one.data();
                problem.initial_input = problem.learning_rate = initial.data();
                problem.noise_std = noise.data();
                problem.target = target.data();
                problem.momentum = problem.l1 = problem.l2 = problem.threshold = zero.data();
                problem.clip_norm = clip.data();
                LatchResults results{};
                results.outcome = outcome.data();
                results.presentations = seen.data();
                results.loss = results.error = loss.data();
                results.weight = weight.data();
                results.input = input.data();
                Work work(runs);
                BlockTrainer(problem, results, work, shape.lanes).train();
                keep(weight.data());
            }};
}

double quantile(std::vector<double> values, double q) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

}  // namespace

int main(int count, char** arguments) {
    const std::size_t lanes = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 64;
    const double budget = count > 2 ? std::strtod(arguments[2], nullptr) : 0.3;
    const std::size_t length = count > 3 ? std::strtoull(arguments[3], nullptr, 10) : 20;
    const Shape shape{lanes, length, 3};
    if (lanes == 0 || lanes % group_lanes != 0 || length <= shape.prefix || !(budget > 0)) {
        std::fprintf(stderr, "usage: micro [lanes, a multiple of %zu] [seconds > 0] [length > 3] [name]...\n",
                     group_lanes);
        return 2;
    }
    std::vector<Kernel> kernels;
    kernels.push_back(tanh_kernel<f64>("tanh, 1 pack", lanes));
    kernels.push_back(tanh_kernel<Twice<f64>>("tanh, 2 packs", lanes));
    kernels.push_back(tanh_kernel<Twice<Twice<f64>>>("tanh, 4 packs", lanes));
    kernels.push_back(fma_kernel<f64, double>("fma"));
    kernels.push_back(tanh_kernel<f32, float>("float32 tanh, 1 pack", lanes));
    kernels.push_back(tanh_kernel<Twice<f32>, float>("float32 tanh, 2 packs", lanes));
    kernels.push_back(tanh_kernel<Twice<Twice<f32>>, float>("float32 tanh, 4 packs", lanes));
    kernels.push_back(fma_kernel<f32, float>("float32 fma"));
    kernels.push_back(philox_kernel<u32>("philox, 1 pack", lanes, (length - shape.prefix + 3) / 4));
    kernels.push_back(philox_kernel<Twice<u32>>("philox, 2 packs", lanes, (length - shape.prefix + 3) / 4));
    kernels.push_back(gaussian_kernel<u32, f32>("gaussian, 1 pack", lanes));
    kernels.push_back(gaussian_kernel<Twice<u32>, Twice<f32>>("gaussian, 2 packs", lanes));
    kernels.push_back(gaussian_kernel<Twice<Twice<u32>>, Twice<Twice<f32>>>("gaussian, 4 packs", lanes));
    kernels.push_back(recurrence_kernel<ClampNeuron>("recurrence", shape));
    kernels.push_back(recurrence_kernel<LatchNeuron>("recurrence and tanh", shape));
    kernels.push_back(noise_kernel(shape));
    kernels.push_back(engine_kernel(shape, 200));

    if (count > 4) {
        const std::vector<std::string> wanted(arguments + 4, arguments + count);
        const auto named = [&](const char* name) { return std::count(wanted.begin(), wanted.end(), name) > 0; };
        // They take 200 MB, and are made only where they are asked for.
        if (named("memory, read")) kernels.push_back(memory_read_kernel("memory, read"));
        if (named("memory, triad")) kernels.push_back(memory_triad_kernel("memory, triad"));
        std::erase_if(kernels,
                      [&](const Kernel& kernel) { return !std::count(wanted.begin(), wanted.end(), kernel.name); });
    }

    constexpr int turns = 15;
    std::vector<std::size_t> calls;
    for (Kernel& kernel : kernels) {
        std::size_t n = 1;
        while (seconds_of(kernel, n) < 0.002) n *= 2;
        calls.push_back(
            std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(n) * budget / turns / 0.003)));
    }
    for (int turn = 0; turn < turns; ++turn) {
        for (std::size_t i = 0; i < kernels.size(); ++i) {
            kernels[i].rates.push_back(kernels[i].units * static_cast<double>(calls[i]) /
                                       seconds_of(kernels[i], calls[i]));
        }
    }
    std::printf(
        "{\"march\": \"%s\", \"register_bytes\": %zu, \"lanes\": %zu, \"length\": %zu, \"prefix\": %zu, \"kernels\": {",
        MICRO_MARCH, register_bytes, lanes, length, shape.prefix);
    for (std::size_t i = 0; i < kernels.size(); ++i) {
        std::printf("%s\n  \"%s\": {\"unit\": \"%s\", \"median\": %.6g, \"best\": %.6g}", i ? "," : "",
                    kernels[i].name.c_str(), kernels[i].unit.c_str(), quantile(kernels[i].rates, 0.5),
                    quantile(kernels[i].rates, 1.0));
    }
    std::printf("\n}}\n");
    return 0;
}
