// A value and its first derivatives, or first and second ones, in two directions, through the same formulas.
//
// What lanes/dual.hpp does for one direction. A Jet of packs goes through cells, losses and drivers like a pack; tanh, exp and
// the others differentiate the function, and comparisons look at values. In an order of 2 the parts are the value, x, y, xx,
// xy, yy; in an order of 1 the first three of these.
#pragma once

#include <cstddef>

#include "drivers/lane_rows.hpp"
#include "lanes/logarithm.hpp"
#include "lanes/twice.hpp"
#include "lanes/unrolled.hpp"

namespace rnnlatch {

inline constexpr std::size_t jet_parts(int order) { return order == 1 ? 3 : 6; }

template <class P, int order>
struct Jet {
    static constexpr std::size_t parts = jet_parts(order);
    P part[parts];

    P value() const { return part[0]; }
};

template <class P, int order>
struct Constant<Jet<P, order>> {
    static RNNLATCH_INLINE Jet<P, order> make(double value) {
        Jet<P, order> jet;
        jet.part[0] = Constant<P>::make(value);
        for (std::size_t i = 1; i < jet.parts; ++i) jet.part[i] = Constant<P>::make(0.0);
        return jet;
    }
};

namespace detail {

// f(part) for each; index known to the compiler.
template <class P, int order, class F>
RNNLATCH_INLINE Jet<P, order> each_part(F f) {
    Jet<P, order> jet;
    unrolled<jet_parts(order)>([&](auto i) __attribute__((always_inline)) { jet.part[i] = f(i); });
    return jet;
}

// What part 3 + i is the second derivative by.
inline constexpr std::size_t by_first[3] = {1, 1, 2}, by_second[3] = {1, 2, 2};

// Adds to the sum what a product of a and b has in part i: every way of sharing the derivatives among them.
template <std::size_t i, class P, int order>
RNNLATCH_INLINE P add_product_part(const Jet<P, order>& a, const Jet<P, order>& b, P sum) {
    if constexpr (i == 0) return fma(a.part[0], b.part[0], sum);
    if constexpr (i > 0) sum = fma(a.part[0], b.part[i], fma(a.part[i], b.part[0], sum));
    if constexpr (i > 2) {
        constexpr std::size_t x = by_first[i - 3], y = by_second[i - 3];
        sum = fma(a.part[x], b.part[y], fma(a.part[y], b.part[x], sum));
    }
    return sum;
}

// f(a) from its value and the derivatives of f there.
template <class P, int order>
RNNLATCH_INLINE Jet<P, order> chain(const Jet<P, order>& a, P value, P first, P second) {
    return each_part<P, order>([&](auto i) __attribute__((always_inline)) {
        if constexpr (i() == 0) {
            return value;
        } else if constexpr (i() <= 2) {
            return first * a.part[i];
        } else {
            return fma(second * a.part[by_first[i() - 3]], a.part[by_second[i() - 3]], first * a.part[i]);
        }
    });
}

}  // namespace detail

template <class P, int order>
RNNLATCH_INLINE Jet<P, order> operator-(Jet<P, order> a) {
    return detail::each_part<P, order>([&](auto i) __attribute__((always_inline)) { return -a.part[i]; });
}

template <class P, int order>
RNNLATCH_INLINE Jet<P, order> operator+(Jet<P, order> a, Jet<P, order> b) {
    return detail::each_part<P, order>([&](auto i) __attribute__((always_inline)) { return a.part[i] + b.part[i]; });
}

template <class P, int order>
RNNLATCH_INLINE Jet<P, order> operator-(Jet<P, order> a, Jet<P, order> b) {
    return detail::each_part<P, order>([&](auto i) __attribute__((always_inline)) { return a.part[i] - b.part[i]; });
}

template <class P, int order>
RNNLATCH_INLINE Jet<P, order> operator*(Jet<P, order> a, Jet<P, order> b) {
    Jet<P, order> product = detail::each_part<P, order>([&](auto i) __attribute__((always_inline)) {
        return detail::add_product_part<i()>(a, b, constant_like<P>(0.0));
    });
    product.part[0] = a.part[0] * b.part[0];
    return product;
}

template <class P, int order>
RNNLATCH_INLINE Jet<P, order> operator/(Jet<P, order> a, Jet<P, order> b) {
    Jet<P, order> quotient;
    unrolled<jet_parts(order)>([&](auto i) __attribute__((always_inline)) {
        P rest = a.part[i];
        if constexpr (i() > 0) rest = fnma(quotient.part[0], b.part[i], rest);
        if constexpr (i() > 2) {
            constexpr std::size_t x = detail::by_first[i() - 3], y = detail::by_second[i() - 3];
            rest = fnma(quotient.part[x], b.part[y], fnma(quotient.part[y], b.part[x], rest));
        }
        quotient.part[i] = rest / b.part[0];
    });
    return quotient;
}

#define RNNLATCH_JET_COMPARISON(op)                                      \
    template <class P, int order>                                        \
    RNNLATCH_INLINE auto operator op(Jet<P, order> a, Jet<P, order> b) { \
        return a.part[0] op b.part[0];                                   \
    }
RNNLATCH_JET_COMPARISON(<)
RNNLATCH_JET_COMPARISON(<=)
RNNLATCH_JET_COMPARISON(>)
RNNLATCH_JET_COMPARISON(>=)
RNNLATCH_JET_COMPARISON(==)
#undef RNNLATCH_JET_COMPARISON

template <class P, int order>
RNNLATCH_INLINE Jet<P, order> fma(Jet<P, order> a, Jet<P, order> b, Jet<P, order> c) {
    return detail::each_part<P, order>(
        [&](auto i) __attribute__((always_inline)) { return detail::add_product_part<i()>(a, b, c.part[i]); });
}

// c - a * b
template <class P, int order>
RNNLATCH_INLINE Jet<P, order> fnma(Jet<P, order> a, Jet<P, order> b, Jet<P, order> c) {
    return fma(-a, b, c);
}

template <class Mask, class P, int order>
RNNLATCH_INLINE Jet<P, order> select(Mask mask, Jet<P, order> yes, Jet<P, order> no) {
    return detail::each_part<P, order>(
        [&](auto i) __attribute__((always_inline)) { return select(mask, yes.part[i], no.part[i]); });
}

template <class P, int order>
RNNLATCH_INLINE Jet<P, order> max(Jet<P, order> a, Jet<P, order> b) {
    Jet<P, order> larger = select(a > b, a, b);
    larger.part[0] = max(a.part[0], b.part[0]);
    return larger;
}

template <class P, int order>
RNNLATCH_INLINE Jet<P, order> abs(Jet<P, order> a) {
    Jet<P, order> size = select(a.part[0] < constant_like<P>(0.0), -a, a);
    size.part[0] = abs(a.part[0]);
    return size;
}

template <class P, int order>
RNNLATCH_INLINE Jet<P, order> tanh(Jet<P, order> a) {
    const P y = tanh(a.part[0]), slope = fnma(y, y, constant_like<P>(1.0));
    return detail::chain(a, y, slope, (slope * y) * constant_like<P>(-2.0));
}

// The logistic function, where its value y is known.
template <class P, int order>
RNNLATCH_INLINE Jet<P, order> logistic_jet(Jet<P, order> a, P y) {
    const P slope = fnma(y, y, y);
    return detail::chain(a, y, slope, slope * fma(y, constant_like<P>(-2.0), constant_like<P>(1.0)));
}

template <class P, int order>
RNNLATCH_INLINE Jet<P, order> logistic(Jet<P, order> a) {
    return logistic_jet(a, logistic(a.part[0]));
}

template <class P, int order>
RNNLATCH_INLINE Jet<P, order> exp(Jet<P, order> a) {
    const P y = exp(a.part[0]);
    return detail::chain(a, y, y, y);
}

template <class P, int order>
RNNLATCH_INLINE Jet<P, order> log1p(Jet<P, order> a) {
    const P slope = constant_like<P>(1.0) / (a.part[0] + constant_like<P>(1.0));
    return detail::chain(a, log1p(a.part[0]), slope, -(slope * slope));
}

// In memory the values of all lanes, then their derivatives, one after the other.
template <class P, int order>
struct Memory<Jet<P, order>> {
    template <class Scalar>
    static RNNLATCH_INLINE Jet<P, order> load(const Scalar* from) {
        return detail::each_part<P, order>([&](auto i) __attribute__((always_inline)) {
            return Memory<P>::load(from + i * (sizeof(P) / sizeof(Scalar)));
        });
    }
    template <class Scalar>
    static RNNLATCH_INLINE void store(Scalar* to, Jet<P, order> jet) {
        unrolled<jet_parts(order)>([&](auto i) __attribute__((always_inline)) {
            Memory<P>::store(to + i * (sizeof(P) / sizeof(Scalar)), jet.part[i]);
        });
    }
};

template <class P, int order>
struct Row<Jet<P, order>> {
    using Scalar = ScalarOf<P>;
    using Pack = typename Row<P>::Pack;
    using Half = Jet<Pack, order>;
    static constexpr std::size_t lanes = Row<P>::lanes, stride = jet_parts(order) * lanes, half = lanes / 2;
    static RNNLATCH_INLINE Half load_half(const Scalar* from) {
        return detail::each_part<Pack, order>(
            [&](auto i) __attribute__((always_inline)) { return Row<P>::load_half(from + i * lanes); });
    }
    static RNNLATCH_INLINE void store_half(Scalar* to, Half jet) {
        unrolled<jet_parts(order)>(
            [&](auto i) __attribute__((always_inline)) { Row<P>::store_half(to + i * lanes, jet.part[i]); });
    }
};

}  // namespace rnnlatch
