// Networks whose input is constant, in lanes: every lane is a trajectory of its own, and may be started anew at any time.
//
// What the constant input and the biases give a unit is summed once, in the order in which a step would sum it, so a state has
// the bits that the drivers give it (drivers/network_forward.hpp; but for a few logistic units, see short_logistic.hpp). Steps are taken
// a trail at a time, whose states are there to be looked at afterwards.
#pragma once

#include <array>
#include <cstddef>

#include "drivers/network_forward.hpp"
#include "dynamics/short_logistic.hpp"

namespace rnnlatch {

struct AutonomousProblem {
    CellKind kind;
    Activation activation;
    NetworkProblem<double> network;  // its shape, parameters and same_step
    View<const double> input;        // (run, inputs)
    View<const double> start;        // (run, states, hidden)
    bool shared;                     // one network with one input for all runs
};

// Steps of a trail. One look at a longer trail costs less, but the steps after a trajectory's end are lost: a map of basins of two
// units took about as long with 4, 6 and 8, and 1.1 times as long with 2.
inline constexpr std::size_t trail = 6;

inline double multiply_add(double a, double b, double c) {
    return fused_multiply_add ? __builtin_fma(a, b, c) : a * b + c;
}

// Any cell, any size.
template <class V>
class NetworkSteps : NetworkForward<V> {
    using Forward = NetworkForward<V>;
    using Forward::at_, Forward::bias_, Forward::cell_, Forward::inputs_, Forward::parameters_, Forward::row;
    using Forward::shape_, Forward::state_rows_;
    using typename Forward::Products;

   public:
    static constexpr std::size_t lanes = Row<V>::lanes;

    NetworkSteps(const AutonomousProblem& problem, const CellInLanes<V>& cell)
        : Forward(problem.network, cell, Remember::all_states), from_(problem), input_count_(shape_.inputs) {
        inputs_.resize(input_count_ * row);
        for (std::size_t lane = 0; from_.shared && lane < lanes; ++lane) load_network(lane, 0);
    }

    // Numbers of a state, and their rows at step t of the trail.
    std::size_t rows() const { return state_rows_; }
    double* state(std::size_t t) { return Forward::state(t); }

    void load(std::size_t lane, std::size_t run) {
        if (!from_.shared) load_network(lane, run);
        const auto at = static_cast<std::ptrdiff_t>(run) * from_.start.run;
        for (std::size_t s = 0; s < shape_.states; ++s) {
            for (std::size_t i = 0; i < shape_.hidden; ++i) {
                state(0)[(s * shape_.hidden + i) * row + lane] =
                    from_.start.data[at + static_cast<std::ptrdiff_t>(s) * from_.start.stride[0] +
                                     static_cast<std::ptrdiff_t>(i) * from_.start.stride[1]];
            }
        }
    }

    void advance() {
        if (changed_) sum_what_is_constant();
        for (std::size_t t = 1; t <= trail; ++t) Forward::forward(t);
    }

   private:
    void load_network(std::size_t lane, std::size_t run) {
        const auto number = static_cast<std::ptrdiff_t>(run);
        shape_.inputs = input_count_;
        for_each_parameter(shape_, from_.network.parameters,
                           [&](auto view, std::size_t before, std::size_t rows, std::size_t columns) {
                               for (std::size_t at = 0; at < rows * columns; ++at) {
                                   const auto i = static_cast<std::ptrdiff_t>(at / columns);
                                   const auto j = static_cast<std::ptrdiff_t>(at % columns);
                                   parameters_[(before + at) * row + lane] =
                                       view.data[number * view.run + i * view.stride[0] + j * view.stride[1]];
                               }
                           });
        for (std::size_t k = 0; k < input_count_; ++k) {
            inputs_[k * row + lane] =
                from_.input.data[number * from_.input.run + static_cast<std::ptrdiff_t>(k) * from_.input.stride[0]];
        }
        changed_ = true;
    }

    // The rows of the biases take in the products with the input, and the steps then have no input.
    void sum_what_is_constant() {
        shape_.inputs = input_count_;
        Forward::sum_biases();
        for (std::size_t g = 0; g < shape_.gates; ++g) {
            double* to = bias_.data() + cell_.input_slot[g] * shape_.hidden * row;
            Products::affine(shape_.hidden, to, {Forward::input_term(g * shape_.hidden, inputs_.data())}, to);
        }
        shape_.inputs = 0;
        changed_ = false;
    }

