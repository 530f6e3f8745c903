// SPDX-License-Identifier: MIT
// The network of an experiment in a short JSON: all layers but the last, whose outputs the tasks say.
#pragma once

#include <string>

namespace lab {

/// `{"input": [1, 28, 28], "layers": [{"conv2d": 16, "kernel": 3}, "relu", {"max_pool": 2}, "flatten"]}`; the table of
/// layers is in docs/laboratory.md.
struct NetworkFile {
  std::string path;
  std::string text;
};

/// \throws lifelong::FileError if it cannot be read; FormatError if it describes no network, which names the layer and
/// what can be said there.
NetworkFile read_network(const std::string& path);

}  // namespace lab
