// The vanilla recurrent network: a_t = W h_{t-1} + U u_t + b, h_t = phi(a_t).
//
// How to read a cell. A cell is the map of ONE unit, from its pre-activations and its previous states to its new states, and
// the way back; the drivers own the sums over units. A template on P: a pack, packs side by side, or dual numbers of them.
//   states       numbers that a unit hands to the next step; the first is its output h
//   gates        blocks of `hidden` rows in weight_ih and weight_hh, in PyTorch's order
//   slots        pre-activations of a unit; gate g adds the input's product to slot input_slot[g] and the recurrent
//                product to slot hidden_slot[g], each with its own bias
//   kept         numbers a unit remembers from the way there for the way back
//   forward      (slots, previous states) -> new states and what is kept
//   pullback     dE/d(new states) -> dE/d(slots) and the direct part of dE/d(previous states)
//   partials     (slots, previous states) -> the derivatives of the new states by the slots, by_slot[state * slots + slot],
//                and the direct ones by the previous states, by_state[new * states + previous]; both from the
//                pre-activations, so that they stay right where a unit is saturated (see lanes/math.hpp)
#pragma once

#include <cstddef>

#include "lanes/math.hpp"
#include "lanes/math32.hpp"
#include "lanes/twice.hpp"

namespace rnnlatch {

enum class Activation { tanh, logistic, relu, linear, sign };

template <Activation activation>
struct VanillaRNN {
    static constexpr std::size_t states = 1, gates = 1, slots = 1, kept = 0;
    static constexpr std::size_t input_slot[gates] = {0}, hidden_slot[gates] = {0};

    template <class P>
    static RNNLATCH_INLINE P activate(P a) {
        if constexpr (activation == Activation::tanh) return tanh(a);
        if constexpr (activation == Activation::logistic) return logistic(a);
        if constexpr (activation == Activation::relu)
            return select(a > constant_like<P>(0.0), a, a * constant_like<P>(0.0));  // NaN passes
        if constexpr (activation == Activation::linear) return a;
        if constexpr (activation == Activation::sign) return hard_threshold(a);
    }

    // dh/da from the state. 1 - h^2 is 0 where tanh has rounded to +-1; the derivative of a hard threshold is taken as 0.
    template <class P>
    static RNNLATCH_INLINE P derivative(P h) {
        if constexpr (activation == Activation::tanh) return fnma(h, h, constant_like<P>(1.0));
        if constexpr (activation == Activation::logistic) return fnma(h, h, h);
        if constexpr (activation == Activation::relu) {
            return select(h > constant_like<P>(0.0), constant_like<P>(1.0), constant_like<P>(0.0));
        }
        if constexpr (activation == Activation::linear) return constant_like<P>(1.0);
        if constexpr (activation == Activation::sign) return constant_like<P>(0.0);
    }

    // dh/da from the pre-activation.
    template <class P>
    static RNNLATCH_INLINE P slope(P a) {
        if constexpr (activation == Activation::tanh) return tanh_derivative(a);
        if constexpr (activation == Activation::logistic) return logistic(a) * logistic(-a);
        if constexpr (activation == Activation::relu) {
            return select(a > constant_like<P>(0.0), constant_like<P>(1.0), a * constant_like<P>(0.0));  // NaN passes
        }
        if constexpr (activation == Activation::linear) return constant_like<P>(1.0);
        if constexpr (activation == Activation::sign) return constant_like<P>(0.0);
    }

    template <class P>
    static RNNLATCH_INLINE void forward(const P* a, const P* /*previous*/, P* next, P* /*kept*/) {
        next[0] = activate(a[0]);
    }

    template <class P>
    static RNNLATCH_INLINE void pullback(const P* /*previous*/, const P* next, const P* /*kept*/, const P* g_next,
                                         P* g_a, P* g_previous) {
        g_a[0] = g_next[0] * derivative(next[0]);
        g_previous[0] = constant_like<P>(0.0);
    }

    template <class P>
    static RNNLATCH_INLINE void partials(const P* a, const P* /*previous*/, P* by_slot, P* by_state) {
        by_slot[0] = slope(a[0]);
        by_state[0] = constant_like<P>(0.0);
    }
};

}  // namespace rnnlatch
