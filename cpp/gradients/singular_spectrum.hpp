// All singular values of long products of Jacobians, as logarithms: each is right relative to itself, however small.
//
// With P_lag = ds_T / ds_{T-lag} and its transpose written as Q diag(exp(s)) U (Q with orthonormal columns, the rows of U of length 1 and well
// conditioned, s falling), one more Jacobian gives J' Q = Q1 R by Householder's QR, and the triangle R diag(exp(s)) U is brought
// back to the same form row by row. No exp(s) is ever formed: only differences of s enter. Columns are exchanged by their size
// with exp(s) included, so those differences are never harmful; a row that vanishes lowers the rank for good. At the
// lags asked for, one-sided Jacobi rotations make the rows of U orthogonal; then s are the logarithms of the singular values.
//
// The factor diag(phi') of a vanilla network gets a QR step of its own where its entries differ much: sorted, a row that is 1e-200
// of another keeps its digits. A singular value of one gated step, or of the weights, below about 1e-15 of the largest is 0.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "engine/work.hpp"
#include "gradients/hypotenuse.hpp"
#include "gradients/state_jacobian.hpp"

namespace rnnlatch {

// A sum of many logarithms in two parts, so that 1e5 roundings of 1e5 do not add up.
struct LogScale {
    double high = 0, low = 0;

    void add(double x) {
        const double sum = high + x, of_x = sum - high;
        low += (high - (sum - of_x)) + (x - of_x);
        high = sum;
    }
    double value() const { return high + low; }
    double above(const LogScale& other) const { return (high - other.high) + (low - other.low); }
};

class GradedProduct {
   public:
    using Index = Eigen::Index;
    using Vector = Eigen::VectorXd;

    explicit GradedProduct(Index size)
        : q_(Eigen::MatrixXd::Identity(size, size)),
          u_(RowMajor::Identity(size, size)),
          s_(static_cast<std::size_t>(size)) {}

    void multiply(StateJacobian& jacobian) {
        const double eps = std::numeric_limits<double>::epsilon(), noise = static_cast<double>(q_.rows()) * eps;
        if (const auto diagonal = jacobian.diagonal_factor(); diagonal && (!jacobian.factored() || graded(*diagonal))) {
            std::vector<Index> order(static_cast<std::size_t>(q_.rows()));
            std::iota(order.begin(), order.end(), Index{0});
            std::stable_sort(order.begin(), order.end(),
                             [&](Index i, Index j) { return std::abs((*diagonal)[i]) > std::abs((*diagonal)[j]); });
            m_.resize(q_.rows(), q_.cols());
            for (Index i = 0; i < m_.rows(); ++i) {
                const Index from = order[static_cast<std::size_t>(i)];
                m_.row(i) = (*diagonal)[from] * q_.row(from);
            }
            absorb(0.0);
            m_.resize(q_.rows(), q_.cols());
            for (Index i = 0; i < m_.rows(); ++i) m_.row(order[static_cast<std::size_t>(i)]) = q_.row(i);
            q_.swap(m_);
            if (!jacobian.factored()) return;
            m_.noalias() = jacobian.weight().transpose() * q_;
        } else {
            jacobian.multiply_transposed(q_, m_);
        }
        absorb(noise);
    }

    // Makes the rows of U orthogonal; afterwards log_singular_values() are what they say. The product stays the same.
    void orthogonalise() {
        const Index rank = u_.rows();
        const double tolerance = static_cast<double>(u_.cols()) * std::numeric_limits<double>::epsilon();
        for (int sweep = 0; sweep < 60; ++sweep) {
            double largest = 0;
            for (Index i = 0; i < rank; ++i) {
                for (Index j = i + 1; j < rank; ++j) largest = std::max(largest, rotate(i, j, tolerance));
            }
            if (largest <= tolerance) return;
        }
    }

    // Falling; the rest of the state's dimensions are 0, minus infinity. NaN where a Jacobian was not finite.
    void log_singular_values(double* to) const {
        using limits = std::numeric_limits<double>;
        std::fill_n(to, u_.cols(), finite_ ? -limits::infinity() : limits::quiet_NaN());
        if (!finite_) return;
        std::transform(s_.begin(), s_.end(), to, [](const LogScale& s) { return s.value(); });
        std::sort(to, to + s_.size(), std::greater<>());
    }

