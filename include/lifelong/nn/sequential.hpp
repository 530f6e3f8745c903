// SPDX-License-Identifier: MIT
// Networks whose layers are fixed when the program is compiled.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstdint>
#include <tuple>
#include <utility>

#include <lifelong/nn/layer/activation.hpp>
#include <lifelong/nn/layer/layer.hpp>
#include <lifelong/nn/layer/linear.hpp>
#include <lifelong/nn/layer/shape.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/network.hpp>

namespace lifelong::nn {

/// `sequential<float>(Linear{784, 256}, ReLU{}, Linear{256, 10})`: a network of these layers in this order, seed 0.
/// \throws what `Network` throws.
template <class T, class... Layers>
requires(sizeof...(Layers) > 0 &&
         (!detail::is_tuple<Layers> && ...)) Network<T, std::tuple<Layers...>> sequential(Layers... layers) {
  return Network<T, std::tuple<Layers...>>(std::tuple<Layers...>(std::move(layers)...));
}

/// `sequential<float>(Shape{1, 28, 28}, Flatten{}, Linear{784, 10})`: the same with the shape of the inputs, for
/// networks whose first layer takes more than one.
template <class T, class... Layers>
requires(sizeof...(Layers) > 0 && (!detail::is_tuple<Layers> &&
                                   ...)) Network<T, std::tuple<Layers...>> sequential(Shape input, Layers... layers) {
  return Network<T, std::tuple<Layers...>>(input, std::tuple<Layers...>(std::move(layers)...));
}

/// `sequential<float>(std::tuple{Linear{8, 4}, Tanh{}}, 1, backend::OpenMP{2}, MeanSquaredError{})`: the same with a
/// seed, a backend and a loss.
template <class T, class Loss = SoftmaxCrossEntropy, class Backend = backend::Serial, class... Layers>
requires(sizeof...(Layers) > 0) Network<T, std::tuple<Layers...>, Loss, Backend> sequential(
    std::tuple<Layers...> layers, std::uint64_t seed, Backend backend = {}, Loss loss = {}) {
  return Network<T, std::tuple<Layers...>, Loss, Backend>(std::move(layers), seed, std::move(backend), std::move(loss));
}

/// The same with the shape of the inputs.
template <class T, class Loss = SoftmaxCrossEntropy, class Backend = backend::Serial, class... Layers>
requires(sizeof...(Layers) > 0) Network<T, std::tuple<Layers...>, Loss, Backend> sequential(
    Shape input, std::tuple<Layers...> layers, std::uint64_t seed, Backend backend = {}, Loss loss = {}) {
  return Network<T, std::tuple<Layers...>, Loss, Backend>(input, std::move(layers), seed, std::move(backend),
                                                          std::move(loss));
}

}  // namespace lifelong::nn

#include <lifelong/config/pop_macros.hpp>
