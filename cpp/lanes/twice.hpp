// Two packs that go through the same arithmetic side by side.
//
// A formula such as tanh is a chain of dependent operations: one pack at a time leaves the arithmetic units waiting. Written
// for a type P it runs on a pack or, interleaved operation by operation, on Twice<pack> or Twice<Twice<pack>>, which hides
// the latency. What a lane computes is the same in each form.
#pragma once

#include <type_traits>
#include <utility>

#include "lanes/pack.hpp"

namespace rnnlatch {

template <class P>
struct Twice {
    P low, high;
};

namespace detail {

template <class T>
inline constexpr bool is_twice = false;
template <class P>
inline constexpr bool is_twice<Twice<P>> = true;

template <class T>
RNNLATCH_INLINE auto low(T x) {
    if constexpr (is_twice<T>) {
        return x.low;
    } else {
        return x;
    }
}

template <class T>
RNNLATCH_INLINE auto high(T x) {
    if constexpr (is_twice<T>) {
        return x.high;
    } else {
        return x;
    }
}

// f on the low halves and on the high halves; what is not Twice is shared by both.
template <class F, class... Ts>
RNNLATCH_INLINE auto on_both(F f, Ts... xs) {
    auto first = f(low(xs)...);
    auto second = f(high(xs)...);
    return Twice<decltype(first)>{first, second};
}

// Clang's comparisons of doubles return long long, which on Linux is not the int64_t of the masks that functions take.
template <class P>
RNNLATCH_INLINE P with_own_elements(P x) {
    return x;
}

using LongLongs = long long __attribute__((vector_size(register_bytes)));
RNNLATCH_INLINE i64 with_own_elements(LongLongs x) { return (i64)x; }

template <class... Ts>
concept AnyTwice = (is_twice<Ts> || ...);

}  // namespace detail

#define RNNLATCH_TWICE_OPERATOR(op)                                                                     \
    template <class A, class B>                                                                         \
        requires detail::AnyTwice<A, B>                                                                 \
    RNNLATCH_INLINE auto operator op(A a, B b) {                                                        \
        return detail::on_both([](auto x, auto y) { return detail::with_own_elements(x op y); }, a, b); \
    }
RNNLATCH_TWICE_OPERATOR(+)
RNNLATCH_TWICE_OPERATOR(-)
RNNLATCH_TWICE_OPERATOR(*)
RNNLATCH_TWICE_OPERATOR(/)
RNNLATCH_TWICE_OPERATOR(&)
RNNLATCH_TWICE_OPERATOR(|)
RNNLATCH_TWICE_OPERATOR(^)
RNNLATCH_TWICE_OPERATOR(<<)
RNNLATCH_TWICE_OPERATOR(>>)
RNNLATCH_TWICE_OPERATOR(<)
RNNLATCH_TWICE_OPERATOR(<=)
RNNLATCH_TWICE_OPERATOR(>)
RNNLATCH_TWICE_OPERATOR(>=)
RNNLATCH_TWICE_OPERATOR(==)
#undef RNNLATCH_TWICE_OPERATOR

template <class P>
RNNLATCH_INLINE Twice<P> operator-(Twice<P> a) {
    return {-a.low, -a.high};
}

#define RNNLATCH_TWICE_FUNCTION(name)                                                        \
    template <class... Ts>                                                                   \
        requires detail::AnyTwice<Ts...>                                                     \
    RNNLATCH_INLINE auto name(Ts... xs) {                                                    \
        return detail::on_both([](auto... each) { return rnnlatch::name(each...); }, xs...); \
    }
RNNLATCH_TWICE_FUNCTION(fma)
RNNLATCH_TWICE_FUNCTION(fnma)
RNNLATCH_TWICE_FUNCTION(min)
RNNLATCH_TWICE_FUNCTION(max)
RNNLATCH_TWICE_FUNCTION(abs)
RNNLATCH_TWICE_FUNCTION(copysign)
RNNLATCH_TWICE_FUNCTION(sqrt)
RNNLATCH_TWICE_FUNCTION(select)
RNNLATCH_TWICE_FUNCTION(to_float)
RNNLATCH_TWICE_FUNCTION(multiply_low_halves)
RNNLATCH_TWICE_FUNCTION(exclusive_or)
RNNLATCH_TWICE_FUNCTION(merge_halves)
#undef RNNLATCH_TWICE_FUNCTION

template <class P>
RNNLATCH_INLINE bool any(Twice<P> mask) {
    return any(mask.low) || any(mask.high);
}

template <class To, class P>
RNNLATCH_INLINE auto bits(Twice<P> a) {
    return detail::on_both([](auto x) { return bits<To>(x); }, a);
}

// A constant in every lane of a pack or of whatever is made of packs.
template <class P>
struct Constant;

template <>
struct Constant<f64> {
    static RNNLATCH_INLINE f64 make(double value) { return constant(value); }
};

template <>
struct Constant<f32> {
    static RNNLATCH_INLINE f32 make(double value) { return constant(static_cast<float>(value)); }
};

template <class P>
struct Constant<Twice<P>> {
    static RNNLATCH_INLINE Twice<P> make(double value) { return {Constant<P>::make(value), Constant<P>::make(value)}; }
};

template <class P>
RNNLATCH_INLINE P constant_like(double value) {
    return Constant<P>::make(value);
}

// A pack, or packs side by side, from consecutive memory; and back.
template <class P>
struct Memory {
    template <class Scalar>
    static RNNLATCH_INLINE P load(const Scalar* from) {
        return rnnlatch::load<P>(from);
    }
    template <class Scalar>
    static RNNLATCH_INLINE void store(Scalar* to, P pack) {
        rnnlatch::store(to, pack);
    }
};

template <class P>
struct Memory<Twice<P>> {
    template <class Scalar>
    static RNNLATCH_INLINE Twice<P> load(const Scalar* from) {
        return {Memory<P>::load(from), Memory<P>::load(from + sizeof(P) / sizeof(Scalar))};
    }
    template <class Scalar>
    static RNNLATCH_INLINE void store(Scalar* to, Twice<P> packs) {
        Memory<P>::store(to, packs.low);
        Memory<P>::store(to + sizeof(P) / sizeof(Scalar), packs.high);
    }
};

}  // namespace rnnlatch