   private:
    LogScale& scale(Index row) { return s_[static_cast<std::size_t>(row)]; }

    // Whether the entries that are not 0 span more than three decades.
    static bool graded(const Eigen::Map<const Vector>& d) {
        double least = std::numeric_limits<double>::infinity(), most = 0;
        for (const double x : d) {
            if (x != 0) least = std::min(least, std::abs(x)), most = std::max(most, std::abs(x));
        }
        return most > 1e3 * least;
    }

    template <class X>
    static double length(const X& x) {
        const double squared = x.squaredNorm();
        return squared > 1e-250 && squared < 1e250 ? std::sqrt(squared) : x.stableNorm();
    }

    // m_ diag(exp(s)) U = q_ diag(exp(s)) U, anew. What is left of a column of m_ counts as 0 below `tolerance` of it.
    void absorb(double tolerance) {
        const Index rows = m_.rows();
        normalise_columns();
        const Index columns = m_.cols();
        left_ = Vector::Ones(columns), measured_ = left_;
        pivots_.resize(columns);
        Index rank = 0;
        for (; rank < std::min(rows, columns); ++rank) {
            if (!bring_largest(rank)) break;
            auto x = m_.col(rank).tail(rows - rank);
            const double size = length(x), sign = x[0] < 0 ? -1 : 1;
            x /= size;
            x[0] += sign;
            pivots_[rank] = -sign * size;
            const Index rest = columns - rank - 1;
            if (rest == 0) continue;
            auto block = m_.block(rank, rank + 1, rows - rank, rest);
            products_.noalias() = x.transpose() * block;
            products_ /= std::abs(x[0]);
            block.noalias() -= x * products_;
            for (Index j = rank + 1; j < columns; ++j) {
                const double ratio = left_[j] > 0 ? std::min(1.0, std::abs(m_(rank, j)) / left_[j]) : 1;
                left_[j] *= std::sqrt((1 - ratio) * (1 + ratio));
                if (left_[j] < 0.1 * measured_[j]) {
                    left_[j] = length(m_.col(j).tail(rows - rank - 1));
                    if (left_[j] <= tolerance) left_[j] = 0;
                    measured_[j] = left_[j];
                }
            }
        }
        update_rows(rank);
        accumulate(rank);
    }

    // Columns of length 1, their lengths in s, falling; those that are 0 go.
    void normalise_columns() {
        std::vector<Index> order;
        for (Index j = 0; j < m_.cols(); ++j) {
            const double size = length(m_.col(j));
            finite_ = finite_ && std::isfinite(size);
            if (size == 0) continue;
            m_.col(j) /= size;
            scale(j).add(std::log(size));
            order.push_back(j);
        }
        std::stable_sort(order.begin(), order.end(), [&](Index i, Index j) { return scale(i).above(scale(j)) > 0; });
        const auto kept = static_cast<Index>(order.size());
        bool sorted = kept == m_.cols();
        for (Index j = 0; sorted && j < kept; ++j) sorted = order[static_cast<std::size_t>(j)] == j;
        if (sorted) return;
        Eigen::MatrixXd m(m_.rows(), kept);
        RowMajor u(kept, u_.cols());
        std::vector<LogScale> s;
        for (Index j = 0; j < kept; ++j) {
            const Index from = order[static_cast<std::size_t>(j)];
            m.col(j) = m_.col(from), u.row(j) = u_.row(from);
            s.push_back(scale(from));
        }
        m_.swap(m), u_.swap(u), s_.swap(s);
    }

    // Exchanges column k with a later one that is more than e times larger, scale included; false: nothing is left.
    bool bring_largest(Index k) {
        const auto size = [&](Index j) { return scale(j).value() + std::log(left_[j]); };
        Index best = k;
        double largest = size(k);
        for (Index j = k + 1; j < m_.cols(); ++j) {
            if (scale(j).value() <= largest + 1) continue;  // lengths have only become less
            if (const double candidate = size(j); candidate > largest + (best == k ? 1 : 0))
                best = j, largest = candidate;
        }
        if (best != k) {
            m_.col(k).swap(m_.col(best));
            u_.row(k).swap(u_.row(best));
            std::swap(scale(k), scale(best)), std::swap(left_[k], left_[best]),
                std::swap(measured_[k], measured_[best]);
        }
        return largest > -std::numeric_limits<double>::infinity();
    }

