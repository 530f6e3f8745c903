// Everything that needs LibTorch.
#pragma once

#include <lifelong/torch/model.hpp>
