// The gated recurrent unit in PyTorch's form: r, z = logistic(...), n = tanh(a_in + r a_hn), h_t = (1 - z) n + z h_{t-1}.
//
// Source: Cho et al. (2014), with the reset gate applied after the recurrent product, as PyTorch and cuDNN do; hence the
// candidate's input and recurrent sums stay apart in two slots. Gates r, z, n. How to read a cell: cells/vanilla_rnn.hpp.
#pragma once

#include <cstddef>

#include "lanes/math.hpp"
#include "lanes/math32.hpp"
#include "lanes/twice.hpp"

namespace rnnlatch {

struct GRU {
    static constexpr std::size_t states = 1, gates = 3, slots = 4, kept = 4;
    static constexpr std::size_t input_slot[gates] = {0, 1, 2}, hidden_slot[gates] = {0, 1, 3};

    template <class P>
    static RNNLATCH_INLINE void forward(const P* a, const P* previous, P* next, P* kept) {
        const P r = logistic(a[0]), z = logistic(a[1]), n = tanh(fma(r, a[3], a[2]));
        next[0] = fma(z, previous[0] - n, n);
        kept[0] = r, kept[1] = z, kept[2] = n, kept[3] = a[3];
    }

    template <class P>
    static RNNLATCH_INLINE void pullback(const P* previous, const P* /*next*/, const P* kept, const P* g_next, P* g_a,
                                         P* g_previous) {
        const P r = kept[0], z = kept[1], n = kept[2];
        const P g = g_next[0];
        const P g_candidate = fnma(g, z, g) * fnma(n, n, constant_like<P>(1.0));
        g_a[0] = (g_candidate * kept[3]) * fnma(r, r, r);
        g_a[1] = (g * (previous[0] - n)) * fnma(z, z, z);
        g_a[2] = g_candidate;
        g_a[3] = g_candidate * r;
        g_previous[0] = g * z;
    }

    template <class P>
    static RNNLATCH_INLINE void partials(const P* a, const P* previous, P* by_slot, P* by_state) {
        const P r = logistic(a[0]), z = logistic(a[1]), sum = fma(r, a[3], a[2]);
        by_slot[2] = logistic(-a[1]) * tanh_derivative(sum);
        by_slot[3] = by_slot[2] * r;
        by_slot[0] = (by_slot[2] * a[3]) * (r * logistic(-a[0]));
        by_slot[1] = (previous[0] - tanh(sum)) * (z * logistic(-a[1]));
        by_state[0] = z;
    }
};

}  // namespace rnnlatch
