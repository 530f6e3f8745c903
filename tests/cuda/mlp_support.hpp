// SPDX-License-Identifier: MIT
// Networks on the device of a test, and what they compute, copied to the host.
#pragma once

#include <lifelong/core/batch.hpp>
#include <lifelong/cuda/batch.cuh>
#include <lifelong/cuda/mlp.cuh>

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "catch.hpp"
#include "device_parameters.hpp"
#include "simulated.hpp"

namespace test {

#if defined(__CUDACC__)
using MlpSystem = lifelong::cuda::Device;
#else
using MlpSystem = Simulated;
#endif
using MlpBackend = lifelong::cuda::BasicBackend<MlpSystem>;

template <class T, class Loss = lifelong::nn::SoftmaxCrossEntropy>
using Mlp = lifelong::cuda::Mlp<T, Loss, MlpSystem>;

template <class Net>
std::vector<typename Net::value_type> parameters_of(const Net& net) {
  std::vector<typename Net::value_type> values(net.parameters().size());
  net.copy_parameters(values);
  return values;
}

/// What `call(out)` writes to an array on the device that is 7 everywhere, as long as the parameters.
template <class Net, class Call>
std::vector<typename Net::value_type> written_by(const Net& net, const Call& call, double before = 7) {
  using T = typename Net::value_type;
  const std::size_t count = net.parameters().size();
  auto out = on_device(net.backend(), std::vector<T>(count, static_cast<T>(before)));
  call(std::span<T>(out.data(), count));
  std::vector<T> values(count);
  net.backend().copy_out(static_cast<const T*>(out.data()), std::span<T>(values));
  return values;
}

template <class Net, class B>
std::vector<typename Net::value_type> gradient_of(Net& net, const B& batch) {
  return written_by(net, [&](auto out) { net.gradient(batch, out); });
}
template <class Net, class B, class Functional, class Moment>
std::vector<typename Net::value_type> moment_of(Net& net, const B& batch, const Functional& functional, Moment moment) {
  return written_by(
      net, [&](auto out) { net.accumulate_moment(batch, functional, moment, out); }, 0);
}
template <class Net, class B>
std::vector<typename Net::value_type> outputs_of(Net& net, const B& batch) {
  std::vector<typename Net::value_type> outputs(batch.size * net.outputs());
  net.predict(batch, outputs);
  return outputs;
}

/// max |a - b| / max |b|.
template <class A, class B>
double distance(const std::vector<A>& a, const std::vector<B>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0, worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    worst = error <= worst ? worst : error;  // a NaN stays
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
  }
  REQUIRE(largest > 0);
  return worst / largest;
}

/// A batch on the host with its inputs on the device.
template <class T>
struct MovedBatch {
  MovedBatch(const MlpBackend& backend, const lifelong::Batch<T>& host)
      : inputs(on_device(backend, std::vector<T>(host.inputs.begin(), host.inputs.end()))),
        batch(lifelong::cuda::Batch<T>::of(host, host.features, inputs.data())) {}

  lifelong::cuda::Array<T, MlpSystem> inputs;
  lifelong::cuda::Batch<T> batch;
};

}  // namespace test
