// The length of a hypotenuse, next to the square root of the sum of squares in a type with more digits and exponents.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>

#include "gradients/hypotenuse.hpp"

namespace rnnlatch {
namespace {

using Limits = std::numeric_limits<double>;

int failures = 0;

void check(double a, double b) {
    const double length = hypotenuse(a, b);
    bool right;
    if (std::isinf(a) || std::isinf(b)) {
        right = length == Limits::infinity();
    } else if (std::isnan(a) || std::isnan(b)) {
        right = std::isnan(length);
    } else {
        const long double wide = std::sqrt(static_cast<long double>(a) * a + static_cast<long double>(b) * b);
        const double nearest = static_cast<double>(wide), above = std::nextafter(nearest, Limits::infinity());
        right = length == nearest || length == above || length == std::nextafter(nearest, 0.0);
    }
    if (!right && failures++ < 10) std::fprintf(stderr, "hypotenuse.cpp: hypotenuse(%a, %a) is %a\n", a, b, length);
}

// A number of any size, both infinities and what is no number among them.
double any(std::mt19937_64& bits) { return std::bit_cast<double>(bits()); }

}  // namespace
}  // namespace rnnlatch

int main() {
    using namespace rnnlatch;
    if (Limits::digits >= std::numeric_limits<long double>::digits) {
        std::puts("hypotenuse.cpp: long double has no more digits than double here, nothing is compared");
        return 0;
    }
    const double special[] = {0.0,
                              -0.0,
                              1.0,
                              Limits::denorm_min(),
                              Limits::min(),
                              Limits::max(),
                              Limits::infinity(),
                              -Limits::infinity(),
                              Limits::quiet_NaN(),
                              0x1p-459,
                              0x1p-54,
                              0x1p511,
                              0x1p512};
    for (const double a : special) {
        for (const double b : special) check(a, b);
    }
    std::mt19937_64 bits(1);
    std::uniform_real_distribution<double> ratio(-2, 2);
    for (int i = 0; i < 200000; ++i) {
        const double a = any(bits);
        check(a, any(bits));
        check(a, a * ratio(bits));
        check(a, a * std::ldexp(ratio(bits), -27));  // where the smaller one ceases to count
    }
    return failures != 0;
}