    // The rows of R diag(exp(s)) U, of length 1, their lengths in s.
    void update_rows(Index rank) {
        for (Index i = 0; i < rank; ++i) {
            for (Index j = i + 1; j < u_.rows(); ++j) {
                const double ratio = m_(i, j) / pivots_[i], apart = scale(j).above(scale(i));
                if (ratio == 0 || (apart < -60 && std::abs(ratio) < 1e6)) continue;  // below 1e-20
                u_.row(i) += std::copysign(std::exp(std::log(std::abs(ratio)) + apart), ratio) * u_.row(j);
            }
            const double size = u_.row(i).norm();
            u_.row(i) /= std::copysign(size, pivots_[i]);
            scale(i).add(std::log(std::abs(pivots_[i])) + std::log(size));
        }
        u_.conservativeResize(rank, Eigen::NoChange);
        s_.resize(static_cast<std::size_t>(rank));
    }

    // q_ from the Householder vectors in m_.
    void accumulate(Index rank) {
        const Index rows = m_.rows();
        q_.setIdentity(rows, rank);
        for (Index k = rank - 1; k >= 0; --k) {
            const auto x = m_.col(k).tail(rows - k);
            auto block = q_.block(k, k, rows - k, rank - k);
            products_.noalias() = x.transpose() * block;
            products_ /= std::abs(x[0]);
            block.noalias() -= x * products_;
        }
    }

    // Makes rows i and j of exp(s) U orthogonal; returns the cosine of their angle before. With the larger row first and
    // r = exp(s_j - s_i) <= 1, the tangent of the rotation is r tau, and tau stays finite where r underflows.
    double rotate(Index i, Index j, double tolerance) {
        const double cosine = u_.row(i).dot(u_.row(j));
        if (std::abs(cosine) <= tolerance) return std::abs(cosine);
        if (scale(i).above(scale(j)) < 0) std::swap(i, j);
        const double r = std::exp(scale(j).above(scale(i))), less = (1 - r) * (1 + r);
        const double tau = 2 * cosine / (less + hypotenuse(less, 2 * r * cosine)), tangent = r * tau;
        const double shrink = std::log1p(tangent * tangent) / 2;
        difference_.noalias() = u_.row(j) - tau * u_.row(i);
        u_.row(i) += (r * tangent) * u_.row(j);
        u_.row(j) = difference_;
        column_.noalias() = q_.col(j) - tangent * q_.col(i);
        q_.col(i) += tangent * q_.col(j);
        q_.col(i) /= std::sqrt(1 + tangent * tangent);
        q_.col(j) = column_ / std::sqrt(1 + tangent * tangent);
        for (const Index row : {i, j}) {
            const double size = u_.row(row).norm();
            u_.row(row) /= size;
            scale(row).add(std::log(size) - shrink);
        }
        return std::abs(cosine);
    }

    bool finite_ = true;
    Eigen::MatrixXd q_, m_;
    RowMajor u_;
    std::vector<LogScale> s_;
    Vector left_, measured_, pivots_, column_;
    Eigen::RowVectorXd products_, difference_;
};

// Writes the state's size of values for each of the lags, which rise and do not exceed the trajectory's length.
inline void singular_spectrum(const Trajectory& trajectory, const std::vector<std::size_t>& lags, double* to,
                              const Work& work) {
    StateJacobian jacobian(trajectory);
    GradedProduct product(jacobian.size());
    std::size_t lag = 0;
    for (const std::size_t wanted : lags) {
        for (; lag < wanted; ++lag) {
            if (work.cancelled()) return;
            jacobian.move_to(trajectory.steps() - 1 - lag);
            product.multiply(jacobian);
        }
        product.orthogonalise();
        product.log_singular_values(to);
        to += jacobian.size();
    }
}

}  // namespace rnnlatch
