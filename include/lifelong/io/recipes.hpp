// SPDX-License-Identifier: MIT
// Compares the recipes of two learners, part by part, and says in which setting they differ.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lifelong/core/error.hpp>
#include <lifelong/io/scanner.hpp>

namespace lifelong::io::io_detail {

/// What stands in a recipe between commas and parentheses: a setting, such as `strength 3`, or the name of a policy.
struct Setting {
  std::size_t depth;  ///< number of parentheses around it
  std::string_view text;

  friend bool operator==(const Setting&, const Setting&) = default;
};

/// `Quadratic(strength 3, anchor last)` has the settings `Quadratic`, `strength 3` and `anchor last`.
inline std::vector<Setting> settings_of(std::string_view recipe) {
  std::vector<Setting> settings;
  std::size_t depth = 0;
  while (!recipe.empty()) {
    const std::size_t end = std::min(recipe.find_first_of("(),"), recipe.size());
    std::string_view text = recipe.substr(0, end);
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    if (!text.empty()) settings.push_back({depth, text});
    if (end == recipe.size()) break;
    if (recipe[end] == '(') ++depth;
    if (recipe[end] == ')' && depth > 0) --depth;
    recipe.remove_prefix(end + 1);
  }
  return settings;
}

/// Whether `text` begins with these words or is them.
inline bool begins_with(std::string_view text, std::string_view words) {
  return text == words || (text.starts_with(words) && text.substr(words.size()).starts_with(' '));
}

/// The words with which both begin, if something follows in both: `strength` of `strength 3` and `strength 300`.
inline std::string_view common_words(std::string_view a, std::string_view b) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()) && a[i] == b[i]; ++i)
    if (a[i] == ' ') end = i;
  return a.substr(0, end);
}

/// Compares part by part what a file says with what a learner says.
class RecipeComparison {
 public:
  /// `file` is the name of the file, `may_differ` the names of settings, alone or behind that of their part
  /// (`penalty.strength`), and of whole parts.
  RecipeComparison(std::string file, const std::vector<std::string>& may_differ)
      : file_(std::move(file)), may_differ_(may_differ), used_(may_differ.size()) {}

  /// \throws FormatError, which names part, setting and both values, if the recipes of `part` differ where they may
  /// not.
  void compare(std::string_view part, std::string_view in_file, std::string_view here) {
    const std::vector<Setting> theirs = remaining(part, in_file), ours = remaining(part, here);
    if (allows(part, part)) return;
    for (std::size_t i = 0; i < std::max(theirs.size(), ours.size()); ++i) {
      const std::string_view a = i < theirs.size() ? theirs[i].text : "", b = i < ours.size() ? ours[i].text : "";
      if (i >= theirs.size() || i >= ours.size() || theirs[i] != ours[i])
        refuse(std::string(part), owner_of(i < ours.size() ? ours : theirs, i), common_words(a, b), a, b);
    }
  }

  /// The same for texts without settings.
  void compare_texts(std::string_view part, std::string_view in_file, std::string_view here) {
    if (!allows(part, part) && in_file != here) refuse(std::string(part), "", "", in_file, here);
  }

  /// \throws InvalidArgument for a name in `may_differ` that stands for nothing in any recipe.
  void require_all_used() const {
    for (std::size_t k = 0; k < used_.size(); ++k)
      if (!used_[k])
        lifelong::detail::raise<InvalidArgument>("RestoreOptions.may_differ: " + in_quotes(may_differ_[k]) +
                                                 " is no setting of the learner or of '" + file_ + "'");
  }

 private:
  /// Whether the setting or part `text` of `part` may differ; then the name that says so is of use.
  bool allows(std::string_view part, std::string_view text) {
    bool any = false;
    for (std::size_t k = 0; k < used_.size(); ++k) {
      std::string_view name = may_differ_[k];
      if (name.size() > part.size() && name.starts_with(part) && name[part.size()] == '.')
        name.remove_prefix(part.size() + 1);
      if (name.empty() || !begins_with(text, name) || (is_part(may_differ_[k]) && text != part)) continue;
      used_[k] = true;
      any = true;
    }
    return any;
  }
  static bool is_part(std::string_view name) {
    constexpr std::string_view parts[] = {"model", "importance", "penalty", "optimizer", "rehearsal", "scope"};
    return std::ranges::find(parts, name) != std::end(parts);
  }

  /// The settings that must be the same.
  std::vector<Setting> remaining(std::string_view part, std::string_view recipe) {
    std::vector<Setting> settings = settings_of(recipe);
    std::erase_if(settings, [&](const Setting& setting) { return allows(part, setting.text); });
    return settings;
  }

  /// The policy or layer within the part to which setting `i` belongs, if it is not the part itself: `Gaussian: `.
  static std::string owner_of(const std::vector<Setting>& settings, std::size_t i) {
    for (std::size_t k = i; settings[i].depth > 1 && k-- > 0;)
      if (settings[k].depth < settings[i].depth) return std::string(settings[k].text) + ": ";
    return "";
  }

  /// Refuses `a` in the file and `b` in the learner, which both begin with `name`.
  [[noreturn]] void refuse(const std::string& part, const std::string& owner, std::string_view name, std::string_view a,
                           std::string_view b) const {
    const auto value = [&](std::string_view text) {
      if (text.empty()) return std::string("nothing");
      return name.empty() ? in_quotes(text) : std::string(text.substr(name.size() + 1));
    };
    const std::string setting(name);
    lifelong::detail::raise<FormatError>(
        "'" + file_ + "': " + part + ": " + owner + (name.empty() ? "there is " : setting + " is ") + value(a) +
        " in the file and " + value(b) + " in the learner; if that is intended, list \"" + part +
        (name.empty() ? "" : "." + setting) + "\" in RestoreOptions.may_differ");
  }

  std::string file_;
  const std::vector<std::string>& may_differ_;
  std::vector<bool> used_;
};

}  // namespace lifelong::io::io_detail

#include <lifelong/config/pop_macros.hpp>
