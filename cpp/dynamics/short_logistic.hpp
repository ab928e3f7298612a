// The logistic function in 15 operations instead of 30, for the steps of small networks, which do little else.
//
// With x = r + k ln(2), |r| <= ln(2)/2, t = 2^-k and c = r coth(r/2): exp(-x) = t (c - r) / (c + r), so
//   logistic(x) = (c + r) / ((c + r) + t (c - r)).
// The absolute error is below 2.2e-16, the relative one below 2.7e-16 (2 + |x| / 6) for x >= -708;
// further down the value stays what it is there, 3.3e-308, where logistic() in lanes/math.hpp goes on to 0. NaN -> NaN.
#pragma once

#include "cells/vanilla_rnn.hpp"
#include "lanes/jet.hpp"
#include "lanes/math.hpp"
#include "lanes/twice.hpp"

namespace rnnlatch {

template <class P>
RNNLATCH_INLINE P short_logistic(P x) {
    constexpr double log2_e = 0x1.71547652b82fep+0, ln2 = 0x1.62e42fefa39efp-1;
    const P bounded = max(constant(-708.0), min(constant(708.0), x));
    const P rounded = fma(bounded, constant(-log2_e), constant(detail::rounder));
    const P t = detail::power_of_two(rounded);
    const P k = detail::rounder - rounded;
    const P r = fma(k, constant(-ln2), bounded);
    // (r coth(r/2) - 2) / r^2, minimax for exp(-r), error 2.5e-16
    const P z = r * r;
    P c = fma(z, constant(-0x1.b85fbcc1a3768p-20), constant(0x1.156527b7e51ffp-14));
    c = fma(c, z, constant(-0x1.6c16c0e195de5p-9));
    c = fma(c, z, constant(0x1.555555554d227p-3));
    c = fma(c, z, constant(2.0));
    const P sum = c + r;
    return sum / fma(t, c - r, sum);
}

// The activation of a small network: that of its cell, but for the logistic function.
template <Activation activation>
struct SmallCell {
    template <class P>
    static RNNLATCH_INLINE P activate(P a) {
        if constexpr (activation == Activation::logistic) return short_logistic(a);
        if constexpr (activation == Activation::tanh) return tanh(a);
    }

    template <class P, int order>
    static RNNLATCH_INLINE Jet<P, order> activate(Jet<P, order> a) {
        if constexpr (activation == Activation::tanh) {
            return tanh(a);
        } else {
            return logistic_jet(a, short_logistic(a.part[0]));
        }
    }
};

}  // namespace rnnlatch
