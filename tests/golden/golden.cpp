// SPDX-License-Identifier: MIT
// golden          prints a line `name hash` for every case: what to write to golden.txt where bits are meant to change
// golden FILE     compares with such lines and prints what differs; exits with 1 if anything does
#include "golden.hpp"

#include <Eigen/Core>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>

namespace golden {

namespace {

using Lines = std::map<std::string, std::string>;

std::string text_of(std::uint64_t hash) {
  char buffer[17];
  std::snprintf(buffer, sizeof buffer, "%016llx", static_cast<unsigned long long>(hash));
  return buffer;
}

/// A case that throws has its message for a hash, so that the others still run.
std::string attempt(const std::function<std::uint64_t(OpenMP)>& run, int threads) {
  try {
    return text_of(run(OpenMP{threads}));
  } catch (const std::exception& error) {
    return std::string("threw: ") + error.what();
  }
}

/// What the bits depend on beside the library and the compiler's target: the C library's functions, which it also
/// chooses by the processor, and Eigen's.
std::string platform() {
  Hash hash;
  for (const int part : {EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION}) hash.add(part);
  const ll::Random random(1);
  const auto add_functions = [&](auto x) {
    for (const auto value : {std::exp(x), std::log(x * x), std::tanh(x), std::erfc(x), std::pow(x * x, x)})
      hash.add(value);
  };
  for (std::uint64_t i = 0; i < 10000; ++i) {
    add_functions(3 * random.normal(i));
    add_functions(static_cast<float>(3 * random.normal(i)));
  }
  return text_of(hash.value());
}

Lines read(const char* path) {
  std::ifstream file(path);
  Lines lines;
  for (std::string name, hash; file >> name >> hash;) lines[name] = hash;
  return lines;
}

Report run_all() {
  Report report;
  for (const auto add : {add_fisher, add_estimators, add_paths, add_conventions, add_networks, add_large, add_sessions})
    add(report);
  return report;
}

int print() {
  const Report report = run_all();
  Lines lines = report.lines();
  lines["platform"] = platform();
  for (const auto& [name, hash] : lines) std::printf("%s %s\n", name.c_str(), hash.c_str());
  return report.failures() == 0 ? 0 : 1;
}

/// Prints the lines of `golden` that `now` lacks or has otherwise, and its new ones; returns their number.
int compare(const Lines& golden, const Lines& now) {
  int different = 0;
  for (const auto& [name, hash] : golden) {
    const auto found = now.find(name);
    if (found != now.end() && found->second == hash) continue;
    ++different;
    std::printf("%s: %s, was %s\n", name.c_str(), found == now.end() ? "missing" : found->second.c_str(), hash.c_str());
  }
  for (const auto& [name, hash] : now)
    if (!golden.contains(name)) {
      ++different;
      std::printf("%s: %s, is new\n", name.c_str(), hash.c_str());
    }
  return different;
}

int compare_with(const char* path) {
#if defined(__AVX__) || !defined(__x86_64__)
  std::printf("skipped: golden bits are those of plain x86-64\n");
  return 0;
#endif
  Lines golden = read(path);
  const auto written_on = golden.extract("platform");
  if (written_on.empty()) {
    std::fprintf(stderr, "%s has no line `platform`, so it is no golden file\n", path);
    return 1;
  }
  if (written_on.mapped() != platform()) {
    std::printf("skipped: golden bits are those of another C library, processor or Eigen\n");
    return 0;
  }
  const Report report = run_all();
  const int different = compare(golden, report.lines());
  std::printf("%zu cases, %d lines differ from %s, %d cases failed\n", report.lines().size(), different, path,
              report.failures());
  return different + report.failures() == 0 ? 0 : 1;
}

}  // namespace

void Report::add(const std::string& name, const std::function<std::uint64_t(OpenMP)>& run) {
  const std::string one = attempt(run, 1), three = attempt(run, 3);
  const bool fresh = lines_.emplace(name, one).second;
  if (fresh && one == three && !one.starts_with("threw")) return;
  ++failures_;
  std::fprintf(stderr, "%s: %s with one thread, %s with three%s\n", name.c_str(), one.c_str(), three.c_str(),
               fresh ? "" : "; the name is taken");
}

}  // namespace golden

int main(int argc, char** argv) { return argc > 1 ? golden::compare_with(argv[1]) : golden::print(); }
