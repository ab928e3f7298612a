// The latch: one unit that feeds back on itself, x_t = tanh(w x_{t-1} + h_t), x_0 = 0.
//
// Source: Bengio, Simard, Frasconi (1994), eq. 1. A cell is its pointwise map and its derivative; the driver owns the sum
// w x_{t-1} + h_t, its products and its gradients.
#pragma once

#include "lanes/math.hpp"
#include "lanes/twice.hpp"

namespace rnnlatch {

struct LatchNeuron {
    // The state from the pre-activation.
    template <class P>
    static RNNLATCH_INLINE P activate(P pre_activation) {
        return tanh(pre_activation);
    }

    // dx/da from the state: 1 - x^2, rounded once. It is 0 where tanh has rounded to +-1 (|a| > 18.37); tanh_derivative
    // in lanes/math.hpp goes on from the pre-activation to where the true value underflows.
    template <class P>
    static RNNLATCH_INLINE P derivative(P state) {
        return fnma(state, state, constant(1.0));
    }
};

}  // namespace rnnlatch
