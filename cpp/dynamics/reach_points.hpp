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
#include <numeric>
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

    PointsWatch(Steps& steps, const AutonomousProblem& problem, Points points)
        : steps_(steps), points_(points), all_(points.count) {
        std::iota(all_.begin(), all_.end(), std::size_t{0});
        candidates_ = all_;
        const double stretch = largest_stretch(problem);
        if (std::isfinite(stretch) && points.count > 0) widen(stretch);
    }

    void begin(std::size_t) const {}

    template <class F>
    void watch(std::size_t t, const std::int64_t* going, F f) const {
        const std::vector<std::size_t>& points = t == 0 ? all_ : candidates_;
        for (std::size_t part = 0; part < lanes; part += Row<V>::lanes) {
            const auto [mask, point] = first_near(points, t, part);
            const auto there = Memory<Twice<i64>>::load(going + part) & mask;
            if (!any(there)) continue;
            std::int64_t number[Row<V>::lanes];
            Memory<Twice<i64>>::store(number, point);
            for_each_set(there, part,
                         [&](std::size_t lane) { f(lane, static_cast<std::int32_t>(number[lane - part])); });
        }
    }

    bool skip(const std::int64_t* going) {
        if (wide_.empty()) return points_.count == 0;
        for (std::size_t part = 0; part < lanes; part += Row<V>::lanes) {
            const auto mask = Memory<Twice<i64>>::load(going + part);
            if (any(mask & near_wide(part, 0, wide_.size()))) {
                choose_candidates(going);
                return false;
            }
        }
        candidates_.clear();
        return true;
    }

   private:
    struct Found {
        Twice<i64> mask, point;
    };

    // Lanes within the tolerance of a point in every number, and the first of those points.
    RNNLATCH_INLINE Found first_near(const std::vector<std::size_t>& points, std::size_t t, std::size_t part) const {
        const double* state = steps_.state(t) + part;
        const std::size_t rows = steps_.rows();
        const V limit = constant_like<V>(points_.tolerance);
        Found found{};
        for (std::size_t at = points.size(); at-- > 0;) {
            const double* point = points_.data + points[at] * rows;
            Twice<i64> here = abs(M::load(state) - constant_like<V>(point[0])) <= limit;
            for (std::size_t i = 1; i < rows; ++i) {
                here = here & (abs(M::load(state + i * lanes) - constant_like<V>(point[i])) <= limit);
            }
            const auto number = i64{} + static_cast<std::int64_t>(points[at]);
            found.point = {(here.low & number) | (~here.low & found.point.low),
                           (here.high & number) | (~here.high & found.point.high)};
            found.mask = found.mask | here;
        }
        return found;
    }

    // Lanes that end the trail within the wide distance of some of the points and images; NaN may be among them.
    RNNLATCH_INLINE Twice<i64> near_wide(std::size_t part, std::size_t first, std::size_t last) const {
        const double* state = steps_.state(trail) + part;
        const std::size_t rows = steps_.rows();
        const V limit = constant_like<V>(radius_);
        Twice<i64> found{};
        const double *point = wide_.data() + first, *end = wide_.data() + last;
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

    // The points that a trajectory may have come near in this trail, in their order.
    void choose_candidates(const std::int64_t* going) {
        candidates_.clear();
        const std::size_t rows = steps_.rows();
        for (std::size_t at = 0; at < wide_.size() / rows; ++at) {
            for (std::size_t part = 0; part < lanes; part += Row<V>::lanes) {
                const auto mask = Memory<Twice<i64>>::load(going + part);
                if (!any(mask & near_wide(part, at * rows, (at + 1) * rows))) continue;
                candidates_.insert(candidates_.end(), sources_[at].begin(), sources_[at].end());
                break;
            }
        }
        std::sort(candidates_.begin(), candidates_.end());
        candidates_.erase(std::unique(candidates_.begin(), candidates_.end()), candidates_.end());
    }

    // The points and their images, those that are told apart by more than the tolerance.
    void widen(double stretch) {
        const std::size_t rows = steps_.rows();
        const double farthest = std::max(1.0, std::pow(stretch, trail - 1));
        double scale = 1;
        for (std::size_t at = 0; at < points_.count * rows; ++at) scale = std::max(scale, std::abs(points_.data[at]));
        std::vector<double> image(rows);
        for (std::size_t p = 0; p < points_.count; ++p) {
            add(points_.data + p * rows, p);
            // The steps are taken by lane 0 itself, whose state is then of no run.
            for (std::size_t i = 0; i < rows; ++i) steps_.state(0)[i * lanes] = points_.data[p * rows + i];
            steps_.advance();
            for (std::size_t t = 1; t < trail; ++t) {
                for (std::size_t i = 0; i < rows; ++i) image[i] = steps_.state(t)[i * lanes];
                add(image.data(), p);
            }
        }
        const double rounding = 1e-9 * scale;  // far more than a trail's steps round away
        radius_ = farthest * (points_.tolerance + rounding) + points_.tolerance;
        const bool pays = sources_.size() < trail * points_.count;
        if (!pays || !std::isfinite(radius_)) wide_.clear();
    }

    void add(const double* point, std::size_t source) {
        const std::size_t rows = steps_.rows();
        for (std::size_t at = 0; at < sources_.size(); ++at) {
            std::size_t i = 0;
            while (i < rows && std::abs(wide_[at * rows + i] - point[i]) <= points_.tolerance) ++i;
            if (i < rows) continue;
            if (sources_[at].back() != source) sources_[at].push_back(source);
            return;
        }
        wide_.insert(wide_.end(), point, point + rows);
        sources_.push_back({source});
    }

    Steps& steps_;
    Points points_;
    std::vector<std::size_t> all_, candidates_;      // points
    std::vector<double> wide_;                       // points and images,
    std::vector<std::vector<std::size_t>> sources_;  // and whose they are
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
