// Which of some points a trajectory comes near first, and when.
//
// With many points that costs more than the steps themselves. Where the map is known to stretch distances by L at most
// (vanilla networks: the largest absolute row sum of the recurrent weights, times the largest slope), a trajectory that was
// within the tolerance of a point at some step of a trail is within L^q times the tolerance of the point's q-th image at its
// end. So one look at the end, at the points and their images with a wider tolerance, finds the trails that need no look at
// every step. Points that are attractors are their own images. What is found does not depend on it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "dynamics/trajectories.hpp"

namespace rnnlatch {

struct Points {
    const double* data;  // (count, states, hidden)
    std::size_t count;
    double tolerance;
};

// A bound for how many times as far apart, in the maximum norm, two states are after a step; infinite if none is known.
inline double largest_stretch(const AutonomousProblem& problem) {
    const NetworkShape& shape = problem.network.shape;
    const bool bounded = problem.kind == CellKind::vanilla && problem.activation != Activation::sign &&
                         problem.shared && !problem.network.same_step;
    if (!bounded) return std::numeric_limits<double>::infinity();
    const View<const double>& weight = problem.network.parameters.weight_hh;
    double most = 0;
    for (std::size_t i = 0; i < shape.hidden; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < (shape.diagonal ? 1 : shape.hidden); ++j) {
            sum += std::abs(weight.data[static_cast<std::ptrdiff_t>(i) * weight.stride[0] +
                                        static_cast<std::ptrdiff_t>(j) * weight.stride[1]]);
        }
        most = std::max(most, sum);
    }
    return problem.activation == Activation::logistic ? most / 4 : most;
}

template <class Steps>
class PointsWatch {
   public:
    using V = Twice<f64>;
    using M = Memory<V>;
    static constexpr std::size_t lanes = Steps::lanes;

    PointsWatch(Steps& steps, const AutonomousProblem& problem, Points points) : steps_(steps), points_(points) {
        const double stretch = largest_stretch(problem);
        if (std::isfinite(stretch) && points.count > 0) widen(stretch);
    }

    void begin(std::size_t) const {}

    template <class F>
    void watch(std::size_t t, const std::int64_t* going, F f) const {
        for (std::size_t part = 0; part < lanes; part += Row<V>::lanes) {
            const auto [mask, point] = first_near(t, part);
            const auto there = Memory<Twice<i64>>::load(going + part) & mask;
            if (!any(there)) continue;
            std::int64_t number[Row<V>::lanes];
            Memory<Twice<i64>>::store(number, point);
            for_each_set(there, part,
                         [&](std::size_t lane) { f(lane, static_cast<std::int32_t>(number[lane - part])); });
        }
    }

    bool skip(const std::int64_t* going) const {
        if (wide_.empty()) return points_.count == 0;
        for (std::size_t part = 0; part < lanes; part += Row<V>::lanes) {
            if (any(Memory<Twice<i64>>::load(going + part) & near_wide(part))) return false;
        }
        return true;
    }

   private:
    struct Found {
        Twice<i64> mask, point;
    };

    // Lanes within the tolerance of a point in every number, and the first of those points.
    RNNLATCH_INLINE Found first_near(std::size_t t, std::size_t part) const {
        const double* state = steps_.state(t) + part;
        const std::size_t rows = steps_.rows();
        const V limit = constant_like<V>(points_.tolerance);
        Found found{};
        for (std::size_t p = points_.count; p-- > 0;) {
            const double* point = points_.data + p * rows;
            Twice<i64> here = abs(M::load(state) - constant_like<V>(point[0])) <= limit;
            for (std::size_t i = 1; i < rows; ++i) {
                here = here & (abs(M::load(state + i * lanes) - constant_like<V>(point[i])) <= limit);
            }
            const auto number = i64{} + static_cast<std::int64_t>(p);
            found.point = {(here.low & number) | (~here.low & found.point.low),
                           (here.high & number) | (~here.high & found.point.high)};
            found.mask = found.mask | here;
        }
        return found;
    }

    // Lanes within the wide distance of any of the points and images; NaN may be among them.
    RNNLATCH_INLINE Twice<i64> near_wide(std::size_t part) const {
        const double* state = steps_.state(trail) + part;
        const std::size_t rows = steps_.rows();
        const V limit = constant_like<V>(radius_);
        Twice<i64> found{};
        const double *point = wide_.data(), *end = point + wide_.size();
        if (rows == 2) {  // the state stays in registers
            const V x = M::load(state), y = M::load(state + lanes);
            for (; point < end; point += 2) {
                const V off = max(abs(x - constant_like<V>(point[0])), abs(y - constant_like<V>(point[1])));
                found = found | (off <= limit);
            }
            return found;
        }
        for (; point < end; point += rows) {
            V off = abs(M::load(state) - constant_like<V>(point[0]));
            for (std::size_t i = 1; i < rows; ++i) {
                off = max(off, abs(M::load(state + i * lanes) - constant_like<V>(point[i])));
            }
            found = found | (off <= limit);
        }
        return found;
    }

    // The points and their images, those that are told apart by more than the tolerance.
    void widen(double stretch) {
        const std::size_t rows = steps_.rows();
        double farthest = std::max(1.0, std::pow(stretch, trail - 1)), scale = 1;
        for (std::size_t at = 0; at < points_.count * rows; ++at) scale = std::max(scale, std::abs(points_.data[at]));
        for (std::size_t p = 0; p < points_.count; ++p) add(points_.data + p * rows);
        // The steps are taken by lane 0 itself, whose state is then of no run.
        std::vector<double> image(rows);
        for (std::size_t p = 0; p < points_.count; ++p) {
            for (std::size_t i = 0; i < rows; ++i) steps_.state(0)[i * lanes] = points_.data[p * rows + i];
            steps_.advance();
            for (std::size_t t = 1; t < trail; ++t) {
                for (std::size_t i = 0; i < rows; ++i) image[i] = steps_.state(t)[i * lanes];
                add(image.data());
            }
        }
        const double rounding = 1e-9 * scale;  // far more than trail steps of any size round away
        radius_ = farthest * (points_.tolerance + rounding) + points_.tolerance;
        const bool pays = wide_.size() / rows < trail * points_.count;
        if (!pays || !std::isfinite(radius_)) wide_.clear();
    }

    void add(const double* point) {
        const std::size_t rows = steps_.rows();
        for (std::size_t at = 0; at < wide_.size(); at += rows) {
            std::size_t i = 0;
            while (i < rows && std::abs(wide_[at + i] - point[i]) <= points_.tolerance) ++i;
            if (i == rows) return;
        }
        wide_.insert(wide_.end(), point, point + rows);
    }

    Steps& steps_;
    Points points_;
    std::vector<double> wide_;
    double radius_ = 0;
};

// One thread's share.
template <class Steps>
void reach_points(Steps& steps, const AutonomousProblem& problem, Points points, std::int64_t most, Blocks blocks,
                  Work& work, TrajectoryResults results) {
    PointsWatch<Steps> watch(steps, problem, points);
    RunsOfBlocks runs(blocks, work);
    Trajectories<Steps, PointsWatch<Steps>>(steps, watch, most, -1, -2, results).walk(runs);
}

}  // namespace rnnlatch
