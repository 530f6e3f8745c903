// SPDX-License-Identifier: MIT
// Rows of paired measurements on Google Benchmark: two bodies and a yardstick timed in turn in one run, best of
// repeats.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#ifndef LIFELONG_BENCHMARK_FLAGS
#define LIFELONG_BENCHMARK_FLAGS "unknown"
#endif

namespace lifelong::benchmarks {

/// Something to time: one call of it.
using Body = std::function<void()>;

/// What one call takes. Other programs on the machine lengthen `wall`, and `processor` much less.
struct Seconds {
  double wall = std::numeric_limits<double>::infinity();
  double processor = std::numeric_limits<double>::infinity();  ///< of all threads together
};

/// Which of the two counts: `wall` where several threads are the point, and then on an idle machine.
enum class Clock { processor, wall };

/// What a call has to do at the least, in bytes moved or in floating-point operations, whichever is not 0.
struct Work {
  double bytes = 0;
  double flops = 0;
};

/// Bodies that do nothing but `work`; the fastest of them says at what rate this machine can.
struct Yardstick {
  std::string name;
  Work work;
  std::vector<Body> bodies;
};

/// A pair: `body` against the fastest of `against`. `work` is that of one call of `body`, and with the rate of the
/// yardstick it is the floor. `agree`, if there, is asked first and says whether both sides do the same.
struct Pair {
  Body body;
  std::vector<Body> against;
  Work work = {};
  Yardstick yardstick = {};
  Clock clock = Clock::processor;
  double scale = 1;  ///< calls of `against` that do as much as one of `body`
  std::function<bool()> agree = {};
};

/// Times one body, as many calls of it in a turn as last a few milliseconds, and keeps the least.
class Contestant {
 public:
  /// The first call warms up and says how many calls make a turn.
  explicit Contestant(Body body, double turn_seconds = 5e-3) : body_(std::move(body)) {
    const double once = turn().wall;
    if (once < turn_seconds) calls_ = static_cast<std::size_t>(turn_seconds / std::max(once, 1e-8)) + 1;
    best_ = {};
  }

  Seconds turn() {
    const auto begin = std::chrono::steady_clock::now();
    const std::clock_t processor_begin = std::clock();
    for (std::size_t k = 0; k < calls_; ++k) body_();
    const double calls = static_cast<double>(calls_);
    const double processor = static_cast<double>(std::clock() - processor_begin) / CLOCKS_PER_SEC / calls;
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / calls;
    best_ = {std::min(best_.wall, wall), std::min(best_.processor, processor)};
    return {wall, processor};
  }

  [[nodiscard]] double best(Clock clock) const { return clock == Clock::wall ? best_.wall : best_.processor; }

 private:
  Body body_;
  std::size_t calls_ = 1;
  Seconds best_;
};

/// The rows of one program and the flags it was called with.
///
/// `--seconds=S` is how long a row is repeated (three times at the least), `--smoke` runs everything once on the
/// smallest sizes. `--serve=ROW` times nothing by itself: for every line on standard input it runs the row's body for
/// a turn and answers with processor and wall seconds of a call, so that other programs can take turns with it. All
/// other flags are Google Benchmark's.
class Suite {
 public:
  Suite(int argc, char** argv) {
    for (int k = 0; k < argc; ++k)
      if (!take(argv[k])) arguments_.push_back(argv[k]);
  }

  [[nodiscard]] bool smoke() const { return smoke_; }
  /// `full`, or what stands in for it where only the program's working is of interest.
  [[nodiscard]] std::size_t size(std::size_t full, std::size_t tiny) const { return smoke_ ? tiny : full; }

  /// Adds a row; `make` is called when it runs, and what it made is freed before the next.
  void row(const std::string& name, std::function<Pair()> make) { rows_.emplace_back(name, std::move(make)); }

