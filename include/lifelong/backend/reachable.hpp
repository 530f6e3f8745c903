// SPDX-License-Identifier: MIT
// Whether the loops of a backend can reach the parameters of a model.
#pragma once

#include <lifelong/config/push_macros.hpp>

namespace lifelong::detail {

/// Asks both, if they can tell: a model by `require_backend(backend)`, and a backend by `require_reachable(place,
/// what)`. Each throws InvalidArgument, which says where the parameters lie and what to do, unless it fits.
template <class Model, class Backend>
void require_reachable([[maybe_unused]] Model& model, [[maybe_unused]] const Backend& backend) {
  if constexpr (requires { model.require_backend(backend); }) model.require_backend(backend);
  if constexpr (requires { backend.require_reachable(model.parameters().data(), ""); })
    backend.require_reachable(model.parameters().data(), "the model's parameters");
}

}  // namespace lifelong::detail

#include <lifelong/config/pop_macros.hpp>
