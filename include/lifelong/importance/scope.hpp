// SPDX-License-Identifier: MIT
// Which parameters have an importance.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <lifelong/core/layout.hpp>

namespace lifelong {

/// A rule over named blocks: all of them or only some by name, without the heads, the normalisation layers or others by
/// name. Parameters outside have importance 0, so no penalty holds them. A name stands for its block and for all blocks
/// below it: `2` stands for `2.weight` and `2.0.bias`. Rules can be combined:
/// `Scope::all().without_heads().without({"0"})`.
class Scope {
 public:
  static Scope all() { return {}; }
  /// Only the blocks of these names.
  static Scope only(std::vector<std::string> names) {
    Scope scope;
    scope.only_ = std::move(names);
    scope.all_ = false;
    return scope;
  }

  /// Leaves out the layer that makes the outputs. Tasks with a head of their own need no protection there.
  [[nodiscard]] Scope without_heads() const {
    Scope scope = *this;
    scope.heads_ = false;
    return scope;
  }
  /// Leaves out the scales and shifts of normalisation layers.
  [[nodiscard]] Scope without_norms() const {
    Scope scope = *this;
    scope.norms_ = false;
    return scope;
  }
  /// Leaves out the blocks of these names as well.
  [[nodiscard]] Scope without(const std::vector<std::string>& names) const {
    Scope scope = *this;
    for (const std::string& name : names) scope.without_.push_back(name);
    return scope;
  }

  [[nodiscard]] bool contains(const Block& block) const {
    if (!heads_ && block.head) return false;
    if (!norms_ && block.kind == BlockKind::normalization) return false;
    return (all_ || named(only_, block)) && !named(without_, block);
  }

  /// The first of the rule's names that stands for no block of `layout`; empty if all stand for some.
  [[nodiscard]] std::string unknown_name(const Layout& layout) const {
    for (const auto* names : {&only_, &without_})
      for (const std::string& name : *names) {
        bool found = false;
        for (const Block& block : layout.blocks()) found = found || block.is_named(name);
        if (!found) return name;
      }
    return {};
  }

  /// The rule as recipes print it: `all parameters`, `all parameters without heads`, `only 0, 2`.
  [[nodiscard]] std::string text() const {
    std::string line = all_ ? "all parameters" : "only " + joined(only_);
    if (!heads_) line += " without heads";
    if (!norms_) line += " without norms";
    if (!without_.empty()) line += " without " + joined(without_);
    return line;
  }

 private:
  static bool named(const std::vector<std::string>& names, const Block& block) {
    for (const std::string& name : names)
      if (block.is_named(name)) return true;
    return false;
  }
  static std::string joined(const std::vector<std::string>& names) {
    std::string line;
    for (const std::string& name : names) line += (line.empty() ? "" : ", ") + name;
    return line;
  }

  bool all_ = true, heads_ = true, norms_ = true;
  std::vector<std::string> only_, without_;
};

}  // namespace lifelong

#include <lifelong/config/pop_macros.hpp>
