// The loss of one network, and its derivatives in two directions, at many points of the plane that they span.
//
// Every lane is the network with parameters of its own; derivatives are carried along from step to step (lanes/jet.hpp), so
// nothing is kept over time. The way there and back (drivers/network_lanes.hpp) gives all derivatives at once, but of all
// parameters; with two directions it would have to keep the states of all steps, and then take the recurrent products again.
// A few tanh or logistic units take whole steps in registers, several groups of lanes in turn, so that there is enough to do
// while a step waits for its results.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "drivers/network_lanes.hpp"
#include "dynamics/short_logistic.hpp"
#include "engine/work.hpp"
#include "lanes/jet.hpp"

namespace rnnlatch {

struct SurfaceProblem {
    CellKind kind;
    Activation activation;
    NetworkProblem<double> network;            // one run, which all lanes share
    NetworkViews<const double> first, second;  // directions; what is missing does not move
    const double *x, *y;                       // points
    std::size_t points;
    double *loss, *gradient, *curvature;  // (points), (points, 2), (points, 3); curvature is null in an order of 1
};

inline constexpr std::size_t surface_groups = 4;  // groups of lanes side by side

template <int order>
class SurfaceLanes : public NetworkLanes<Jet<Twice<f64>, order>> {
   public:
    using P = Twice<f64>;
    using V = Jet<P, order>;
    using Base = NetworkLanes<V>;
    static constexpr std::size_t lanes = Row<V>::lanes;

    SurfaceLanes(const SurfaceProblem& problem, const CellInLanes<V>& cell)
        : Base(problem.network, cell, problem.network.shape.every ? Remember::all_states : Remember::two_states),
          surface_(problem) {
        this->count_ = lanes;
        std::vector<double> start = numbers(problem.network.parameters);
        const std::vector<double> first = numbers(problem.first), second = numbers(problem.second);
        for (std::size_t at = 0; at < start.size(); ++at) {
            double* row_of = this->parameters_.data() + at * row;
            std::fill_n(row_of, lanes, start[at]);
            std::fill_n(row_of + lanes, lanes, first[at]);
            std::fill_n(row_of + 2 * lanes, lanes, second[at]);
            if (first[at] != 0 || second[at] != 0) moving_.push_back({at, start[at], first[at], second[at]});
        }
    }

    void begin(std::size_t first, std::size_t count) {
        point_ = first;
        points_ = count;
        const P x = points_from(surface_.x + first), y = points_from(surface_.y + first);
        for (const Moving& each : moving_) {
            const P along = fma(x, constant_like<P>(each.first), constant_like<P>(each.start));
            Memory<P>::store(this->parameters_.data() + each.at * row, fma(y, constant_like<P>(each.second), along));
        }
        this->sum_biases();
        std::fill(this->loss_.begin(), this->loss_.end(), 0.0);
    }

    void begin_sequence(std::size_t b) {
        std::fill_n(this->states_.data(), this->state_rows_ * row, 0.0);  // given states have no derivatives
        Base::begin_sequence(b);
    }

    void judge() {
        if (!targets_taken_ || this->shape_.batch > 1) this->take_targets();  // the same for every point
        targets_taken_ = true;
        for (std::size_t j = 0; j < this->shape_.judgements(); ++j) this->judge_term(j);
    }

    void bring_out() const {
        for (std::size_t lane = 0; lane < points_; ++lane) {
            const double* from = this->loss_.data() + lane;
            const std::size_t point = point_ + lane;
            surface_.loss[point] = from[0];
            for (std::size_t i = 0; i < 2; ++i) surface_.gradient[2 * point + i] = from[(1 + i) * lanes];
            for (std::size_t i = 0; order == 2 && i < 3; ++i) {
                surface_.curvature[3 * point + i] = from[(3 + i) * lanes];
            }
        }
    }

    // Where the steps of a small network find what they need.
    struct StepRows {
        std::size_t inputs;
        const double *weight_ih, *weight_hh, *bias, *input;  // the input of step 1
        double* state;                                       // of step 0
        std::size_t state_mask;
    };
    StepRows rows_of_steps() {
        return {this->shape_.inputs,
                this->parameter(this->at_.weight_ih),
                this->parameter(this->at_.weight_hh),
                this->bias_.data(),
                this->input(1),
                this->state(0),
                this->state_mask_};
    }
    std::size_t latest_start() const { return this->latest_start_; }

   private:
    static constexpr std::size_t row = Row<V>::stride;

    P points_from(const double* from) const {
        if (points_ == lanes) return Memory<P>::load(from);
        double some[lanes] = {};
        std::copy_n(from, points_, some);
        return Memory<P>::load(some);
    }

    // One of the parameters' numbers, and how it depends on the point.
    struct Moving {
        std::size_t at;
        double start, first, second;
    };

