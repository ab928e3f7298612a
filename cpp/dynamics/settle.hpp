// Whether a trajectory settles: its state comes back.
//
// As in Brent's search for cycles each state is compared with one earlier state only, a checkpoint, which moves. The first
// checkpoint is the start. A checkpoint at step m is compared with the states 1, 2, ... steps later, until one of them is within
// the tolerance of it in every number: the trajectory has settled, with the period p that this took, at step m + p, and no
// shorter one would have done for this checkpoint. After min(max_period, 1 + m / 4) steps, rounded up, the checkpoint moves to
// where the trajectory is. So a period up to p is seen at the latest a quarter of the steps after it could be, once there were
// 4 (p - 1) steps; doubling the distance, as Brent does, would let fixed points wait for as long again.
//
// What comes back within the tolerance need not be within the tolerance of the attractor: where it is approached by a factor l
// a step, it may be 1 / (1 - l) tolerances away. And close to a bifurcation a slow spiral or a slow alternation may come back
// after a multiple of the attractor's period first.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "dynamics/trajectories.hpp"

namespace rnnlatch {

template <class Steps>
class ReturnWatch {
   public:
    using V = Twice<f64>;
    using M = Memory<V>;
    static constexpr std::size_t lanes = Steps::lanes;

    ReturnWatch(Steps& steps, double tolerance, std::int64_t most)
        : steps_(steps),
          tolerance_(tolerance),
          longest_(static_cast<double>(most)),
          checkpoint_(steps.rows() * lanes),
          placed_(lanes),
          since_(lanes),
          wait_(lanes) {}

    void begin(std::size_t lane) {
        for (std::size_t i = 0; i < steps_.rows(); ++i)
            checkpoint_[i * lanes + lane] = steps_.state(0)[i * lanes + lane];
        placed_[lane] = since_[lane] = 0;
        wait_[lane] = 1;
    }

    template <class F>
    void watch(std::size_t t, const std::int64_t* going, F f) {
        if (t == 0) return;  // nothing has come back yet
        for (std::size_t part = 0; part < lanes; part += Row<V>::lanes) {
            const double* state = steps_.state(t) + part;
            double* checkpoint = checkpoint_.data() + part;
            V off = constant_like<V>(0.0);
            for (std::size_t i = 0; i < steps_.rows(); ++i) {
                off = max(off, abs(M::load(state + i * lanes) - M::load(checkpoint + i * lanes)));
            }
            const V since = M::load(since_.data() + part) + 1.0;
            M::store(since_.data() + part, since);
            const auto mask = Memory<Twice<i64>>::load(going + part) & (off <= constant_like<V>(tolerance_));
            if (any(mask)) {
                for_each_set(mask, part, [&](std::size_t lane) {
                    if (back(t, lane)) f(lane, static_cast<std::int32_t>(since_[lane]));
                });
            }
            const auto over = since >= M::load(wait_.data() + part);
            if (any(over)) move(over, since, state, part);
        }
    }

    static bool skip(const std::int64_t*) { return false; }

   private:
    RNNLATCH_INLINE void move(Twice<i64> mask, V since, const double* state, std::size_t part) {
        double* checkpoint = checkpoint_.data() + part;
        for (std::size_t i = 0; i < steps_.rows(); ++i) {
            M::store(checkpoint + i * lanes, select(mask, M::load(state + i * lanes), M::load(checkpoint + i * lanes)));
        }
        const V zero = constant_like<V>(0.0), placed = M::load(placed_.data() + part);
        const V here = select(mask, placed + since, placed);
        M::store(placed_.data() + part, here);
        M::store(since_.data() + part, select(mask, zero, since));
        M::store(wait_.data() + part, min(constant_like<V>(longest_), here * 0.25 + 1.0));
    }

    // The maximum of packs passes over NaN.
    bool back(std::size_t t, std::size_t lane) const {
        for (std::size_t i = 0; i < steps_.rows(); ++i) {
            if (!(std::abs(steps_.state(t)[i * lanes + lane] - checkpoint_[i * lanes + lane]) <= tolerance_))
                return false;
        }
        return true;
    }

    Steps& steps_;
    double tolerance_, longest_;
    Buffer<double> checkpoint_, placed_, since_,
        wait_;  // the step of the checkpoint, steps since then and until it moves
};

// One thread's share.
template <class Steps>
void settle(Steps& steps, double tolerance, std::int64_t max_period, std::int64_t most, Blocks blocks, Work& work,
            TrajectoryResults results) {
    ReturnWatch<Steps> watch(steps, tolerance, max_period);
    RunsOfBlocks runs(blocks, work);
    Trajectories<Steps, ReturnWatch<Steps>>(steps, watch, most, 0, -1, results).walk(runs);
}

}  // namespace rnnlatch