  /// What `main` returns.
  int run() {
    if (!served_.empty()) return serve();
    for (const auto& row : rows_)
      benchmark::RegisterBenchmark(row.first.c_str(),
                                   [this, &row](benchmark::State& state) { measure(state, row.second); })
          ->Iterations(1)
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
    int count = static_cast<int>(arguments_.size());
    benchmark::Initialize(&count, arguments_.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments_.data())) return 1;
    benchmark::AddCustomContext("compiler", __VERSION__);
    benchmark::AddCustomContext("flags", LIFELONG_BENCHMARK_FLAGS);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return failed_ ? 1 : 0;
  }

 private:
  static constexpr int least_rounds = 3, most_rounds = 400;

  bool take(std::string_view argument) {
    const auto value_of = [&](std::string_view flag) {
      return argument.starts_with(flag) ? std::string(argument.substr(flag.size())) : std::string();
    };
    if (argument == "--smoke") return smoke_ = true;
    if (const std::string value = value_of("--seconds="); !value.empty()) return seconds_ = std::stod(value), true;
    if (const std::string value = value_of("--serve="); !value.empty()) return served_ = value, true;
    return false;
  }

  void measure(benchmark::State& state, const std::function<Pair()>& make) {
    const Pair pair = make();
    if (pair.agree && !pair.agree()) {
      failed_ = true;
      return state.SkipWithError("the contestants do not agree");
    }
    const double turn = smoke_ ? 1e-4 : 5e-3;
    Contestant body(pair.body, turn);
    std::vector<Contestant> against, yardstick;
    for (const Body& other : pair.against) against.emplace_back(other, turn);
    for (const Body& other : pair.yardstick.bodies) yardstick.emplace_back(other, turn);
    const auto best = [&](const std::vector<Contestant>& all) {
      double least = std::numeric_limits<double>::infinity();
      for (const Contestant& one : all) least = std::min(least, one.best(pair.clock));
      return least;
    };
    for (auto _ : state) {
      const auto begin = std::chrono::steady_clock::now();
      const auto elapsed = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      };
      for (int round = 0; smoke_ ? round < 1 : round < least_rounds || (elapsed() < seconds_ && round < most_rounds);
           ++round) {
        body.turn();
        for (Contestant& one : against) one.turn();
        for (Contestant& one : yardstick) one.turn();
      }
      state.SetIterationTime(body.best(pair.clock));
    }
    if (!against.empty()) state.counters["ratio"] = body.best(pair.clock) / (best(against) * pair.scale);
    if (!yardstick.empty()) report_floor(state, pair, body.best(pair.clock), best(yardstick));
  }

  /// Which floor, the time it is, and the share of the body's time.
  static void report_floor(benchmark::State& state, const Pair& pair, double seconds, double yardstick_seconds) {
    const bool bytes = pair.work.bytes > 0;
    const double rate = (bytes ? pair.yardstick.work.bytes : pair.yardstick.work.flops) / yardstick_seconds;
    const double floor = (bytes ? pair.work.bytes : pair.work.flops) / rate;
    state.counters["floor_ms"] = floor * 1e3;
    state.counters["share"] = floor / seconds;
    state.counters[bytes ? "GB/s" : "GFLOP/s"] = rate * 1e-9;
    state.SetLabel(pair.yardstick.name);
  }

  int serve() {
    for (const auto& [name, make] : rows_) {
      if (name != served_) continue;
      const Pair pair = make();
      Contestant body(pair.body);
      for (std::string line; std::getline(std::cin, line);) {
        const Seconds seconds = body.turn();
        std::cout << seconds.processor << ' ' << seconds.wall << std::endl;
      }
      return 0;
    }
    std::cerr << "there is no row " << served_ << '\n';
    return 1;
  }

  std::vector<char*> arguments_;
  std::vector<std::pair<std::string, std::function<Pair()>>> rows_;
  std::string served_;
  double seconds_ = 2;
  bool smoke_ = false, failed_ = false;
};

}  // namespace lifelong::benchmarks
