// SPDX-License-Identifier: MIT
// The network of an experiment: any layers, chosen when the program runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <lifelong/backend/openmp.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/criterion.hpp>
#include <lifelong/core/functional.hpp>
#include <lifelong/nn/loss.hpp>
#include <lifelong/nn/network.hpp>
#include <span>
#include <vector>

#include "layers.hpp"

namespace lab {

/// An `OutputFunctional` of any type.
class AnyFunctional {
 public:
  [[nodiscard]] virtual std::size_t cotangents(std::size_t outputs) const = 0;
  virtual void prepare(std::span<float> row, const lifelong::SampleContext<float>& sample) const = 0;
  virtual void cotangent(std::size_t k, std::span<const float> row, const lifelong::SampleContext<float>& sample,
                         std::span<float> delta) const = 0;

 protected:
  ~AnyFunctional() = default;
};

/// A `Criterion` of any type.
class AnyCriterion {
 public:
  [[nodiscard]] virtual double share(std::size_t n) const = 0;
  virtual double term(std::size_t n, std::span<const float> outputs, const lifelong::SampleContext<float>& sample,
                      std::span<float> cotangent) const = 0;

 protected:
  ~AnyCriterion() = default;
};

/// What is called in a backward pass with layers whose gradients are sums of outer products.
class AnyHook {
 public:
  using Flow = lifelong::nn::Flow<float>;
  using Rows = lifelong::nn::Rows<const float>;

  virtual void call(std::size_t l, const lifelong::nn::Linear& layer, const Flow& flow, Rows x, Rows dy) const = 0;
  virtual void call(std::size_t l, const lifelong::nn::Conv2d& layer, const Flow& flow, Rows x, Rows dy) const = 0;

 protected:
  ~AnyHook() = default;
};

/// `lifelong::nn::Network` of these layers, and to the bit. Its passes are compiled in network.cpp alone, and not again
/// for every method.
class Network : public lifelong::nn::Network<float, std::vector<Layer>, lifelong::nn::SoftmaxCrossEntropy,
                                             lifelong::backend::OpenMP> {
  using Base =
      lifelong::nn::Network<float, std::vector<Layer>, lifelong::nn::SoftmaxCrossEntropy, lifelong::backend::OpenMP>;
  using Batch = lifelong::Batch<float>;

 public:
  Network(lifelong::nn::Shape input, std::vector<Layer> layers, std::uint64_t seed, lifelong::backend::OpenMP backend);

  double gradient(const Batch& batch, std::span<float> out);
  double evaluation_gradient(const Batch& batch, std::span<float> out);
  double loss(const Batch& batch);
  void predict(const Batch& batch, std::span<float> out);
  void predict_features(const Batch& batch, std::span<float> out);
  void pullback(const Batch& batch, std::span<const float> cotangents, std::span<float> out);

  template <lifelong::Criterion<float> Criterion>
  double gradient(const Batch& batch, const Criterion& criterion, std::span<float> out) {
    return gradient_of(batch, CriterionOf<Criterion>(criterion), out);
  }
  template <lifelong::OutputFunctional Functional, class Moment>
  void accumulate_moment(const Batch& batch, const Functional& functional, Moment, std::span<float> out) {
    accumulate<Moment>(batch, FunctionalOf<Functional>(functional), out);
  }
  template <lifelong::OutputFunctional Functional, class Hook>
  void backpropagate(const Batch& batch, const Functional& functional, const Hook& hook) {
    backpropagate_to(batch, FunctionalOf<Functional>(functional), HookOf<Hook>(hook));
  }

 private:
  template <class Functional>
  class FunctionalOf final : public AnyFunctional {
   public:
    explicit FunctionalOf(const Functional& functional) : functional_(functional) {}
    [[nodiscard]] std::size_t cotangents(std::size_t outputs) const override { return functional_.cotangents(outputs); }
    void prepare(std::span<float> row, const lifelong::SampleContext<float>& sample) const override {
      functional_.prepare(row, sample);
    }
    void cotangent(std::size_t k, std::span<const float> row, const lifelong::SampleContext<float>& sample,
                   std::span<float> delta) const override {
      functional_.cotangent(k, row, sample, delta);
    }

   private:
    const Functional& functional_;
  };

  template <class Criterion>
  class CriterionOf final : public AnyCriterion {
   public:
    explicit CriterionOf(const Criterion& criterion) : criterion_(criterion) {}
    [[nodiscard]] double share(std::size_t n) const override { return criterion_.share(n); }
    double term(std::size_t n, std::span<const float> outputs, const lifelong::SampleContext<float>& sample,
                std::span<float> cotangent) const override {
      return criterion_.term(n, outputs, sample, cotangent);
    }

   private:
    const Criterion& criterion_;
  };

  template <class Hook>
  class HookOf final : public AnyHook {
   public:
    explicit HookOf(const Hook& hook) : hook_(hook) {}
    void call(std::size_t l, const lifelong::nn::Linear& layer, const Flow& flow, Rows x, Rows dy) const override {
      hook_(l, layer, flow, x, dy);
    }
    void call(std::size_t l, const lifelong::nn::Conv2d& layer, const Flow& flow, Rows x, Rows dy) const override {
      hook_(l, layer, flow, x, dy);
    }

   private:
    const Hook& hook_;
  };

  double gradient_of(const Batch& batch, const AnyCriterion& criterion, std::span<float> out);
  template <class Moment>
  void accumulate(const Batch& batch, const AnyFunctional& functional, std::span<float> out);
  void backpropagate_to(const Batch& batch, const AnyFunctional& functional, const AnyHook& hook);
};

}  // namespace lab