    std::vector<double> numbers(const NetworkViews<const double>& from) const {
        std::vector<double> all(this->at_.count);
        for_each_parameter(
            this->shape_, from, [&](auto view, std::size_t before, std::size_t rows, std::size_t columns) {
                for (std::size_t at = 0; at < rows * columns; ++at) {
                    all[before + at] = view.data[static_cast<std::ptrdiff_t>(at / columns) * view.stride[0] +
                                                 static_cast<std::ptrdiff_t>(at % columns) * view.stride[1]];
                }
            });
        return all;
    }

    const SurfaceProblem& surface_;
    std::size_t point_ = 0, points_ = 0;
    bool targets_taken_ = false;
    std::vector<Moving> moving_;
};

// Steps of a dense vanilla network of a few units, many packs side by side. The parameters are linear in the point: they have
// no second derivatives.
//
// What a step reads lies together, pack by pack, so that hardly an instruction is about addresses: the processor then looks
// ahead far enough to work on several packs at a time. With AVX2 (Zen 3) and one logistic unit, 16 of the 23 operations of a
// step go through the two multipliers, and the division keeps one of them busy for 4.5 cycles: at 10 cycles for 4 points they
// are full. Measured are 16, for a step is a chain of 70 cycles.
template <class Cell, int order, std::size_t hidden>
struct SmallSurface {
    using Rows = typename SurfaceLanes<order>::StepRows;
    using P = f64;
    using Value = Jet<P, order>;
    static constexpr std::size_t lanes = SurfaceLanes<order>::lanes, row = jet_parts(order) * lanes;
    static constexpr std::size_t packs = surface_groups * lanes / lanes64;

    // A pack of networks; linear numbers have a value, a derivative by x and one by y.
    struct Pack {
        P weight[hidden * hidden][3], bias[hidden][3];
        Value state[hidden];
    };

    static void walk(const Rows* groups, std::size_t count, std::size_t first, std::size_t last) {
        Pack pack[packs];
        const std::size_t used = count * (lanes / lanes64);
        for (std::size_t p = 0; p < used; ++p)
            take(groups[p * lanes64 / lanes], p * lanes64 % lanes, first - 1, pack[p]);
        for (std::size_t t = first; t <= last; ++t) {
            if (groups[0].inputs == 0) {
                for (std::size_t p = 0; p < used; ++p) step(pack[p].weight, pack[p].bias, pack[p].state);
            } else {
                for (std::size_t p = 0; p < used; ++p) {
                    P drive[hidden][3];
                    add_inputs(groups[p * lanes64 / lanes], p * lanes64 % lanes, t, pack[p], drive);
                    step(pack[p].weight, drive, pack[p].state);
                }
            }
            if (groups[0].state_mask == 1 && t < last) continue;  // nobody looks at it
            for (std::size_t p = 0; p < used; ++p) bring(groups[p * lanes64 / lanes], p * lanes64 % lanes, t, pack[p]);
        }
    }

   private:
    static RNNLATCH_INLINE P at(const double* rows, std::size_t i, std::size_t part) {
        return load<P>(rows + i * row + part * lanes);
    }

    static double* state(const Rows& rows, std::size_t t, std::size_t lane) {
        return rows.state + (t & rows.state_mask) * hidden * row + lane;
    }

    static void take(const Rows& rows, std::size_t lane, std::size_t t, Pack& pack) {
        for (std::size_t part = 0; part < 3; ++part) {
            for (std::size_t i = 0; i < hidden * hidden; ++i) pack.weight[i][part] = at(rows.weight_hh + lane, i, part);
            for (std::size_t i = 0; i < hidden; ++i) pack.bias[i][part] = at(rows.bias + lane, i, part);
        }
        for (std::size_t i = 0; i < hidden; ++i) {
            for (std::size_t part = 0; part < jet_parts(order); ++part) {
                pack.state[i].part[part] = at(state(rows, t, lane), i, part);
            }
        }
    }

    static void bring(const Rows& rows, std::size_t lane, std::size_t t, const Pack& pack) {
        for (std::size_t i = 0; i < hidden; ++i) {
            for (std::size_t part = 0; part < jet_parts(order); ++part) {
                store(state(rows, t, lane) + i * row + part * lanes, pack.state[i].part[part]);
            }
        }
    }

    static RNNLATCH_INLINE void add_inputs(const Rows& rows, std::size_t lane, std::size_t t, const Pack& pack,
                                           P (&drive)[hidden][3]) {
        const double* input = rows.input + (t - 1) * rows.inputs * row + lane;
        unrolled<3 * hidden>([&](auto n)
                                 __attribute__((always_inline)) { drive[n / 3][n % 3] = pack.bias[n / 3][n % 3]; });
        for (std::size_t k = 0; k < rows.inputs; ++k) {
            const P u = at(input, k, 0);
            unrolled<3 * hidden>([&](auto n) __attribute__((always_inline)) {
                P& total = drive[n / 3][n % 3];
                total = fma(at(rows.weight_ih + lane, n / 3 * rows.inputs + k, n % 3), u, total);
            });
        }
    }

