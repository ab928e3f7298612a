// The largest singular value of a matrix, and of the next ones of a sequence in which each resembles the one before.
//
// Golub-Kahan-Lanczos bidiagonalisation with full reorthogonalisation: A' U = V B', A V = U B + beta u e', B lower
// bidiagonal. The Ritz value sigma, the largest singular value of B, lies within its residual of a singular value of A. It
// starts from the previous leading left vector, which is nearly the answer where A changes by factors on the right,
// plus a random vector, through which a direction that has overtaken the leading one is found. After n steps, or
// where the Krylov space is exhausted before (identity, low rank), the answer is exact up to rounding.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

#include "gradients/hypotenuse.hpp"

namespace rnnlatch {

class SpectralNorm {
   public:
    using Index = Eigen::Index;
    using Vector = Eigen::VectorXd;

    // For n x m matrices with n <= m; the result is within `tolerance`, relative.
    SpectralNorm(Index n, Index m, double tolerance = 1e-11)
        : n_(n), tolerance_(tolerance), leading_(Vector::Zero(n)), noise_(n), next_(n), u_(n, n), v_(m, n) {}

    template <class Matrix>
    double operator()(const Matrix& a, double frobenius) {
        if (!(frobenius > 0) || !std::isfinite(frobenius)) return frobenius;
        const double negligible = static_cast<double>(n_) * std::numeric_limits<double>::epsilon() * frobenius;
        diagonal_.clear(), off_.clear();
        start();
        double alpha = 0, beta = 0, theta = 0;
        for (Index k = 0;; ++k) {
            auto v = v_.col(k);
            v.noalias() = a.transpose() * u_.col(k);
            if (k > 0) {
                v -= beta * v_.col(k - 1);
                orthogonalise(v_.leftCols(k), v);
            }
            const double previous = alpha;
            alpha = v.norm();
            if (k > 0) off_.push_back(previous * beta);
            diagonal_.push_back(alpha * alpha + beta * beta);
            theta = largest_eigenvalue(theta);
            if (alpha <= negligible) break;
            v /= alpha;
            next_.noalias() = a * v;
            next_ -= alpha * u_.col(k);
            orthogonalise(u_.leftCols(k + 1), next_);
            beta = next_.norm();
            if (beta <= negligible || k + 1 == n_) break;
            eigenvector(theta);
            if (alpha * beta * std::abs(y_[k]) <= tolerance_ * theta) break;
            u_.col(k + 1) = next_ / beta;
        }
        eigenvector(theta);
        leading_.noalias() = u_.leftCols(y_.size()) * y_;
        return std::sqrt(theta);
    }

   private:
    void start() {
        for (Index i = 0; i < n_; ++i) {
            noise_(i) = static_cast<double>(bits_() >> 11) * 0x1p-52 - 1.0;
        }
        u_.col(0) = leading_ + noise_ * (0.05 / noise_.norm());
        u_.col(0).normalize();
    }

    template <class Basis, class Target>
    void orthogonalise(const Basis& basis, Target&& x) {
        product_.noalias() = basis.transpose() * x;
        x.noalias() -= basis * product_;
    }

    // Of the tridiagonal matrix B B', from that without its last row: Newton's iteration on the characteristic polynomial,
    // which falls to the largest root from above, from the largest eigenvalue of [[before, off], [off, last]].
    double largest_eigenvalue(double before) const {
        if (off_.empty()) return diagonal_[0];
        const double half = (before - diagonal_.back()) / 2;
        double x = (before + diagonal_.back()) / 2 + hypotenuse(half, off_.back());
        x *= 1 + 4 * std::numeric_limits<double>::epsilon();
        for (int iteration = 0; iteration < 100; ++iteration) {
            double pivot = x - diagonal_[0], slope = 1, sum = slope / pivot;
            for (std::size_t i = 1; i < diagonal_.size() && pivot > 0; ++i) {
                const double ratio = off_[i - 1] / pivot;
                slope = 1 + ratio * ratio * slope;
                pivot = x - diagonal_[i] - ratio * off_[i - 1];
                sum += slope / pivot;
            }
            if (!(pivot > 0)) break;  // rounding has stepped over the root
            const double step = 1 / sum;
            if (!(step > 2 * std::numeric_limits<double>::epsilon() * x)) break;
            x -= step;
        }
        return x;
    }

    // Of the same matrix, normalised: eliminated from both ends towards where the two meet with the smallest pivot.
    void eigenvector(double theta) {
        const auto size = static_cast<Index>(diagonal_.size());
        from_top_.resize(size), from_bottom_.resize(size), y_.resize(size);
        const auto guarded = [&](double pivot) { return pivot > 0 ? pivot : theta * 1e-18; };
        for (Index i = 0; i < size; ++i) {
            const double e = i ? off_[i - 1] : 0;
            from_top_[i] = guarded(theta - diagonal_[i] - (i ? e * e / from_top_[i - 1] : 0));
        }
        for (Index i = size - 1; i >= 0; --i) {
            const double e = i + 1 < size ? off_[i] : 0;
            from_bottom_[i] = guarded(theta - diagonal_[i] - (i + 1 < size ? e * e / from_bottom_[i + 1] : 0));
        }
        Index twist;
        (from_top_ + from_bottom_ + Eigen::Map<const Vector>(diagonal_.data(), size)).minCoeff(&twist);
        y_[twist] = 1;
        for (Index i = twist; i > 0; --i) y_[i - 1] = off_[i - 1] * y_[i] / from_top_[i - 1];
        for (Index i = twist; i + 1 < size; ++i) y_[i + 1] = off_[i] * y_[i] / from_bottom_[i + 1];
        y_.normalize();
    }

    Index n_;
    double tolerance_;
    std::mt19937_64 bits_;  // its numbers are fixed by the standard
    Vector leading_, noise_, next_, product_, y_, from_top_, from_bottom_;
    Eigen::MatrixXd u_, v_;
    std::vector<double> diagonal_, off_;  // B B'
};

}  // namespace rnnlatch
