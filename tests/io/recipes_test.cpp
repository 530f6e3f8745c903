// SPDX-License-Identifier: MIT
// Two recipes are compared setting by setting, and what may differ is said by name.
#include <lifelong/io/recipes.hpp>

#include <string>
#include <vector>

#include "catch.hpp"

namespace recipes_test {

namespace ll = lifelong;
using ll::io::io_detail::RecipeComparison;
using ll::io::io_detail::settings_of;

namespace {

/// The message for these recipes of a penalty, without its beginning and end; empty if they may be taken for another.
std::string difference(const std::string& in_file, const std::string& here,
                       const std::vector<std::string>& may_differ = {}) {
  RecipeComparison comparison("x", may_differ);
  try {
    comparison.compare("penalty", in_file, here);
  } catch (const ll::FormatError& error) {
    const std::string message = error.what(), begin = "'x': penalty: ", end = "; if that is intended, list ";
    REQUIRE(message.starts_with(begin));
    const std::size_t last = message.find(end);
    REQUIRE(last != std::string::npos);
    CHECK(message.ends_with(" in RestoreOptions.may_differ"));
    return message.substr(begin.size(), last - begin.size());
  }
  comparison.require_all_used();
  return "";
}

}  // namespace

TEST_CASE("a recipe is taken apart at its commas and parentheses") {
  std::vector<std::string> texts;
  for (const auto& setting : settings_of("Sum(1 A(x 2), b) to the end"))
    texts.push_back(std::to_string(setting.depth) + " " + std::string(setting.text));
  CHECK(texts == std::vector<std::string>{"0 Sum", "1 1 A", "2 x 2", "1 b", "0 to the end"});
  CHECK(settings_of("").empty());
  CHECK(settings_of(")(,, )").empty());
}

TEST_CASE("the first difference is named with both values") {
  const std::string quadratic = "Quadratic(strength 3, anchor last)";
  CHECK(difference(quadratic, quadratic).empty());
  CHECK(difference(quadratic, "Quadratic(strength 300, anchor last)") ==
        "strength is 3 in the file and 300 in the learner");
  CHECK(difference(quadratic, "Quadratic(strength 3, anchor per task)") ==
        "anchor is last in the file and per task in the learner");
  CHECK(difference(quadratic, "Huber(strength 3, threshold 0.01)") ==
        "there is 'Quadratic' in the file and 'Huber' in the learner");
  CHECK(difference(quadratic, quadratic + ", importance in bfloat16") ==
        "there is nothing in the file and 'importance in bfloat16' in the learner");
  CHECK(difference("", quadratic) == "there is nothing in the file and 'Quadratic' in the learner");
  CHECK(difference("A(xi 1, ceiling 2)", "A(xi 1)") == "there is 'ceiling 2' in the file and nothing in the learner");
  CHECK(difference("Fisher(Gaussian(variance 1), labels exact)", "Fisher(Gaussian(variance 2), labels exact)") ==
        "Gaussian: variance is 1 in the file and 2 in the learner");
  CHECK(difference("A(merge sum)", "A(merge decay 0.9)") == "merge is sum in the file and decay 0.9 in the learner");
  CHECK(difference("A(b, c)", "A(b), c") == "there is 'c' in the file and 'c' in the learner");
}

TEST_CASE("the name to list is in the message") {
  RecipeComparison comparison("x", {});
  const auto message = [&](const std::string& here) {
    return test::message_of<ll::FormatError>([&] { comparison.compare("optimizer", "Adam(learning rate 0.1)", here); });
  };
  CHECK_THAT(message("Adam(learning rate 0.2)"),
             test::ContainsSubstring("list \"optimizer.learning rate\" in RestoreOptions.may_differ"));
  CHECK_THAT(message("AdamW(learning rate 0.1)"), test::ContainsSubstring("list \"optimizer\" in"));
}

TEST_CASE("what may differ is said by its name, with or without its part") {
  const std::string a = "Sgd(learning rate 0.1, weight decay 1, seed 1)", b = "Sgd(learning rate 0.2, weight decay 2)";
  for (const std::string part : {"", "penalty."})
    CHECK(difference(a, b, {part + "learning rate", part + "weight decay", part + "seed"}).empty());
  CHECK(difference(a, b, {"penalty"}).empty());
  CHECK(difference("", b, {"penalty"}).empty());
  CHECK(difference(a, b, {"learning rate", "seed"}) == "weight decay is 1 in the file and 2 in the learner");
  CHECK(difference("A(c 1, x 1)", "A(x 1)", {"c"}).empty());
  CHECK(difference("A(x 1)", "A(c 1, x 1)", {"c"}).empty());
  CHECK(difference("A(guarded, x 1)", "A(x 1)", {"guarded"}).empty());
  CHECK(difference(a, b, {"optimizer", "optimizer.seed"}) == "learning rate is 0.1 in the file and 0.2 in the learner");
  CHECK(difference("A(importance 1)", "A(importance 2)", {"importance"}) ==
        "importance is 1 in the file and 2 in the learner");  // that is a part, and this is not it
}

TEST_CASE("a name that stands for nothing is refused") {
  const std::string recipe = "Quadratic(strength 3, anchor last)";
  for (const char* name :
       {"strenght", "stren", "optimizer.strength", "penalty.", "", "3", "penalty.last", "Strength"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(difference(recipe, recipe, {name}), ll::InvalidArgument);
  }
  CHECK(test::message_of<ll::InvalidArgument>([&] {
          (void)difference(recipe, recipe, {"strength", "strenght"});
        }) == "RestoreOptions.may_differ: 'strenght' is no setting of the learner or of 'x'");
}

}  // namespace recipes_test
