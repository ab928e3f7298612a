// Many trajectories through a few lanes: which run is in a lane, how far it is, and when a lane takes the next run.
//
// Trajectories end at different steps: once half of the lanes are done they take new runs. (1000 x 1000 starts of two units on
// one thread, a grid: 0.084 s; waiting for the last lane 0.080 s, new runs at once 0.110 s. In random order 0.179, 0.208 and
// 0.175 s. Where a quarter never settles, 500 steps, 0.154, 0.245 and 0.122 s for a fifth of them.)
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "dynamics/autonomous.hpp"
#include "engine/work.hpp"

namespace rnnlatch {

// Runs are given out in blocks, to ask the other threads less often.
struct Blocks {
    std::size_t runs, size;

    Blocks(std::size_t all, std::size_t threads)
        : runs(all), size(std::clamp<std::size_t>(all / (16 * std::max<std::size_t>(threads, 1)), 16, 4096)) {}
    std::size_t count() const { return (runs + size - 1) / size; }
};

class RunsOfBlocks {
   public:
    RunsOfBlocks(Blocks blocks, Work& work) : blocks_(blocks), work_(work) {}

    std::optional<std::size_t> take() {
        if (next_ == end_) {
            const auto block = work_.take();
            if (!block) return std::nullopt;
            next_ = *block * blocks_.size;
            end_ = std::min(next_ + blocks_.size, blocks_.runs);
        }
        return next_++;
    }
    bool cancelled() const { return work_.cancelled(); }

   private:
    Blocks blocks_;
    Work& work_;
    std::size_t next_ = 0, end_ = 0;
};

struct TrajectoryResults {
    std::int32_t *label, *steps;  // (run)
    double* state;                // (run, states, hidden)
};

// Watch says what a trajectory ends with:
//   begin(lane)                     a trajectory begins
//   skip(active)                    whether no trajectory can end in this trail (asked once for each)
//   watch(t, active, f)             looks at step t of the trail, or at the starts; f(lane, label) for every active lane that
//                                   ends there
template <class Steps, class Watch>
class Trajectories {
   public:
    using V = Twice<f64>;
    using M = Memory<V>;
    static constexpr std::size_t lanes = Steps::lanes;

    Trajectories(Steps& steps, Watch& watch, std::int64_t most, std::int32_t unended, std::int32_t diverged,
                 TrajectoryResults results)
        : steps_(steps), watch_(watch), most_(most), unended_(unended), diverged_(diverged), results_(results) {}

    void walk(RunsOfBlocks& runs) {
        while (!runs.cancelled()) {
            if (2 * count_ <= lanes && !none_left_) refill(runs);
            if (count_ == 0) {
                if (none_left_) return;
                continue;
            }
            steps_.advance();
            look();
            std::copy_n(steps_.state(trail), steps_.rows() * lanes, steps_.state(0));
            clock_ += taken;
        }
    }

   private:
    static constexpr auto taken = static_cast<std::int64_t>(trail);

    void refill(RunsOfBlocks& runs) {
        for (std::size_t lane = 0; lane < lanes && !none_left_; ++lane) {
            if (going_[lane]) continue;
            const auto run = runs.take();
            if (!run) {
                none_left_ = true;
                break;
            }
            steps_.load(lane, *run);
            watch_.begin(lane);
            run_[lane] = *run;
            began_[lane] = clock_;
            fresh_[lane] = going_[lane] = -1;
            ++count_;
        }
        look_at_starts();
        deadline_ = clock_ + most_;
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            if (going_[lane]) deadline_ = std::min(deadline_, began_[lane] + most_);
        }
    }

    void look_at_starts() {
        watch_.watch(0, fresh_.data(), [&](std::size_t lane, std::int32_t label) { end(lane, label, 0); });
        if (!all_finite(0)) end_what_is_not_finite(0);
        for (std::size_t lane = 0; most_ == 0 && lane < lanes; ++lane) {
            if (going_[lane]) end(lane, unended_, 0);
        }
        fresh_.fill(0);
    }

    void look() {
        const bool diverging = !all_finite(trail);  // what is not finite stays so
        const bool skipped = watch_.skip(going_.data());
        if (diverging || !skipped) {
            for (std::size_t t = 1; t <= trail; ++t) {
                watch_.watch(t, going_.data(), [&](std::size_t lane, std::int32_t label) {
                    if (age(lane, t) <= most_) end(lane, label, t);
                });
                if (diverging) end_what_is_not_finite(t);
            }
        }
        if (clock_ + taken < deadline_) return;
        deadline_ = std::numeric_limits<std::int64_t>::max();
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            if (!going_[lane]) continue;
            if (age(lane, trail) >= most_) {
                end(lane, unended_, static_cast<std::size_t>(most_ - age(lane, 0)));
            } else {
                deadline_ = std::min(deadline_, began_[lane] + most_);
            }
        }
    }

    void end_what_is_not_finite(std::size_t t) {
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            if (!going_[lane] || age(lane, t) > most_) continue;
            const double* from = steps_.state(t) + lane;
            for (std::size_t i = 0; i < steps_.rows(); ++i) {
                if (!std::isfinite(from[i * lanes])) {
                    end(lane, diverged_, t);
                    break;
                }
            }
        }
    }

    void end(std::size_t lane, std::int32_t label, std::size_t t) {
        const std::size_t run = run_[lane], rows = steps_.rows();
        results_.label[run] = label;
        results_.steps[run] = static_cast<std::int32_t>(age(lane, t));
        const double* from = steps_.state(t) + lane;
        for (std::size_t i = 0; i < rows; ++i) results_.state[run * rows + i] = from[i * lanes];
        going_[lane] = 0;
        --count_;
    }

    // Steps that the trajectory has taken, at step t of the trail.
    std::int64_t age(std::size_t lane, std::size_t t) const {
        return clock_ - began_[lane] + static_cast<std::int64_t>(t);
    }

    bool all_finite(std::size_t t) {
        const double* from = steps_.state(t);
        const V zero = constant_like<V>(0.0);
        for (std::size_t lane = 0; lane < lanes; lane += Row<V>::lanes) {
            V sum = zero;
            for (std::size_t i = 0; i < steps_.rows(); ++i) sum = fma(M::load(from + i * lanes + lane), zero, sum);
            const auto finite = sum == zero;
            if (any(Memory<Twice<i64>>::load(going_.data() + lane) & (finite == i64{}))) return false;
        }
        return true;
    }

    using Mask = std::array<std::int64_t, lanes>;  // -1 where it is set

    Steps& steps_;
    Watch& watch_;
    std::int64_t most_;
    std::int32_t unended_, diverged_;
    TrajectoryResults results_;
    std::array<std::size_t, lanes> run_{};
    std::array<std::int64_t, lanes> began_{};  // the group's clock then
    Mask going_{}, fresh_{};                   // lanes that are at work; those that have just begun
    std::size_t count_ = 0;
    std::int64_t clock_ = 0, deadline_ = 0;  // steps of the group, and when the first trajectory has taken too many
    bool none_left_ = false;
};

// f(lane) for the lanes of a part where the mask is set.
template <class F>
RNNLATCH_INLINE void for_each_set(Twice<i64> mask, std::size_t first, F f) {
    constexpr std::size_t lanes = Row<Twice<f64>>::lanes;
    std::int64_t each[lanes];
    Memory<Twice<i64>>::store(each, mask);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        if (each[lane]) f(first + lane);
    }
}

}  // namespace rnnlatch
