// SPDX-License-Identifier: MIT
// The reference files in tests/data.
#pragma once

#include <cstdint>
#include <lifelong/io/safetensors.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace test {

class Safetensors {
 public:
  explicit Safetensors(const std::string& path) : file_(lifelong::io::read_safetensors(path)) {}

  nlohmann::json metadata() const { return nlohmann::json::parse(file_.metadata().at("case")); }
  bool has(const std::string& name) const { return file_.contains(name); }
  std::vector<double> doubles(const std::string& name) const { return file_.values<double>(name); }
  std::vector<std::int32_t> integers(const std::string& name) const { return file_.values<std::int32_t>(name); }

 private:
  lifelong::io::Safetensors file_;
};

}  // namespace test
