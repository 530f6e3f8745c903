// SPDX-License-Identifier: MIT
// Settings of layers that do not depend on where their sizes come from.
#pragma once

#include <lifelong/nn/layer/convolution.hpp>
#include <lifelong/nn/layer/group_norm.hpp>
#include <string>

#include "json_members.hpp"

namespace lab {

template <class Norm>
Norm normalization(JsonMembers& members) {
  Norm layer;
  layer.epsilon = members.positive("epsilon", layer.epsilon);
  return layer;
}

template <class Pool>
Pool pooling(JsonMembers& members, const std::string& kind) {
  const lifelong::nn::Sides kernel = members.sides(kind, 0);
  return {.kernel = kernel, .stride = members.sides("stride", kernel), .padding = members.sides("padding", 0)};
}

inline lifelong::nn::Conv2d convolution(JsonMembers& members) {
  return {.kernel = members.sides("kernel", 0),  // 0: that of the tensor
          .stride = members.sides("stride", 1),
          .padding = members.sides("padding", 0),
          .groups = members.number("groups", 1)};
}

inline lifelong::nn::GroupNorm group_norm(JsonMembers& members) {
  auto layer = normalization<lifelong::nn::GroupNorm>(members);
  layer.groups = members.number("groups", 0);
  return layer;
}

}  // namespace lab