    const AutonomousProblem& from_;
    std::size_t input_count_;
    bool changed_ = false;
};

// A dense vanilla network of a few units, whole steps at a time without a call or a loop over sizes.
//
// `parts` pairs of packs go side by side, so that a step of one or two units has enough to do while it waits for its results.
template <std::size_t parts>
class SmallSteps {
   public:
    using V = Twice<f64>;
    static constexpr std::size_t lanes = parts * Row<V>::lanes, most_units = 6;

    static bool fits(const AutonomousProblem& problem) {
        return problem.kind == CellKind::vanilla && !problem.network.shape.diagonal && !problem.network.same_step &&
               problem.network.shape.hidden <= most_units &&
               (problem.activation == Activation::tanh || problem.activation == Activation::logistic);
    }

    explicit SmallSteps(const AutonomousProblem& problem)
        : from_(problem),
          hidden_(problem.network.shape.hidden),
          steps_(problem.activation == Activation::tanh ? steps_of<SmallCell<Activation::tanh>>(hidden_)
                                                        : steps_of<SmallCell<Activation::logistic>>(hidden_)),
          weight_(hidden_ * hidden_ * lanes),
          constant_(hidden_ * lanes),
          states_((trail + 1) * hidden_ * lanes) {
        for (std::size_t lane = 0; from_.shared && lane < lanes; ++lane) load_network(lane, 0);
    }

    std::size_t rows() const { return hidden_; }
    double* state(std::size_t t) { return states_.data() + t * hidden_ * lanes; }

    void load(std::size_t lane, std::size_t run) {
        if (!from_.shared) load_network(lane, run);
        const double* start = from_.start.data + static_cast<std::ptrdiff_t>(run) * from_.start.run;
        for (std::size_t i = 0; i < hidden_; ++i) {
            states_[i * lanes + lane] = start[static_cast<std::ptrdiff_t>(i) * from_.start.stride[1]];
        }
    }

    void advance() { steps_(weight_.data(), constant_.data(), states_.data()); }

   private:
    using Function = void (*)(const double* weight, const double* constant, double* h);

    void load_network(std::size_t lane, std::size_t run) {
        const auto& from = from_.network.parameters;
        const auto number = static_cast<std::ptrdiff_t>(run);
        const auto inputs = static_cast<std::ptrdiff_t>(from_.network.shape.inputs);
        for (std::size_t unit = 0; unit < hidden_; ++unit) {
            const auto i = static_cast<std::ptrdiff_t>(unit);
            const auto element = [&](const View<const double>& view, std::ptrdiff_t column) {
                return view.data[number * view.run + i * view.stride[0] + column * view.stride[1]];
            };
            for (std::size_t j = 0; j < hidden_; ++j) {
                weight_[(unit * hidden_ + j) * lanes + lane] = element(from.weight_hh, static_cast<std::ptrdiff_t>(j));
            }
            double sum = from.bias_ih ? element(from.bias_ih, 0) + element(from.bias_hh, 0) : 0.0;
            for (std::ptrdiff_t k = 0; k < inputs; ++k) {
                const double x = from_.input.data[number * from_.input.run + k * from_.input.stride[0]];
                sum = multiply_add(element(from.weight_ih, k), x, sum);
            }
            constant_[unit * lanes + lane] = sum;
        }
    }

    template <class Cell, std::size_t hidden = 1>
    static Function steps_of(std::size_t units) {
        if constexpr (hidden < most_units) {
            if (units > hidden) return steps_of<Cell, hidden + 1>(units);
        }
        return &take_steps<Cell, hidden>;
    }

    template <class Cell, std::size_t hidden>
    static void take_steps(const double* weight, const double* constant, double* h) {
        using M = Memory<V>;
        for (std::size_t t = 0; t < trail; ++t, h += hidden * lanes) {
            for (std::size_t lane = 0; lane < lanes; lane += Row<V>::lanes) {
                V sum[hidden];
                unrolled<hidden>([&](auto i)
                                     __attribute__((always_inline)) { sum[i] = M::load(constant + i * lanes + lane); });
                unrolled<hidden>([&](auto j) __attribute__((always_inline)) {
                    const V x = M::load(h + j * lanes + lane);
                    unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
                        sum[i] = fma(M::load(weight + (i * hidden + j) * lanes + lane), x, sum[i]);
                    });
                });
                unrolled<hidden>([&](auto i) __attribute__((always_inline)) {
                    M::store(h + (hidden + i) * lanes + lane, Cell::activate(sum[i]));
                });
            }
        }
    }

    const AutonomousProblem& from_;
    std::size_t hidden_;
    Function steps_;
    Buffer<double> weight_, constant_, states_;
};

}  // namespace rnnlatch