    static RNNLATCH_INLINE void step(const P (&weight)[hidden * hidden][3], const P (&drive)[hidden][3],
                                     Value (&state)[hidden]) {
        Value sum[hidden];
        unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
            unrolled<jet_parts(order)>([&](auto part) __attribute__((always_inline)) {
                if constexpr (part() < 3) {
                    sum[i].part[part] = drive[i][part];
                } else {
                    sum[i].part[part] = constant(0.0);
                }
            });
        });
        unrolled<hidden>([&](auto j) __attribute__((always_inline)) {
            unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
                add_product(weight[i() * hidden + j()], state[j].part, sum[i].part);
            });
        });
        unrolled<hidden>([&](auto i) __attribute__((always_inline)) { state[i] = Cell::activate(sum[i]); });
    }

    static RNNLATCH_INLINE void add_product(const P (&w)[3], const P* h, P* to) {
        to[0] = fma(w[0], h[0], to[0]);
        to[1] = fma(w[0], h[1], fma(w[1], h[0], to[1]));
        to[2] = fma(w[0], h[2], fma(w[2], h[0], to[2]));
        if constexpr (order == 2) {
            to[3] = fma(w[0], h[3], fma(w[1], h[1], fma(w[1], h[1], to[3])));
            to[4] = fma(w[0], h[4], fma(w[1], h[2], fma(w[2], h[1], to[4])));
            to[5] = fma(w[0], h[5], fma(w[2], h[2], fma(w[2], h[2], to[5])));
        }
    }
};

template <int order>
using SurfaceWalk = void (*)(const typename SurfaceLanes<order>::StepRows* groups, std::size_t count, std::size_t first,
                             std::size_t last);

inline constexpr std::size_t small_surface = 4;  // units

namespace detail {

template <class Cell, int order, std::size_t hidden = 1>
SurfaceWalk<order> surface_walk_of(std::size_t units) {
    if constexpr (hidden < small_surface) {
        if (units > hidden) return surface_walk_of<Cell, order, hidden + 1>(units);
    }
    return &SmallSurface<Cell, order, hidden>::walk;
}

}  // namespace detail

// Null where the network is not small.
template <int order>
SurfaceWalk<order> small_surface_walk(const SurfaceProblem& problem) {
    const NetworkShape& shape = problem.network.shape;
    if (problem.kind != CellKind::vanilla || shape.diagonal || problem.network.same_step ||
        shape.hidden > small_surface) {
        return nullptr;
    }
    if (problem.activation == Activation::tanh) {
        return detail::surface_walk_of<SmallCell<Activation::tanh>, order>(shape.hidden);
    }
    if (problem.activation == Activation::logistic) {
        return detail::surface_walk_of<SmallCell<Activation::logistic>, order>(shape.hidden);
    }
    return nullptr;
}

template <int order>
std::size_t blocks_of_surface(std::size_t points) {
    constexpr std::size_t block = surface_groups * SurfaceLanes<order>::lanes;
    return (points + block - 1) / block;
}

// One thread's share.
template <int order>
void error_surface(const SurfaceProblem& problem, Work& work) {
    using Lanes = SurfaceLanes<order>;
    const NetworkShape& shape = problem.network.shape;
    const auto cell = cell_in_lanes<typename Lanes::V>(problem.kind, problem.activation, shape.hidden);
    const SurfaceWalk<order> small = small_surface_walk<order>(problem);
    std::vector<std::unique_ptr<Lanes>> groups;
    for (std::size_t i = 0; i < surface_groups; ++i) groups.push_back(std::make_unique<Lanes>(problem, cell));
    while (const auto block = work.take()) {
        std::size_t used = 0;
        for (; used < surface_groups; ++used) {
            const std::size_t first = (*block * surface_groups + used) * Lanes::lanes;
            if (first >= problem.points) break;
            groups[used]->begin(first, std::min(Lanes::lanes, problem.points - first));
        }
        for (std::size_t b = 0; b < shape.batch && !work.cancelled(); ++b) {
            for (std::size_t i = 0; i < used; ++i) groups[i]->begin_sequence(b);
            std::size_t t = 1;
            if (small) {
                for (; t <= groups[0]->latest_start(); ++t) {
                    for (std::size_t i = 0; i < used; ++i) groups[i]->forward(t);
                }
                typename Lanes::StepRows rows[surface_groups];
                for (std::size_t i = 0; i < used; ++i) rows[i] = groups[i]->rows_of_steps();
                small(rows, used, t, shape.length);
            } else {
                for (std::size_t i = 0; i < used; ++i) groups[i]->walk_forward();
            }
            for (std::size_t i = 0; i < used; ++i) groups[i]->judge();
        }
        for (std::size_t i = 0; i < used; ++i) groups[i]->bring_out();
        work.finish_one();
    }
}

}  // namespace rnnlatch
