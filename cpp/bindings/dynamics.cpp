// Trajectories of autonomous networks, where they end, and the error as a surface over two directions.
#include <limits>
#include <string>
#include <utility>

#include "bindings/bindings.hpp"
#include "bindings/networks.hpp"
#include "bindings/threads.hpp"
#include "dynamics/error_surface.hpp"
#include "dynamics/reach_points.hpp"
#include "dynamics/settle.hpp"

namespace rnnlatch::bindings {
namespace {

constexpr std::int64_t most_steps = std::numeric_limits<std::int32_t>::max() - 64;

std::int64_t between(const char* name, std::int64_t value, std::int64_t least, std::int64_t most) {
    if (value < least || value > most) {
        throw py::value_error(std::string(name) + " is " + std::to_string(value) + ", allowed are integers from " +
                              std::to_string(least) + " to " + std::to_string(most));
    }
    return value;
}

double tolerance_of(double tolerance) {
    if (!(tolerance >= 0) || tolerance > std::numeric_limits<double>::max()) {
        throw py::value_error("tolerance is " + std::to_string(tolerance) + ", allowed are numbers from 0");
    }
    return tolerance;
}

// The arguments that reach_points and settle share, and their results.
class AutonomousCall {
   public:
    AutonomousProblem problem{};
    TrajectoryResults results{};
    py::dict out;

    AutonomousCall(const py::dict& structure, const py::dict& parameters, const py::object& inputs,
                   const py::object& starts, const py::object& same_step, const char* label) {
        const Structure whole = structure_of(structure);
        problem.kind = whole.kind;
        problem.activation = whole.activation;
        NetworkShape& shape = problem.network.shape = whole.shape;
        shape.outputs = 0;  // nothing is read out
        shape.bias_out = false;
        shape.batch = 1;
        shape.length = trail;
        if (!py::isinstance<py::array>(starts)) throw py::type_error("starts must be a NumPy array");
        const auto runs = py::reinterpret_borrow<py::array>(starts);
        if (runs.ndim() != 3 || runs.shape(0) < 1) {
            throw py::value_error("starts must have three axes, (run, states, hidden), and at least one run");
        }
        const py::ssize_t count = runs.shape(0);
        shape.runs = static_cast<std::size_t>(count);
        const auto states = static_cast<py::ssize_t>(shape.states), hidden = static_cast<py::ssize_t>(shape.hidden);
        problem.start = view_of<double>(starts, "starts", count, {states, hidden});
        problem.input = view_of<double>(inputs, "inputs", count, {static_cast<py::ssize_t>(shape.inputs)}, true);
        problem.shared = problem.input.run == 0;
        for (const auto& [name, rest] : parameter_shapes(shape)) {
            View<const double>& view = *parameter_view(problem.network.parameters, name);
            view = view_of<double>(entry(parameters, name.c_str()), name, count, rest, true);
            problem.shared = problem.shared && view.run == 0;
        }
        if (!same_step.is_none()) problem.network.same_step = lower_triangle(same_step, whole);
        py::array_t<std::int32_t> labels(count), steps(count);
        py::array_t<double> state({count, states, hidden});
        results = {labels.mutable_data(), steps.mutable_data(), state.mutable_data()};
        out[label] = labels;
        out["steps"] = steps;
        out["state"] = state;
    }

