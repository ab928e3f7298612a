// The length of the hypotenuse of a right triangle.
//
// Borges, "Algorithm 1014: an improved algorithm for hypot(x,y)", ACM Transactions on Mathematical Software 47 (2020) 9, in
// the form that needs no fused multiply-add. C libraries differ in the last bit of std::hypot; this is the same everywhere
// (and the same as glibc's from 2.35 on), and nothing newer than glibc 2.34 is asked for.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

namespace rnnlatch {

// sqrt(a a + b b) within a unit in the last place, without overflow or underflow on the way.
inline double hypotenuse(double a, double b) {
    using Limits = std::numeric_limits<double>;
    if (std::isinf(a) || std::isinf(b)) return Limits::infinity();
    if (std::isnan(a) || std::isnan(b)) return Limits::quiet_NaN();
    double x = std::max(std::abs(a), std::abs(b)), y = std::min(std::abs(a), std::abs(b));
    if (y <= x * 0x1p-54) return x + y;  // less than half a unit in the last place of x
    const double scale = x > 0x1p511 ? 0x1p-600 : y < 0x1p-459 ? 0x1p600 : 1;
    x *= scale, y *= scale;
    const double root = std::sqrt(x * x + y * y);
    double excess;  // root root - (x x + y y), computed from differences that are exact
    if (root <= 2 * y) {
        const double longer = root - y;
        excess = x * (2 * longer - x) + (longer - 2 * (x - y)) * longer;
    } else {
        const double longer = root - x;
        excess = 2 * longer * (x - 2 * y) + ((4 * longer - y) * y + longer * longer);
    }
    return (root - excess / (2 * root)) / scale;
}

}  // namespace rnnlatch
