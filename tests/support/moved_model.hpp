// SPDX-License-Identifier: MIT
// Models for backends whose memory the host does not touch.
#pragma once

#include <lifelong/backend/backend.hpp>
#include <lifelong/core/batch.hpp>
#include <lifelong/core/layout.hpp>

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace test {

/// A model of the host whose parameters, gradients and moments lie where a backend has its arrays; outputs and
/// cotangents stay on the host. The passes of the host's model stand for kernels.
template <class Host, class Backend>
class MovedModel {
  using T = typename Host::value_type;
  using Batch = lifelong::Batch<T>;

 public:
  using value_type = T;

  explicit MovedModel(Host host, Backend backend = {}) : host_(std::move(host)), backend_(std::move(backend)) {
    take_parameters();
  }

  [[nodiscard]] std::span<T> parameters() { return {theta_.data(), theta_.size()}; }
  [[nodiscard]] std::size_t outputs() const { return host_.outputs(); }

  double gradient(const Batch& batch, std::span<T> out) {
    double loss = 0;
    run(out, [&](std::span<T> values) { loss = host_.gradient(batch, values); });
    return loss;
  }
  void predict(const Batch& batch, std::span<T> out) {
    give_parameters();
    host_.predict(batch, out);
  }
  void pullback(const Batch& batch, std::span<const T> cotangents, std::span<T> out) {
    run(out, [&](std::span<T> values) { host_.pullback(batch, cotangents, values); });
  }

 protected:
  /// Copies the parameters to the host's model.
  void give_parameters() { backend_.copy_out(theta_.data(), std::span<T>(host_.parameters())); }
  /// Copies the parameters from the host's model.
  void take_parameters() {
    const std::span<const T> parameters = host_.parameters();
    theta_.resize(parameters.size());
    backend_.copy_in(parameters, theta_.data());
  }
  /// Calls `pass(values)` with a copy of `out` on the host, and copies the values back.
  template <class Pass>
  void run(std::span<T> out, const Pass& pass) {
    give_parameters();
    std::vector<T> values(out.size());
    backend_.copy_out(out.data(), std::span<T>(values));
    pass(std::span<T>(values));
    backend_.copy_in(std::span<const T>(values), out.data());
  }

  Host host_;
  Backend backend_;
  lifelong::ArrayOf<Backend, T> theta_;
};

/// The same for an `nn::Network`, with all members that importances and learners ask for.
template <class Host, class Backend>
class MovedNetwork : public MovedModel<Host, Backend> {
  using T = typename Host::value_type;
  using Batch = lifelong::Batch<T>;

 public:
  using MovedModel<Host, Backend>::MovedModel;

  [[nodiscard]] std::size_t inputs() const { return this->host_.inputs(); }

  void grow(std::size_t outputs) {
    this->give_parameters();
    this->host_.grow(outputs);
    this->take_parameters();
  }
  void evaluation_gradient(const Batch& batch, std::span<T> out) {
    this->run(out, [&](std::span<T> values) { this->host_.evaluation_gradient(batch, values); });
  }
  template <class Functional, class Moment>
  void accumulate_moment(const Batch& batch, const Functional& functional, Moment moment, std::span<T> out) {
    this->run(out, [&](std::span<T> values) { this->host_.accumulate_moment(batch, functional, moment, values); });
  }
  template <class Functional, class Moment>
  void accumulate_local_moment(const Batch& batch, const Functional& functional, Moment moment, std::span<T> out) {
    this->run(out,
              [&](std::span<T> values) { this->host_.accumulate_local_moment(batch, functional, moment, values); });
  }
  /// Tells the hook of the parameters of this model, not of those of the host's.
  template <class Functional, class Hook>
  void backpropagate(const Batch& batch, const Functional& functional, const Hook& hook) {
    this->give_parameters();
    const T* const first = this->host_.parameters().data();
    this->host_.backpropagate(batch, functional,
                              [&](std::size_t l, const auto& layer, auto flow, const auto& x, const auto& dy) {
                                const auto offset = static_cast<std::size_t>(flow.theta.data() - first);
                                flow.theta = this->parameters().subspan(offset, flow.theta.size());
                                hook(l, layer, std::as_const(flow), x, dy);
                              });
  }

  [[nodiscard]] const lifelong::Layout& layout() const { return this->host_.layout(); }
  [[nodiscard]] std::span<T> buffers() { return this->host_.buffers(); }
  [[nodiscard]] const lifelong::Layout& buffer_layout() const { return this->host_.buffer_layout(); }
  [[nodiscard]] const auto& backend() const { return this->host_.backend(); }
  [[nodiscard]] const auto& loss_function() const { return this->host_.loss_function(); }
  template <class Number>
  void visit_state(const Number& number) {
    this->host_.visit_state(number);
  }
};

}  // namespace test
