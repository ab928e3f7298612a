// Long short-term memory with a forget gate: i, f, o = logistic(...), g = tanh(...), c_t = f c_{t-1} + i g, h_t = o tanh(c_t).
//
// Sources: Hochreiter, Schmidhuber (1997); Gers, Schmidhuber, Cummins (2000) for the forget gate. Gates in PyTorch's order
// i, f, g, o. How to read a cell: cells/vanilla_rnn.hpp.
#pragma once

#include <cstddef>

#include "lanes/math.hpp"
#include "lanes/math32.hpp"
#include "lanes/twice.hpp"

namespace rnnlatch {

struct LSTM {
    static constexpr std::size_t states = 2, gates = 4, slots = 4, kept = 5;
    static constexpr std::size_t input_slot[gates] = {0, 1, 2, 3}, hidden_slot[gates] = {0, 1, 2, 3};

    template <class P>
    static RNNLATCH_INLINE void forward(const P* a, const P* previous, P* next, P* kept) {
        const P i = logistic(a[0]), f = logistic(a[1]), g = tanh(a[2]), o = logistic(a[3]);
        const P c = fma(f, previous[1], i * g);
        const P squashed = tanh(c);
        next[0] = o * squashed;
        next[1] = c;
        kept[0] = i, kept[1] = f, kept[2] = g, kept[3] = o, kept[4] = squashed;
    }

    template <class P>
    static RNNLATCH_INLINE void pullback(const P* previous, const P* /*next*/, const P* kept, const P* g_next, P* g_a,
                                         P* g_previous) {
        const P i = kept[0], f = kept[1], g = kept[2], o = kept[3], squashed = kept[4];
        const P one = constant_like<P>(1.0);
        const P g_c = fma(g_next[0] * o, fnma(squashed, squashed, one), g_next[1]);
        g_a[0] = (g_c * g) * fnma(i, i, i);
        g_a[1] = (g_c * previous[1]) * fnma(f, f, f);
        g_a[2] = (g_c * i) * fnma(g, g, one);
        g_a[3] = (g_next[0] * squashed) * fnma(o, o, o);
        g_previous[0] = constant_like<P>(0.0);
        g_previous[1] = g_c * f;
    }

    template <class P>
    static RNNLATCH_INLINE void partials(const P* a, const P* previous, P* by_slot, P* by_state) {
        const P i = logistic(a[0]), f = logistic(a[1]), g = tanh(a[2]), o = logistic(a[3]);
        const P c = fma(f, previous[1], i * g);
        const P h_by_c = o * tanh_derivative(c);
        P* h = by_slot;
        P* cell = by_slot + slots;
        cell[0] = g * (i * logistic(-a[0]));
        cell[1] = previous[1] * (f * logistic(-a[1]));
        cell[2] = i * tanh_derivative(a[2]);
        cell[3] = constant_like<P>(0.0);
        for (std::size_t slot = 0; slot < 3; ++slot) h[slot] = h_by_c * cell[slot];
        h[3] = tanh(c) * (o * logistic(-a[3]));
        by_state[0] = by_state[2] = constant_like<P>(0.0);
        by_state[1] = h_by_c * f;
        by_state[3] = f;
    }
};

}  // namespace rnnlatch
