// SPDX-License-Identifier: MIT
// The report's numbers, by hand; and what it does with results that cannot be meant.
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "finished.hpp"
#include "idx_files.hpp"
#include "program.hpp"
#include "report_data.hpp"
#include "statistics.hpp"

namespace report_test {

namespace {

using Json = nlohmann::ordered_json;
using test::ContainsSubstring;
using test::Folder;

/// Two tasks of two epochs, two methods: one with the seeds 1 and 2, and joint training with one.
Json small_results() {
  const auto run = [](const char* method, int seed, const Json& matrix, const Json& curve, double average) {
    return Json{{"method", method},
                {"seed", seed},
                {"strength", nullptr},
                {"settings", std::string("the recipe of ") + method},
                {"initial_accuracy", {0.1, 0.2}},
                {"accuracy_matrix", matrix},
                {"curve", curve},
                {"average_accuracy", average},
                {"backward_transfer", nullptr},
                {"forward_transfer", nullptr},
                {"forgetting", nullptr},
                {"learning_accuracy", nullptr},
                {"running_average", nullptr},
                {"worst_accuracy", 0.5},
                {"worst_forgetting", nullptr},
                {"worst_case_accuracy", nullptr},
                {"stability_gap", 0.25},
                {"learning_curve_area", nullptr},
                {"calibration_error", nullptr},
                {"importance", {{"0.weight", seed == 1 ? 0.5 : 1.5}}},
                {"parameters", 10},
                {"state_bytes", 20},
                {"memory_bytes", 30}};
  };
  const auto curve = [](double a, double b, double c) {
    return Json{{{"task", 0}, {"epoch", 1}, {"accuracies", {a}}},
                {{"task", 0}, {"epoch", 2}, {"accuracies", {b}}},
                {{"task", 1}, {"epoch", 2}, {"accuracies", {c - 0.1, c + 0.1}}}};
  };
  Json results{{"command", "lifelong-lab run"},
               {"version", "0.1.0"},
               {"kind", "run"},
               {"dataset", "a"},
               {"stream", "split"},
               {"scenario", "task"},
               {"tasks", 2},
               {"epochs", 2},
               {"model", "mlp"}};
  results["runs"] = {run("er", 1, {{0.9, 0.3}, {0.6, 0.8}}, curve(0.7, 0.9, 0.7), 0.7),
                     run("er", 2, {{0.7, 0.1}, {0.8, 1.0}}, curve(0.5, 0.7, 0.9), 0.9),
                     run("joint", 1, {{0.9, 0.7}},
                         {{{"task", 0}, {"epoch", 1}, {"accuracies", {0.5, 0.7}}},
                          {{"task", 0}, {"epoch", 2}, {"accuracies", {0.8, 0.8}}}},
                         0.8)};
  return results;
}

/// 2.5 seconds for each of the runs.
Json times_of(const Json& results) {
  Json times{{"command", "lifelong-lab run"}, {"threads", 2}, {"runs", Json::array()}};
  for (const Json& run : results["runs"])
    times["runs"].push_back({{"method", run["method"]},
                             {"seed", run["seed"]},
                             {"strength", run["strength"]},
                             {"train_seconds", 2.0},
                             {"importance_seconds", 0.5}});
  return times;
}

void write(const test::fs::path& folder, const std::string& text) {
  test::fs::create_directories(folder);
  std::ofstream(folder / "results.json") << text;
  const Json results = Json::parse(text, nullptr, false);
  std::ofstream(folder / "times.json") << times_of(results.is_object() ? results : small_results()).dump();
}

Json data_of(const Json& results) {
  const Folder folder;
  write(folder / "one", results.dump());
  const std::vector<lab::Finished> experiments{lab::read_finished(folder / "one")};
  return lab::report_data(experiments);
}

/// The report of these results must be refused: one sentence with these words, and no page.
void check_refused(const std::string& results, const std::vector<std::string>& said) {
  const Folder folder;
  write(folder / "one", results);
  const test::Finished finished = test::run(folder, {"report", (folder / "one").string()});
  INFO(finished.err);
  CHECK(finished.code == 2);
  for (const std::string& word : said) CHECK_THAT(finished.err, ContainsSubstring(word));
  CHECK_THAT(finished.err, ContainsSubstring("results.json"));
  CHECK_FALSE(test::fs::exists(folder / "one/report.html"));
}

}  // namespace

TEST_CASE("the interval of a mean is that of Student's t") {
  CHECK_FALSE(lab::mean_over_seeds({}).has_value());
  const std::vector<double> one{3};
  CHECK(lab::mean_over_seeds(one)->mean == 3);
  CHECK_FALSE(lab::mean_over_seeds(one)->half_width.has_value());
  // Three values with the standard deviation 1: t = 4.303 with 2 degrees of freedom, over √3.
  const std::vector<double> three{4, 5, 6};
  CHECK(lab::mean_over_seeds(three)->mean == 5);
  CHECK_THAT(*lab::mean_over_seeds(three)->half_width, test::WithinRel(4.303 / std::sqrt(3.0), 1e-12));
  // Beyond the table: 101 values, half of them 1, t = 1.984 with 100 degrees of freedom.
  std::vector<double> many(101, 0.0);
  for (std::size_t i = 0; i < 50; ++i) many[i] = 1;
  const double deviation = std::sqrt(50.0 * 51.0 / 101.0 / 100.0);
  CHECK_THAT(*lab::mean_over_seeds(many)->half_width, test::WithinRel(1.984 * deviation / std::sqrt(101.0), 1e-3));
}

TEST_CASE("a report has the means over seeds, in percent, at the moments they belong to") {
  const Json data = data_of(small_results());
  const Json& experiment = data["experiments"][0];
  CHECK(experiment["name"] == "one");
  CHECK(experiment["methods"].size() == 2);
  const Json& er = experiment["methods"][0];
  CHECK_THAT(er["metrics"]["average_accuracy"]["mean"].get<double>(), test::WithinRel(80.0, 1e-12));
  // Two values, 70 and 90: s = 20 / √2, t = 12.706, over √2.
  CHECK_THAT(er["metrics"]["average_accuracy"]["half_width"].get<double>(), test::WithinRel(127.06, 1e-12));
  CHECK(er["metrics"]["forgetting"].is_null());
  CHECK(er["metrics"]["seconds"]["mean"] == 2.5);
  CHECK(er["metrics"]["stability_gap"]["mean"] == 25);
  CHECK(er["importance"] == Json{{{"block", "0.weight"}, {"mean", 1.0}}});
  // Joint training has the seed 1 alone: ((0.9 - 0.9) + (0.7 - 0.8)) / 2.
  CHECK_THAT(er["metrics"]["intransigence"]["mean"].get<double>(), test::WithinRel(-5.0, 1e-9));
  CHECK(er["metrics"]["intransigence"]["half_width"].is_null());
  CHECK_THAT(er["matrix"][1][0].get<double>(), test::WithinRel(70.0, 1e-12));
  std::vector<double> moments, means;
  for (const Json& point : er["curve"]) {
    moments.push_back(point["learned"]);
    means.push_back(std::round(point["mean"].get<double>()));
  }
  CHECK(moments == std::vector<double>{0.5, 1, 2});
  CHECK(means == std::vector<double>{60, 80, 80});
}

TEST_CASE("joint training learns all tasks in each epoch, and has no interval of one seed") {
  const Json joint = data_of(small_results())["experiments"][0]["methods"][1];
  CHECK(joint["curve"][0]["learned"] == 1);
  CHECK(joint["curve"][1]["learned"] == 2);
  CHECK(joint["curve"][1]["half_width"].is_null());
}

TEST_CASE("a report refuses results that cannot be meant, and names what is wrong", "[report]") {
  check_refused("{", {"is not what an experiment writes"});
  check_refused("[]", {"is damaged: it is no JSON object"});
  Json results = small_results();
  results["runs"] = Json::array();
  check_refused(results.dump(), {"no runs"});
  results = small_results();
  results["runs"][0]["accuracy_matrix"][0][0] = 1.5;
  check_refused(results.dump(), {"er, seed 1", "1.5"});
  results = small_results();
  results["runs"][1]["accuracy_matrix"] = {{0.5, 0.5, 0.5}};
  check_refused(results.dump(), {"er, seed 2", "3 values for 2 tasks"});
  results = small_results();
  results["runs"][2]["accuracy_matrix"] = Json::array();
  check_refused(results.dump(), {"joint, seed 1", "0 rows"});
  results = small_results();
  results["runs"][1]["curve"].erase(0);
  check_refused(results.dump(), {"er", "same moments"});
  results = small_results();
  results["runs"][0]["curve"][0]["epoch"] = 3;
  check_refused(results.dump(), {"er, seed 1", "epoch 3"});
  results = small_results();
  results["runs"][0]["curve"][0]["task"] = -1;
  check_refused(results.dump(), {"er, seed 1"});
  results = small_results();
  results["runs"][0]["curve"][0]["accuracies"] = {0.5, 0.5};
  check_refused(results.dump(), {"the curve of er, seed 1", "2 values for 1 tasks"});
}

TEST_CASE("times that are not those of the results are refused", "[report]") {
  const Folder folder;
  write(folder / "one", small_results().dump());
  Json times = times_of(small_results());
  std::string said;
  SECTION("of another run") {
    times["runs"][1]["seed"] = 7;
    said = "the times of \"er\" stand where those of er should";
  }
  SECTION("of fewer runs") {
    times["runs"].erase(0);
    said = "it has times of 2 runs for 3";
  }
  SECTION("below 0") {
    times["runs"][0]["train_seconds"] = -1;
    said = "it has a time below 0";
  }
  SECTION("none") {
    times = Json::object();
    said = "is not what an experiment writes";
  }
  std::ofstream(folder / "one/times.json") << times.dump();
  const test::Finished finished = test::run(folder, {"report", (folder / "one").string()});
  CHECK(finished.code == 2);
  CHECK_THAT(finished.err, ContainsSubstring("times.json"));
  CHECK_THAT(finished.err, ContainsSubstring(said));
}

TEST_CASE("a folder without results is named", "[report]") {
  const Folder folder;
  const test::Finished finished = test::run(folder, {"report", (folder / "none").string()});
  CHECK(finished.code == 2);
  CHECK_THAT(finished.err, ContainsSubstring("none/results.json"));
}

TEST_CASE("a report is one file that is a function of the results, and no text of them is markup", "[report]") {
  const Folder folder;
  Json results = small_results();
  results["dataset"] = "</script><script>alert(1)</script>";
  write(folder / "one", results.dump());
  write(folder / "two", small_results().dump());
  const std::string one = (folder / "one").string(), two = (folder / "two").string();
  REQUIRE(test::run(folder, {"report", one, two}).code == 0);
  const std::string page = test::contents(folder / "one/report.html");
  CHECK_THAT(page, !ContainsSubstring("<script>alert"));
  CHECK_THAT(page, ContainsSubstring("\\u003c/script>\\u003cscript>alert(1)"));
  CHECK_THAT(page, !ContainsSubstring("src=\"http"));
  CHECK_THAT(page, !ContainsSubstring("{{"));
  REQUIRE(test::run(folder, {"report", one, two, "--output", (folder / "again.html").string()}).code == 0);
  CHECK(test::contents(folder / "again.html") == page);
}

TEST_CASE("folders of the same name are told apart by their paths", "[report]") {
  const Folder folder;
  write(folder / "a/same", small_results().dump());
  write(folder / "b/same", small_results().dump());
  const std::string a = (folder / "a/same").string(), b = (folder / "b/same").string();
  REQUIRE(test::run(folder, {"report", a, b}).code == 0);
  const std::string page = test::contents(folder / "a/same/report.html");
  CHECK_THAT(page, ContainsSubstring("\"name\":\"" + a + "\""));
  CHECK_THAT(page, ContainsSubstring("\"name\":\"" + b + "\""));
}

TEST_CASE("two experiments are compared seed by seed, and an interval says whether they differ") {
  const Folder folder;
  Json results = small_results();
  write(folder / "one", results.dump());
  // er: 70 and 90 become 73 and 92, differences of 3 and 2: mean 2.5, s = 1 / √2, t = 12.706, over √2: 6.353.
  results["runs"][0]["average_accuracy"] = 0.73;
  results["runs"][1]["average_accuracy"] = 0.92;
  results["runs"][2]["average_accuracy"] = 0.75;
  write(folder / "two", results.dump());
  const std::string one = (folder / "one").string(), two = (folder / "two").string();
  const test::Finished finished = test::run(folder, {"compare", one, two});
  REQUIRE(finished.code == 0);
  CHECK_THAT(finished.out,
             ContainsSubstring("er                     2     80.0     82.5      +2.5 ± 6.4  no difference to be seen"));
  CHECK_THAT(finished.out,
             ContainsSubstring("joint                  1     80.0     75.0            -5.0  one seed: may be chance"));
  results["runs"][0]["average_accuracy"] = 0.75;
  results["runs"][1]["average_accuracy"] = 0.952;
  write(folder / "two", results.dump());
  CHECK_THAT(test::run(folder, {"compare", one, two}).out, ContainsSubstring("+5.1 ± 1.3  the second is better"));
  CHECK_THAT(test::run(folder, {"compare", two, one}).out, ContainsSubstring("-5.1 ± 1.3  the first is better"));
  results["runs"] = Json::array({results["runs"][2]});
  results["runs"][0]["seed"] = 7;
  write(folder / "two", results.dump());
  const test::Finished refused = test::run(folder, {"compare", one, two});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, ContainsSubstring("have no method with the same seed"));
}

}  // namespace report_test