    // f(steps) on every thread, with what takes the steps of these networks.
    template <class F>
    void run_on(int threads, F f) const {
        const Blocks blocks(problem.network.shape.runs, static_cast<std::size_t>(std::max(threads, 1)));
        Work work(blocks.count());
        const auto worker = [&] {
            if (!SmallSteps<1>::fits(problem)) {
                using V = Twice<f64>;
                NetworkSteps<V> steps(problem, cell_in_lanes<V>(problem.kind, problem.activation, 1));
                f(steps, blocks, work);
            } else if (problem.network.shape.hidden <= 2) {
                SmallSteps<2> steps(problem);
                f(steps, blocks, work);
            } else {
                SmallSteps<1> steps(problem);
                f(steps, blocks, work);
            }
        };
        run(threads, work, py::none(), worker);
    }
};

ArrayResults<void> reach_points(const Described& structure, const Arrays<double>& parameters,
                                const NDArray<double>& inputs, const NDArray<double>& starts,
                                const NDArray<double>& points, double tolerance, std::int64_t max_steps, int threads,
                                const Optional<NDArray<std::uint8_t>>& same_step) {
    const AutonomousCall call(structure, parameters, inputs, starts, same_step, "point");
    const NetworkShape& shape = call.problem.network.shape;
    const auto wanted =
        require(points, "points", {-1, static_cast<py::ssize_t>(shape.states), static_cast<py::ssize_t>(shape.hidden)});
    const Points all{wanted.data(), static_cast<std::size_t>(wanted.shape(0)), tolerance_of(tolerance)};
    between("max_steps", max_steps, 0, most_steps);
    call.run_on(threads, [&](auto& steps, Blocks blocks, Work& work) {
        rnnlatch::reach_points(steps, call.problem, all, max_steps, blocks, work, call.results);
    });
    return call.out;
}

ArrayResults<void> settle(const Described& structure, const Arrays<double>& parameters, const NDArray<double>& inputs,
                          const NDArray<double>& starts, double tolerance, std::int64_t max_period,
                          std::int64_t max_steps, int threads, const Optional<NDArray<std::uint8_t>>& same_step) {
    const AutonomousCall call(structure, parameters, inputs, starts, same_step, "period");
    tolerance_of(tolerance);
    between("max_period", max_period, 1, most_steps);
    between("max_steps", max_steps, 0, most_steps);
    call.run_on(threads, [&](auto& steps, Blocks blocks, Work& work) {
        rnnlatch::settle(steps, tolerance, max_period, max_steps, blocks, work, call.results);
    });
    return call.out;
}

struct Orders {
    static constexpr char name[] = "1, 2";
};

// A direction: what it does not name stays where it is.
NetworkViews<const double> direction(const NetworkShape& shape, const py::dict& parameters, const py::dict& along,
                                     const char* what) {
    NetworkViews<const double> views;
    py::ssize_t known = 0;
    for (const auto& [name, rest] : parameter_shapes(shape, parameters)) {
        if (!along.contains(name.c_str())) continue;
        View<const double>& view = *parameter_view(views, name);
        view = view_of<double>(entry(along, name.c_str()), std::string(what) + "'s " + name, 1, rest);
        if (rest.size() == 1) view.stride[1] = 0;
        ++known;
    }
    if (known != static_cast<py::ssize_t>(along.size())) {
        throw py::value_error(std::string(what) + " names a parameter that the network does not have");
    }
    return views;
}

bool all_zero(const View<const double>& inputs, const NetworkShape& shape) {
    for (std::size_t b = 0; b < shape.batch; ++b) {
        for (std::size_t at = 0; at < shape.length * shape.inputs; ++at) {
            if (inputs.data[static_cast<std::ptrdiff_t>(b) * inputs.stride[0] +
                            static_cast<std::ptrdiff_t>(at / shape.inputs) * inputs.stride[1] +
                            static_cast<std::ptrdiff_t>(at % shape.inputs) * inputs.stride[2]] != 0) {
                return false;
            }
        }
    }
    return true;
}

ArrayResults<double> error_surface(const NetworkArguments& arguments, const py::dict& first, const py::dict& second,
                                   const NDArray<double>& x, const NDArray<double>& y, std::int64_t order,
                                   int threads) {
    NetworkCall<double> call(arguments, true);
    if (call.problem.shape.runs != 1) throw py::value_error("the run axis of weight_hh_l0 must be 1 long");
    SurfaceProblem problem{};
    problem.kind = call.structure.kind;
    problem.activation = call.structure.activation;
    problem.network = call.problem;
    NetworkShape& shape = problem.network.shape;
    problem.first = direction(shape, arguments.parameters, first, "first");
    problem.second = direction(shape, arguments.parameters, second, "second");
    if (shape.inputs && all_zero(call.problem.inputs, shape)) shape.inputs = 0;  // they add nothing
    const auto along = require(x, "x", {-1}), across = require(y, "y", {along.shape(0)});
    problem.x = along.data();
    problem.y = across.data();
    const py::ssize_t points = along.shape(0);
    problem.points = static_cast<std::size_t>(points);
    between("order", order, 1, 2);
    py::dict out;
    const auto add = [&](const char* name, const Shape& rest) {
        py::array_t<double> array(rest);
        out[name] = array;
        return array.mutable_data();
    };
    problem.loss = add("loss", {points});
    problem.gradient = add("gradient", {points, 2});
    if (order == 2) problem.curvature = add("curvature", {points, 3});
    Work work(blocks_of_surface<1>(problem.points));
    run(threads, work, py::none(), [&] {
        if (order == 2) {
            rnnlatch::error_surface<2>(problem, work);
        } else {
            rnnlatch::error_surface<1>(problem, work);
        }
    });
    return out;
}

}  // namespace

void bind_dynamics(py::module_& m) {
    using namespace py::literals;
    m.def("reach_points", &reach_points, "structure"_a, "parameters"_a, "inputs"_a, "starts"_a, "points"_a,
          "tolerance"_a, "max_steps"_a, "threads"_a, "same_step"_a = py::none(),
          "Which point each trajectory comes within the tolerance of first, and after how many steps.");
    m.def("settle", &settle, "structure"_a, "parameters"_a, "inputs"_a, "starts"_a, "tolerance"_a, "max_period"_a,
          "max_steps"_a, "threads"_a, "same_step"_a = py::none(),
          "Whether each trajectory comes back to where it was, with which period, and after how many steps.");
    m.def(
        "error_surface",
        [](const Described& structure, const Arrays<double>& parameters, const Arrays<double>& first,
           const Arrays<double>& second, const NDArray<double>& x, const NDArray<double>& y,
           const NDArray<double>& inputs, const NDArray<void>& targets, const Optional<NDArray<double>>& mask,
           const Optional<NDArray<std::int64_t>>& lengths, const Optional<Arrays<double>>& initial,
           const Literal<Orders>& order, int threads,
           const Optional<NDArray<std::uint8_t>>& same_step) -> ArrayResults<double> {
            return error_surface({structure, parameters, inputs, targets, mask, lengths, initial, same_step}, first,
                                 second, x, y, converted<std::int64_t>(order, "order", "integers"), threads);
        },
        "structure"_a, "parameters"_a, "first"_a, "second"_a, "x"_a, "y"_a, "inputs"_a, "targets"_a, "mask"_a,
        "lengths"_a, "initial"_a, "order"_a, "threads"_a, "same_step"_a = py::none(),
        "Losses of one network at parameters + x first + y second, and their derivatives by x and y.");
}

}  // namespace rnnlatch::bindings
