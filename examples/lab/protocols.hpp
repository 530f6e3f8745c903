// SPDX-License-Identifier: MIT
// Published experiments: how they are run here, and what was reported of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace lab {

/// What others report of a method, in percent, and where.
struct Published {
  std::string method;  ///< as it is called here
  double accuracy;
  std::string source;
};

/// One stream of an experiment.
struct Part {
  std::string name;
  std::vector<std::string> arguments;  ///< of `lifelong-lab run`, without data, seeds and folder
  std::vector<Published> published;
};

struct Protocol {
  std::string name;
  std::string description;
  std::string dataset;  ///< by default
  std::vector<Part> parts;
};

const std::vector<Protocol>& protocols();

/// \throws lifelong::InvalidArgument listing the protocols if there is none of this name.
const Protocol& protocol_called(const std::string& name);

}  // namespace lab
