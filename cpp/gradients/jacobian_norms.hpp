// Norms of the products of Jacobians ds_T / ds_{T-lag} = J_T J_{T-1} ... J_{T-lag+1} for every lag, in one pass from the left.
//
// The product is kept between powers of two and its exponent apart, so that neither 0.5^100000 nor 2^100000 is lost.
#pragma once

#include <Eigen/Core>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <utility>

#include "engine/work.hpp"
#include "gradients/spectral_norm.hpp"
#include "gradients/state_jacobian.hpp"

namespace rnnlatch {

// Rows that are multiplied by one Jacobian after another: value 2^exponent.
class ScaledRows {
   public:
    explicit ScaledRows(RowMajor start) : value_(std::move(start)) { measure(); }

    void multiply(StateJacobian& jacobian) {
        jacobian.multiply_from_left(value_, next_);
        value_.swap(next_);
        measure();
    }

    const RowMajor& value() const { return value_; }
    std::int64_t exponent() const { return exponent_; }
    double norm() const { return norm_; }  // Frobenius, of value()

   private:
    void measure() {
        double squared = value_.squaredNorm();
        if (!(squared > 1e-200 && squared < 1e200)) {
            const double largest = value_.lpNorm<Eigen::Infinity>();
            if (largest > 0 && std::isfinite(largest)) {
                int power;
                std::frexp(largest, &power);
                value_ *= std::ldexp(1.0, -power / 2);  // in two steps: 2^1074 is no double
                value_ *= std::ldexp(1.0, -(power - power / 2));
                exponent_ += power;
                squared = value_.squaredNorm();
            }
        }
        norm_ = std::sqrt(squared);
    }

    RowMajor value_, next_;
    std::int64_t exponent_ = 0;
    double norm_ = 0;
};

// A norm for each lag, and its natural logarithm; null where it is not wanted.
struct NormSeries {
    double* value = nullptr;
    double* logarithm = nullptr;

    void put(std::size_t lag, double norm, std::int64_t exponent) const {
        const auto bounded = static_cast<int>(std::clamp<std::int64_t>(exponent, -100000, 100000));
        value[lag] = std::ldexp(norm, bounded);
        logarithm[lag] = std::log(norm) + static_cast<double>(exponent) * std::numbers::ln2;
    }
};

struct JacobianNorms {
    NormSeries frobenius, spectral;
    NormSeries gradient;           // Euclidean norm of seed * product
    const double* seed = nullptr;  // dE/ds_T, (states, hidden)
};

// Writes lags 0 to the trajectory's length.
inline void jacobian_norms(const Trajectory& trajectory, const JacobianNorms& wanted, const Work& work) {
    StateJacobian jacobian(trajectory);
    const Eigen::Index size = jacobian.size();
    const bool products = wanted.frobenius.value || wanted.spectral.value;
    ScaledRows product(jacobian.padded(RowMajor::Identity(size, size).eval().data(), products ? size : 0));
    ScaledRows gradient(jacobian.padded(wanted.seed, wanted.seed ? 1 : 0));
    SpectralNorm spectral(size, jacobian.padded_size());
    for (std::size_t lag = 0;; ++lag) {
        if (wanted.frobenius.value) wanted.frobenius.put(lag, product.norm(), product.exponent());
        if (wanted.spectral.value) {
            wanted.spectral.put(lag, spectral(product.value(), product.norm()), product.exponent());
        }
        if (wanted.seed) wanted.gradient.put(lag, gradient.norm(), gradient.exponent());
        if (lag == trajectory.steps() || work.cancelled()) return;
        jacobian.move_to(trajectory.steps() - 1 - lag);
        if (products) product.multiply(jacobian);
        if (wanted.seed) gradient.multiply(jacobian);
    }
}

}  // namespace rnnlatch
