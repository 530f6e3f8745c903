// SPDX-License-Identifier: MIT
// Everything that needs LibTorch.
#pragma once

#include <lifelong/adapter/torch/model.hpp>
