// SPDX-License-Identifier: MIT
// Where the layers of `AnyNetwork` are instantiated.
#include <lifelong/nn.hpp>

#include "any_network.hpp"

namespace test {

namespace {

/// What a network takes for a functional.
struct Forwarded {
  const AnyFunctional& to;
  std::size_t cotangents(std::size_t outputs) const { return to.cotangents(outputs); }
  template <class T>
  void prepare(std::span<T> row, const lifelong::SampleContext<T>& sample) const {
    to.prepare(row, sample);
  }
  template <class T>
  void cotangent(std::size_t k, std::span<const T> row, const lifelong::SampleContext<T>& sample,
                 std::span<T> delta) const {
    to.cotangent(k, row, sample, delta);
  }
};

}  // namespace

template <class T, class Loss>
AnyNetwork<T, Loss>::AnyNetwork(std::vector<AnyLayer<T>> layers, std::uint64_t seed, AnyBackend backend)
    : Base(std::move(layers), seed, backend) {}

template <class T, class Loss>
AnyNetwork<T, Loss>::AnyNetwork(lifelong::nn::Shape input, std::vector<AnyLayer<T>> layers, std::uint64_t seed,
                                AnyBackend backend)
    : Base(input, std::move(layers), seed, backend) {}

template <class T, class Loss>
void AnyNetwork<T, Loss>::grow(std::size_t outputs) {
  Base::grow(outputs);
}

template <class T, class Loss>
double AnyNetwork<T, Loss>::gradient(const Batch& batch, std::span<T> out) {
  return Base::gradient(batch, out);
}

template <class T, class Loss>
double AnyNetwork<T, Loss>::evaluation_gradient(const Batch& batch, std::span<T> out) {
  return Base::evaluation_gradient(batch, out);
}

template <class T, class Loss>
double AnyNetwork<T, Loss>::loss(const Batch& batch) {
  return Base::loss(batch);
}

template <class T, class Loss>
void AnyNetwork<T, Loss>::predict(const Batch& batch, std::span<T> out) {
  Base::predict(batch, out);
}

template <class T, class Loss>
void AnyNetwork<T, Loss>::pullback(const Batch& batch, std::span<const T> cotangents, std::span<T> out) {
  Base::pullback(batch, cotangents, out);
}

template <class T, class Loss>
template <class Moment>
void AnyNetwork<T, Loss>::accumulate(const Batch& batch, const AnyFunctional& functional, std::span<T> out) {
  Base::accumulate_moment(batch, Forwarded{functional}, Moment{}, out);
}

template <class T, class Loss>
template <class Moment>
void AnyNetwork<T, Loss>::accumulate_local(const Batch& batch, const AnyFunctional& functional, std::span<T> out) {
  Base::accumulate_local_moment(batch, Forwarded{functional}, Moment{}, out);
}

#define LIFELONG_TEST_INSTANTIATE(pass, Moment, T, Loss)                                                     \
  template void AnyNetwork<T, lifelong::nn::Loss>::pass<lifelong::moment::Moment>(const lifelong::Batch<T>&, \
                                                                                  const AnyFunctional&, std::span<T>)

template class AnyNetwork<float>;
LIFELONG_TEST_INSTANTIATE(accumulate, Sum, float, SoftmaxCrossEntropy);
LIFELONG_TEST_INSTANTIATE(accumulate, Square, float, SoftmaxCrossEntropy);
LIFELONG_TEST_INSTANTIATE(accumulate, Absolute, float, SoftmaxCrossEntropy);

template class AnyNetwork<double>;
LIFELONG_TEST_INSTANTIATE(accumulate, Sum, double, SoftmaxCrossEntropy);
LIFELONG_TEST_INSTANTIATE(accumulate, Square, double, SoftmaxCrossEntropy);
LIFELONG_TEST_INSTANTIATE(accumulate, Absolute, double, SoftmaxCrossEntropy);
LIFELONG_TEST_INSTANTIATE(accumulate_local, Sum, double, SoftmaxCrossEntropy);
LIFELONG_TEST_INSTANTIATE(accumulate_local, Absolute, double, SoftmaxCrossEntropy);

template class AnyNetwork<double, lifelong::nn::MeanSquaredError>;
LIFELONG_TEST_INSTANTIATE(accumulate, Square, double, MeanSquaredError);

}  // namespace test
