// The regulariser of the error's norm, Omega = sum_k (rho_k - 1)^2, and its immediate gradient, for the matrix driver.
//
//   rho_k = |dE/dx_{k+1} dx_{k+1}/dx_k|^2 / |dE/dx_{k+1}|^2   or the ratio of the norms
//
// with x the pre-activation or the state. The gradient is that by the W in the expression alone: x_k and dE/dx_{k+1} are
// constants. With v = W^T delta, the error at h_k, and D the slope of the activation at a_k where x is the pre-activation, else 1:
//   d rho / dW = 2 delta (D D v)^T / |dE/dx_{k+1}|^2
// so that the gradient is a sum of outer products with delta, as is that of the loss, delta h^T: both are taken at once. A term whose
// |dE/dx_{k+1}|^2, of the mean loss over the minibatch, is below 1e-20 is left out, as in the authors' code.
//
// Source: Pascanu, Mikolov, Bengio (2013), equations 9 and 10. In lanes: gradients/omega.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "drivers/network_matrix.hpp"
#include "drivers/pointwise.hpp"
#include "lanes/buffer.hpp"

namespace rnnlatch {

struct OmegaForm {
    bool squared;  // the ratio of squared norms, not of norms
    bool state;    // of the error at h, not at a
};

// The terms of one slice, step by step on the way back. Columns are `width` apart, as everywhere in the driver.
template <class Scalar>
class MatrixOmega {
   public:
    MatrixOmega(const PackedNetwork<Scalar>& packed, OmegaForm form, std::size_t widest, std::size_t steps)
        : cell_(packed.network.cell),
          packs_(packed.packs),
          width_(packed.width),
          form_(form),
          pulled_(steps * widest * packed.width),
          size_(widest),
          flow_(widest * packed.width),
          once_(widest * packed.width) {}

    bool of_state() const { return form_.state; }
    // What stands beside delta in the outer products, column after column; after add_times also what does in those of the loss.
    Scalar* pulled(std::size_t place, std::size_t count) { return pulled_.data() + place * count * width_; }

    // pulled <- weight pulled + h, from a step on.
    void add_times(Scalar weight, const Scalar* h, std::size_t place, std::size_t columns, std::size_t count) {
        using P = PackOf<Scalar>;
        Scalar* to = pulled(place, count);
        const P factor = constant(weight);
        for (std::size_t i = 0; i < columns * width_; i += lanes_of<Scalar>) {
            store(to + i, fma(factor, load<P>(to + i), load<P>(h + i)));
        }
    }

    // |dE/dx_{k+1}|^2 of every sequence, from dE/dh or delta.
    void measure_error(const Scalar* error, std::size_t count) {
        for (std::size_t b = 0; b < count; ++b) size_[b] = square(error + b * width_);
    }

    // No term at this step.
    void skip(std::size_t place, std::size_t count) {
        std::fill_n(pulled_.data() + place * count * width_, count * width_, Scalar{0});
    }

    // One step's terms: `back` is W^T delta of the step; `before`, `at` and `kept` belong to the step before it, the one with a_k.
    // begun(b): whether sequence b has an x_k.
    template <class Begun>
    void add_step(std::size_t place, std::size_t count, const Scalar* back, Arrays<const Scalar> before,
                  Arrays<const Scalar> at, Arrays<const Scalar> kept, const Begun& begun, SliceGradient<Scalar>& to) {
        Scalar* to_columns = pulled(place, count);
        const Scalar *arrived = back, *from = back;  // of the state: nothing is left to do
        if (!form_.state) {
            pull(count, before, at, kept, back, once_.data());
            pull(count, before, at, kept, once_.data(), to_columns);
            arrived = once_.data(), from = to_columns;
        }
        for (std::size_t b = 0; b < count; ++b) {
            const double error = static_cast<double>(size_[b]);
            Scalar factor = 0;
            if (begun(b) && !(error < negligible)) {
                const double ratio = static_cast<double>(square(arrived + b * width_)) / error;
                const double rho = form_.squared ? ratio : std::sqrt(ratio);
                // (rho - 1)^2 by the squared ratio, times what that is by v
                const double by_ratio = form_.squared ? 2 * (rho - 1) : rho > 0 ? (rho - 1) / rho : 0.0;
                factor = static_cast<Scalar>(2 * by_ratio / error);
                to.omega += (rho - 1) * (rho - 1);
                ++to.omega_terms;
            }
            scale_column(factor, from + b * width_, to_columns + b * width_);
        }
    }

   private:
    static constexpr double negligible = 1e-20;

    Scalar square(const Scalar* column) const {
        using P = PackOf<Scalar>;
        P sum{};
        for (std::size_t i = 0; i < width_; i += lanes_of<Scalar>) {
            const P each = load<P>(column + i);
            sum = fma(each, each, sum);
        }
        Scalar total = 0;
        for (std::size_t lane = 0; lane < lanes_of<Scalar>; ++lane) total += sum[lane];
        return total;
    }

    void scale_column(Scalar factor, const Scalar* from, Scalar* to) const {
        if (factor == 0) {  // also where the column is not finite
            std::fill_n(to, width_, Scalar{0});
            return;
        }
        for (std::size_t i = 0; i < width_; ++i) to[i] = factor * from[i];
    }

    // to <- slope from, by the cell's own pullback.
    void pull(std::size_t count, Arrays<const Scalar> before, Arrays<const Scalar> at, Arrays<const Scalar> kept,
              const Scalar* from, Scalar* to) {
        std::copy_n(from, count * width_, flow_.data());
        cell_.pullback({count, packs_, width_}, before, at, kept, {flow_.data(), 0}, {to, 0});
    }

    const PointwiseCell<Scalar>& cell_;
    std::size_t packs_, width_;
    OmegaForm form_;
    Scratch<Scalar> pulled_;
    Buffer<Scalar> size_;
    Scratch<Scalar> flow_, once_;
};

}  // namespace rnnlatch
