// The network of a call as the matrix driver takes it.
#pragma once

#include <string>
#include <utility>

#include "bindings/networks.hpp"
#include "cells/gru.hpp"
#include "cells/lstm.hpp"
#include "cells/vanilla_rnn.hpp"
#include "drivers/network_matrix.hpp"

namespace rnnlatch::bindings {

template <class Scalar>
PointwiseCell<Scalar> pointwise_cell(const Structure& structure) {
    if (structure.kind == CellKind::lstm) return pointwise<LSTM, Scalar>();
    if (structure.kind == CellKind::gru) return pointwise<GRU, Scalar>();
    switch (structure.activation) {
        case Activation::logistic:
            return pointwise<VanillaRNN<Activation::logistic>, Scalar>();
        case Activation::relu:
            return pointwise<VanillaRNN<Activation::relu>, Scalar>();
        case Activation::linear:
            return pointwise<VanillaRNN<Activation::linear>, Scalar>();
        case Activation::sign:
            return pointwise<VanillaRNN<Activation::sign>, Scalar>();
        default:
            return pointwise<VanillaRNN<Activation::tanh>, Scalar>();
    }
}

// pointer_to(name, shape) gives the numbers of a parameter, which must stay where they are.
template <class Scalar, class PointerTo>
Network<Scalar> network_of(const Structure& structure, const PointerTo& pointer_to) {
    const NetworkShape& shape = structure.shape;
    if (shape.diagonal && shape.gates > 1) throw py::value_error("diagonal is 1, which only VanillaRNN has");
    Network<Scalar> network{};
    network.cell = pointwise_cell<Scalar>(structure);
    network.inputs = shape.inputs, network.hidden = shape.hidden, network.outputs = shape.outputs;
    network.diagonal = shape.diagonal, network.read_unit = shape.read_unit;
    const std::pair<const char*, const Scalar**> places[] = {
        {"weight_ih_l0", &network.weight_ih}, {"weight_hh_l0", &network.weight_hh}, {"bias_ih_l0", &network.bias_ih},
        {"bias_hh_l0", &network.bias_hh},     {"weight_out", &network.weight_out},  {"bias_out", &network.bias_out}};
    for (const auto& [name, wanted] : parameter_shapes(shape)) {
        for (const auto& [each, place] : places) {
            if (name == each) *place = pointer_to(each, wanted);
        }
    }
    return network;
}

}  // namespace rnnlatch::bindings
