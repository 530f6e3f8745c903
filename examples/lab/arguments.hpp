// SPDX-License-Identifier: MIT
// What the options of all subcommands share.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <lifelong/core/error.hpp>
#include <string>
#include <utility>
#include <vector>

#include "text.hpp"

namespace lab {

/// The words of the command line for the values of an enumeration.
template <class E>
using Names = std::vector<std::pair<std::string, E>>;

/// \throws lifelong::InvalidArgument listing the names if `text` is none; `what` is the option.
template <class E>
E value_of(const Names<E>& names, const std::string& what, const std::string& text) {
  std::vector<std::string> known;
  for (const auto& [name, value] : names) {
    if (name == text) return value;
    known.push_back(name);
  }
  throw lifelong::InvalidArgument(fmt::format("{} knows no '{}', only {}", what, text, joined(known)));
}

template <class E>
std::string name_in(const Names<E>& names, E value) {
  return std::find_if(names.begin(), names.end(), [&](const auto& entry) { return entry.second == value; })->first;
}

/// An option that may be given again, the last one wins.
inline CLI::Option* add(CLI::App& app, const char* name, std::string& value, const char* type,
                        const std::string& help) {
  return app.add_option(name, value, help)
      ->type_name(type)
      ->capture_default_str()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

}  // namespace lab
