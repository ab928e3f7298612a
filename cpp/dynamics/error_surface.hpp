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
        double place[2][lanes] = {};
        std::copy_n(surface_.x + first, count, place[0]);
        std::copy_n(surface_.y + first, count, place[1]);
        const P x = Memory<P>::load(place[0]), y = Memory<P>::load(place[1]);
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

    // Where the steps of a small network find what they need. From step t - 1 to step t:
    struct StepRows {
        std::size_t inputs;
        const double *weight_ih, *weight_hh, *bias, *input, *from;
        double* to;
    };
    StepRows rows_of_step(std::size_t t) {
        return {this->shape_.inputs,
                this->parameter(this->at_.weight_ih),
                this->parameter(this->at_.weight_hh),
                this->bias_.data(),
                this->input(t),
                this->state(t - 1),
                this->state(t)};
    }
    std::size_t latest_start() const { return this->latest_start_; }

   private:
    static constexpr std::size_t row = Row<V>::stride;

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
    std::vector<Moving> moving_;
};

// One step of a dense vanilla network of a few units. The parameters are linear in the point: they have no second derivatives.
template <class Cell, int order, std::size_t hidden>
struct SmallSurface {
    using Rows = typename SurfaceLanes<order>::StepRows;
    using P = f64;
    static constexpr std::size_t lanes = SurfaceLanes<order>::lanes, row = jet_parts(order) * lanes;

    static void step(const Rows& rows) {
        for (std::size_t half = 0; half < lanes; half += lanes64) {
            Jet<P, order> sum[hidden];
            unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
                unrolled<3>([&](auto part)
                                __attribute__((always_inline)) { sum[i].part[part] = at(rows.bias, i, part, half); });
                if constexpr (order == 2) {
                    unrolled<3>([&](auto part)
                                    __attribute__((always_inline)) { sum[i].part[3 + part] = constant(0.0); });
                }
            });
            for (std::size_t k = 0; k < rows.inputs; ++k) {
                const P u = at(rows.input, k, 0, half);
                unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
                    unrolled<3>([&](auto part) __attribute__((always_inline)) {
                        P& to = sum[i].part[part];
                        to = fma(at(rows.weight_ih, i * rows.inputs + k, part, half), u, to);
                    });
                });
            }
            unrolled<hidden>([&](auto j) __attribute__((always_inline)) {
                unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
                    constexpr std::size_t w = i() * hidden + j();
                    add_product(rows.weight_hh, w, rows.from, j, half, sum[i]);
                });
            });
            unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
                const Jet<P, order> h = Cell::activate(sum[i]);
                unrolled<jet_parts(order)>([&](auto part) __attribute__((always_inline)) {
                    store(rows.to + i * row + part * lanes + half, h.part[part]);
                });
            });
        }
    }

   private:
    static RNNLATCH_INLINE P at(const double* rows, std::size_t i, std::size_t part, std::size_t half) {
        return load<P>(rows + i * row + part * lanes + half);
    }

    static RNNLATCH_INLINE void add_product(const double* weights, std::size_t w, const double* from, std::size_t j,
                                            std::size_t half, Jet<P, order>& sum) {
        const P weight = at(weights, w, 0, half), by_x = at(weights, w, 1, half), by_y = at(weights, w, 2, half);
        const P h = at(from, j, 0, half), h_x = at(from, j, 1, half), h_y = at(from, j, 2, half);
        P* to = sum.part;
        to[0] = fma(weight, h, to[0]);
        to[1] = fma(weight, h_x, fma(by_x, h, to[1]));
        to[2] = fma(weight, h_y, fma(by_y, h, to[2]));
        if constexpr (order == 2) {
            to[3] = fma(weight, at(from, j, 3, half), fma(by_x, h_x, fma(by_x, h_x, to[3])));
            to[4] = fma(weight, at(from, j, 4, half), fma(by_x, h_y, fma(by_y, h_x, to[4])));
            to[5] = fma(weight, at(from, j, 5, half), fma(by_y, h_y, fma(by_y, h_y, to[5])));
        }
    }
};

template <int order>
using SurfaceStep = void (*)(const typename SurfaceLanes<order>::StepRows&);

inline constexpr std::size_t small_surface = 4;  // units

namespace detail {

template <class Cell, int order, std::size_t hidden = 1>
SurfaceStep<order> surface_step_of(std::size_t units) {
    if constexpr (hidden < small_surface) {
        if (units > hidden) return surface_step_of<Cell, order, hidden + 1>(units);
    }
    return &SmallSurface<Cell, order, hidden>::step;
}

}  // namespace detail

// Null where the network is not small.
template <int order>
SurfaceStep<order> small_surface_step(const SurfaceProblem& problem) {
    const NetworkShape& shape = problem.network.shape;
    if (problem.kind != CellKind::vanilla || shape.diagonal || problem.network.same_step ||
        shape.hidden > small_surface) {
        return nullptr;
    }
    if (problem.activation == Activation::tanh) {
        return detail::surface_step_of<VanillaRNN<Activation::tanh>, order>(shape.hidden);
    }
    if (problem.activation == Activation::logistic) {
        return detail::surface_step_of<VanillaRNN<Activation::logistic>, order>(shape.hidden);
    }
    return nullptr;
}

inline constexpr std::size_t surface_groups = 4;  // groups of lanes in turn

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
    const SurfaceStep<order> small = small_surface_step<order>(problem);
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
                for (; t <= shape.length; ++t) {
                    for (std::size_t i = 0; i < used; ++i) small(groups[i]->rows_of_step(t));
                }
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
