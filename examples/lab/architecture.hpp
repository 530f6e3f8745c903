// SPDX-License-Identifier: MIT
// The layers of a network in a short JSON, by the names that its state_dict has for them.
#pragma once

#include <lifelong/nn/layer/shape.hpp>
#include <string>
#include <vector>

#include "model.hpp"

namespace lab {

struct NamedLayer {
  std::string kind;  ///< as the JSON has it: `linear`
  std::string name;  ///< of its tensors without `.weight`: `fc1`; empty for a layer without parameters
  AnyLayer layer;    ///< its settings; channels and widths are 0, as they come from the tensors
};

struct Architecture {
  std::string source;              ///< what errors call it
  lifelong::nn::Shape input;       ///< of a sample; `Shape{}` if it is not said
  std::vector<NamedLayer> layers;  ///< at least one with a name, and no name twice
};

/// `{"input": [1, 28, 28], "layers": [{"conv2d": "conv1", "padding": 1}, "relu", "flatten", {"linear": "fc"}]}`; the
/// table of layers and their settings is in docs/pytorch.md. \throws lifelong::FormatError for anything else, which
/// names the layer and what can be said there.
Architecture parse_architecture(const std::string& json, const std::string& source);

/// The same from a file. \throws lifelong::FileError if it cannot be read.
Architecture read_architecture(const std::string& path);

}  // namespace lab
