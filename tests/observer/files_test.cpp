// SPDX-License-Identifier: MIT
// Observers that write: the table is read back, the line is what a terminal would show, the checkpoints go on.
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/observer/checkpoint_every.hpp>
#include <lifelong/observer/csv_log.hpp>
#include <lifelong/observer/progress.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "folder.hpp"
#include "tiny_model.hpp"

namespace files_test {

namespace ll = lifelong;
using ll::FitProgress;
using ll::observer::CsvLog;
using ll::observer::Progress;
using test::message_of;

namespace {

auto make() {
  return ll::Learner{test::TinyModel(), ll::importance::SynapticIntelligence{}, ll::penalty::Quadratic{.strength = 3},
                     ll::optimizer::Adam{.learning_rate = 0.02}};
}

std::string text_of(const test::Folder& folder, const std::string& name) {
  std::string text;
  for (const std::byte byte : folder.read(name)) text += static_cast<char>(byte);
  return text;
}

/// The cells of a table as RFC 4180 has them.
std::vector<std::vector<std::string>> table_of(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1, {""});
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string& cell = rows.back().back();
    if (quoted && text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"')
      cell += text[++i];
    else if (text[i] == '"')
      quoted = !quoted;
    else if (!quoted && text[i] == ',')
      rows.back().emplace_back();
    else if (!quoted && text[i] == '\n')
      rows.push_back({""});
    else
      cell += text[i];
  }
  rows.pop_back();  // behind the last line
  return rows;
}

double number(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

double now = 0;
double test_clock() { return now; }

/// Progress that writes to a file of its own, at a time that is set.
struct Screen {
  std::unique_ptr<std::FILE, Close> file{std::tmpfile()};

  [[nodiscard]] ll::observer::ProgressOptions options(bool terminal) const {
    return {.out = file.get(), .terminal = terminal, .clock = &test_clock};
  }
  [[nodiscard]] std::string text() const {
    std::rewind(file.get());
    std::string all;
    for (int c = std::fgetc(file.get()); c != EOF; c = std::fgetc(file.get())) all += static_cast<char>(c);
    return all;
  }
};

FitProgress at(std::size_t step, double loss = 0.5) { return {(step - 1) / 5, 2, step, 10, loss, 0.25, 5}; }

}  // namespace

TEST_CASE("the table of a call is read back with the same numbers", "[observer][csv]") {
  const test::Folder folder;
  auto learner = make();
  learner.fit(test::TinyTask(1), {.batch_size = 5});
  learner.consolidate();
  std::vector<FitProgress> seen;
  const std::vector<std::pair<std::string, std::string>> columns{{"the \"run\"", "a, b\n\"c\""}, {"task", "pears"}};
  CsvLog log(folder.path() + "/log.csv", {.columns = columns});
  learner.fit(test::TinyTask(2), {.epochs = 2, .batch_size = 5},
              ll::observer::all([&](const FitProgress& p) { seen.push_back(p); }, log));
  const auto rows = table_of(text_of(folder, "log.csv"));  // while the log is open
  REQUIRE(rows.size() == 11);
  CHECK(rows[0] == std::vector<std::string>{"the \"run\"", "task", "epoch", "step", "loss", "penalty"});
  for (std::size_t n = 1; n < rows.size(); ++n) {
    REQUIRE(rows[n].size() == 6);
    CHECK(rows[n][0] == columns[0].second);
    CHECK(rows[n][1] == "pears");
    CHECK(rows[n][2] == std::to_string(seen[n - 1].epoch + 1));
    CHECK(rows[n][3] == std::to_string(n));
    CHECK(number(rows[n][4]) == seen[n - 1].loss);
    CHECK(number(rows[n][5]) == seen[n - 1].penalty);
  }
}

TEST_CASE("a table goes on where it ended, also behind a torn line", "[observer][csv]") {
  const test::Folder folder;
  const std::string path = folder.path() + "/log.csv";
  CsvLog(path, {.every = 4})(at(3));
  CHECK(text_of(folder, "log.csv") == "epoch,step,loss,penalty\n");
  {
    CsvLog log(path, {.every = 4});
    for (std::size_t step = 1; step <= 10; ++step) log(at(step, 0.1));
  }
  const std::string written = "epoch,step,loss,penalty\n1,4,0.1,0.25\n2,8,0.1,0.25\n2,10,0.1,0.25\n";
  CHECK(text_of(folder, "log.csv") == written);
  std::FILE* torn = std::fopen(path.c_str(), "ab");
  REQUIRE(torn != nullptr);
  std::fputs("1,4,0.", torn);
  std::fclose(torn);
  CsvLog{path}(at(1, 1e-300));
  CHECK(text_of(folder, "log.csv") == written + "1,4,0.\n1,1,1e-300,0.25\n");
}

TEST_CASE("a table that cannot be written is an error", "[observer][csv][errors]") {
  const test::Folder folder;
  const std::string path = folder.path() + "/log.csv";
  CHECK_THAT(message_of<ll::FileError>([&] { CsvLog(folder.path() + "/none/log.csv"); }),
             test::ContainsSubstring("/none/log.csv' cannot be written: No such file or directory"));
  CHECK_THAT(message_of<ll::FileError>([&] { CsvLog(folder.path()); }), test::ContainsSubstring("it is not a file"));
  CHECK_THROWS_AS(CsvLog(std::string("a\0b", 3)), ll::FileError);
  CHECK_THROWS_AS(CsvLog(path, {.every = 0}), ll::InvalidArgument);
  CHECK(folder.size() == 0);
  { CsvLog log(path, {.columns = {{"task", "pears"}}}); }
  CHECK(message_of<ll::FormatError>([&] { CsvLog{path}; }) ==
        "'" + path +
            "' does not begin with the line epoch,step,loss,penalty: it is another file, or has other columns");

  CsvLog full(path, {.columns = {{"task", std::string(1000, 'x')}}});
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit little = before;
  little.rlim_cur = 500;
  REQUIRE(setrlimit(RLIMIT_FSIZE, &little) == 0);
  std::string message;
  try {
    full(at(1));
  } catch (const ll::FileError& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(message == "'" + path + "' cannot be written: File too large");
}

TEST_CASE("a line is overwritten on a terminal", "[observer][progress]") {
  const Screen screen;
  now = 100;
  Progress progress(screen.options(true));
  progress(at(1, 0.123456));
  now = 100.05;
  progress(at(2));  // too early
  now = 102;
  progress(at(3, 0.5));
  now = 107;
  progress(at(10));
  const std::string longest = "epoch 1/2, step 3/10, 30%, loss 0.5, penalty 0.25, 0:02, 0:07 left";
  std::string last = "epoch 2/2, step 10/10, 100%, loss 0.5, penalty 0.25, 0:07";
  last.resize(longest.size(), ' ');  // wipes out the rest
  CHECK(screen.text() ==
        "\repoch 1/2, step 1/10, 10%, loss 0.1235, penalty 0.25, 0:00\r" + longest + "\r" + last + "\n");
}

TEST_CASE("elsewhere a line is written now and then, and at the end", "[observer][progress]") {
  const Screen screen;
  now = 0;
  Progress progress(screen.options(false));
  progress(at(1));
  now = 9;
  progress(at(2));
  now = 3700;
  progress(at(3));
  progress(at(10));
  CHECK(screen.text() ==
        "epoch 1/2, step 3/10, 30%, loss 0.5, penalty 0.25, 1:01:40, 3:35:50 left\n"
        "epoch 2/2, step 10/10, 100%, loss 0.5, penalty 0.25, 1:01:40\n");
  CHECK_THROWS_AS(Progress({.refresh = -1}), ll::InvalidArgument);
  CHECK_FALSE(ll::io::is_terminal(screen.file.get()));
}

TEST_CASE("the last line of a call that ends early says where", "[observer][progress]") {
  const Screen screen, plain;
  for (const bool terminal : {true, false}) {
    now = 0;
    auto progress = Progress((terminal ? screen : plain).options(terminal));
    progress(at(1));
    progress(at(1));  // of a new call
    now = 0.05;
    progress(at(2));
    auto both = ll::observer::all(std::move(progress));
  }
  const std::string line = "epoch 1/2, step 1/10, 10%, loss 0.5, penalty 0.25, 0:00";
  const std::string last = "epoch 1/2, step 2/10, 20%, loss 0.5, penalty 0.25, 0:00";
  CHECK(screen.text() == "\r" + line + "\r" + line + "\n\r" + line + "\r" + last + "\n");
  CHECK(plain.text() == line + "\n" + last + "\n");
}

TEST_CASE("the rest of a call that is resumed is estimated from its own steps", "[observer][progress]") {
  const Screen screen;
  now = 0;
  Progress progress(screen.options(true));
  progress(at(6));
  now = 4;
  progress(at(8));
  CHECK_THAT(screen.text(), test::ContainsSubstring("step 8/10, 80%, loss 0.5, penalty 0.25, 0:04, 0:04 left"));
}

TEST_CASE("a run that was killed goes on from its last checkpoint with the same bits", "[observer][checkpoint]") {
  const test::Folder folder;
  const std::string path = folder.path() + "/learner.safetensors";
  ll::FitOptions options{.epochs = 3, .batch_size = 5, .last_batch = ll::LastBatch::merge, .steps = 11};
  auto whole = make();
  whole.fit(test::TinyTask(1), options);
  for (const std::size_t killed : {4u, 5u, 9u, 11u}) {
    auto first = make(), second = make();
    first.fit(test::TinyTask(1), options,
              ll::observer::all(ll::observer::CheckpointEvery(first, path, 4), [&](const FitProgress& p) {
                return p.step == killed ? ll::FitSignal::stop : ll::FitSignal::go_on;
              }));
    CHECK(folder.size() == 1);
    ll::io::restore(ll::io::read_safetensors(path), second);
    CHECK(second.state().fit_steps == killed / 4 * 4);
    options.resume = true;
    CHECK(second.fit(test::TinyTask(1), options, ll::observer::CheckpointEvery(second, path, 4)).steps == 11);
    options.resume = false;
    CHECK(std::ranges::equal(second.parameters(), whole.parameters()));
    const auto of_second = ll::io::read_safetensors(path);
    auto third = make();
    ll::io::restore(of_second, third);
    CHECK(third.state().fit_steps == 8);
  }
  CHECK_THROWS_AS(ll::observer::CheckpointEvery(whole, path, 0), ll::InvalidArgument);
}

}  // namespace files_test
