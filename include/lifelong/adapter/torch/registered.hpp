// SPDX-License-Identifier: MIT
// Which parameters a LibTorch module has, so that it is noticed when it has others.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <torch/nn.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lifelong/adapter/torch/guard.hpp>
#include <lifelong/core/error.hpp>

namespace lifelong::libtorch::detail {

/// The members through which layers of LibTorch's use the parameters that they have registered.
inline std::vector<std::pair<std::string, const Tensor*>> members_of(const ::torch::nn::Module& module) {
  namespace nn = ::torch::nn;
  std::vector<std::pair<std::string, const Tensor*>> members;
  const auto look = [&]<class... Layers>(std::type_identity<Layers>...) {
    const auto add = [&](const auto* layer) {
      if (layer == nullptr) return;
      members.emplace_back("weight", &layer->weight);
      if constexpr (requires { layer->bias; }) members.emplace_back("bias", &layer->bias);
    };
    (add(dynamic_cast<const Layers*>(&module)), ...);
  };
  look(std::type_identity<nn::LinearImpl>(), std::type_identity<nn::Conv1dImpl>(), std::type_identity<nn::Conv2dImpl>(),
       std::type_identity<nn::Conv3dImpl>(), std::type_identity<nn::BatchNorm1dImpl>(),
       std::type_identity<nn::BatchNorm2dImpl>(), std::type_identity<nn::BatchNorm3dImpl>(),
       std::type_identity<nn::LayerNormImpl>(), std::type_identity<nn::GroupNormImpl>(),
       std::type_identity<nn::EmbeddingImpl>());
  return members;
}

/// The parameters that a module had when it became a model.
class Registered {
 public:
  Registered() = default;
  explicit Registered(const ::torch::nn::Module& module) : learned_(learned_in(module)) {
    for (const auto& part : module.named_modules("", false)) watch(*part.value(), part.key() + ".");
    watch(module, "");
    require_used();
  }

  /// \throws InvalidArgument, which names the parameter, if others require a gradient now or a layer uses another one.
  void require_same(const ::torch::nn::Module& module) const {
    const auto same = [](const Tensor& a, const Tensor& b) { return a.is_same(b); };
    const std::vector<Tensor> now = learned_in(module);
    if (!std::equal(now.begin(), now.end(), learned_.begin(), learned_.end(), same)) {
      for (const auto& parameter : module.named_parameters())
        if (contains(learned_, parameter.value()) != parameter.value().requires_grad())
          refuse(parameter.key(), parameter.value().requires_grad() ? "requires a gradient that it did not require"
                                                                    : "no longer requires a gradient");
      raise<InvalidArgument>("the module has lost parameters: " + advice());
    }
    require_used();
  }

 private:
  struct Used {
    std::string name;
    const Tensor* member;
    Tensor parameter;
  };

  static std::vector<Tensor> learned_in(const ::torch::nn::Module& module) {
    std::vector<Tensor> learned = module.parameters();
    std::erase_if(learned, [](const Tensor& parameter) { return !parameter.requires_grad(); });
    return learned;
  }
  static bool contains(const std::vector<Tensor>& tensors, const Tensor& one) {
    return std::any_of(tensors.begin(), tensors.end(), [&](const Tensor& each) { return each.is_same(one); });
  }
  static std::string advice() { return "change, freeze or load a module before a model is made of it"; }
  [[noreturn]] static void refuse(const std::string& name, const char* what) {
    raise<InvalidArgument>(name + " " + what + ": " + advice());
  }

  void watch(const ::torch::nn::Module& module, const std::string& path) {
    const auto registered = module.named_parameters(false);
    for (const auto& [name, member] : members_of(module))
      if (const Tensor* parameter = registered.find(name)) used_.push_back({path + name, member, *parameter});
  }
  void require_used() const {
    for (const Used& one : used_)
      if (!one.member->is_same(one.parameter))
        refuse(one.name, "is not what its layer computes with: the member was assigned another tensor");
  }

  std::vector<Tensor> learned_;
  std::vector<Used> used_;
};

}  // namespace lifelong::libtorch::detail

#include <lifelong/config/pop_macros.hpp>
