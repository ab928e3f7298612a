// Dual numbers: a value and its derivative in one direction, through the same formulas (forward-mode differentiation).
//
// A Dual of packs goes through cells, losses and drivers like a pack; its value takes the same roundings as the pack would, so
// its bits are the same. tanh, exp and the others differentiate the function (the derivative's formula from the value), not
// the polynomial that computes it. Comparisons, and with them select, max and abs, look at values: the derivative of what is
// chosen.
#pragma once

#include "drivers/lane_rows.hpp"
#include "lanes/logarithm.hpp"
#include "lanes/math32.hpp"
#include "lanes/twice.hpp"

namespace rnnlatch {

template <class P>
struct Dual {
    P value, tangent;
};

template <class P>
struct Constant<Dual<P>> {
    static RNNLATCH_INLINE Dual<P> make(double value) { return {Constant<P>::make(value), Constant<P>::make(0.0)}; }
};

template <class P>
RNNLATCH_INLINE Dual<P> operator-(Dual<P> a) {
    return {-a.value, -a.tangent};
}

template <class P>
RNNLATCH_INLINE Dual<P> operator+(Dual<P> a, Dual<P> b) {
    return {a.value + b.value, a.tangent + b.tangent};
}

template <class P>
RNNLATCH_INLINE Dual<P> operator-(Dual<P> a, Dual<P> b) {
    return {a.value - b.value, a.tangent - b.tangent};
}

template <class P>
RNNLATCH_INLINE Dual<P> operator*(Dual<P> a, Dual<P> b) {
    return {a.value * b.value, fma(a.value, b.tangent, a.tangent * b.value)};
}

template <class P>
RNNLATCH_INLINE Dual<P> operator/(Dual<P> a, Dual<P> b) {
    const P quotient = a.value / b.value;
    return {quotient, fnma(quotient, b.tangent, a.tangent) / b.value};
}

#define RNNLATCH_DUAL_COMPARISON(op)                         \
    template <class P>                                       \
    RNNLATCH_INLINE auto operator op(Dual<P> a, Dual<P> b) { \
        return a.value op b.value;                           \
    }
RNNLATCH_DUAL_COMPARISON(<)
RNNLATCH_DUAL_COMPARISON(<=)
RNNLATCH_DUAL_COMPARISON(>)
RNNLATCH_DUAL_COMPARISON(>=)
RNNLATCH_DUAL_COMPARISON(==)
#undef RNNLATCH_DUAL_COMPARISON

template <class P>
RNNLATCH_INLINE Dual<P> fma(Dual<P> a, Dual<P> b, Dual<P> c) {
    return {fma(a.value, b.value, c.value), fma(a.value, b.tangent, fma(a.tangent, b.value, c.tangent))};
}

// c - a * b
template <class P>
RNNLATCH_INLINE Dual<P> fnma(Dual<P> a, Dual<P> b, Dual<P> c) {
    return {fnma(a.value, b.value, c.value), fnma(a.value, b.tangent, fnma(a.tangent, b.value, c.tangent))};
}

template <class Mask, class P>
RNNLATCH_INLINE Dual<P> select(Mask mask, Dual<P> yes, Dual<P> no) {
    return {select(mask, yes.value, no.value), select(mask, yes.tangent, no.tangent)};
}

template <class P>
RNNLATCH_INLINE Dual<P> max(Dual<P> a, Dual<P> b) {
    return {max(a.value, b.value), select(a.value > b.value, a.tangent, b.tangent)};
}

template <class P>
RNNLATCH_INLINE Dual<P> abs(Dual<P> a) {
    return {abs(a.value), select(a.value < constant_like<P>(0.0), -a.tangent, a.tangent)};
}

template <class P>
RNNLATCH_INLINE Dual<P> tanh(Dual<P> a) {
    const P y = tanh(a.value);
    return {y, fnma(y, y, constant_like<P>(1.0)) * a.tangent};
}

template <class P>
RNNLATCH_INLINE Dual<P> logistic(Dual<P> a) {
    const P y = logistic(a.value);
    return {y, fnma(y, y, y) * a.tangent};
}

template <class P>
RNNLATCH_INLINE Dual<P> exp(Dual<P> a) {
    const P y = exp(a.value);
    return {y, y * a.tangent};
}

template <class P>
RNNLATCH_INLINE Dual<P> log1p(Dual<P> a) {
    return {log1p(a.value), a.tangent / (a.value + constant_like<P>(1.0))};
}

// In memory the values of all lanes, then their derivatives.
template <class P>
struct Memory<Dual<P>> {
    template <class Scalar>
    static RNNLATCH_INLINE Dual<P> load(const Scalar* from) {
        return {Memory<P>::load(from), Memory<P>::load(from + sizeof(P) / sizeof(Scalar))};
    }
    template <class Scalar>
    static RNNLATCH_INLINE void store(Scalar* to, Dual<P> packs) {
        Memory<P>::store(to, packs.value);
        Memory<P>::store(to + sizeof(P) / sizeof(Scalar), packs.tangent);
    }
};

template <class P>
struct Row<Dual<P>> {
    using Scalar = ScalarOf<P>;
    using Pack = typename Row<P>::Pack;
    using Half = Dual<Pack>;
    static constexpr std::size_t lanes = Row<P>::lanes, stride = 2 * lanes, half = lanes / 2;
    static RNNLATCH_INLINE Half load_half(const Scalar* from) {
        return {Row<P>::load_half(from), Row<P>::load_half(from + lanes)};
    }
    static RNNLATCH_INLINE void store_half(Scalar* to, Half pack) {
        Row<P>::store_half(to, pack.value);
        Row<P>::store_half(to + lanes, pack.tangent);
    }
};

}  // namespace rnnlatch
