// SPDX-License-Identifier: MIT
#include "runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <lifelong/io/safetensors.hpp>
#include <thread>

#include "interrupt.hpp"

namespace lab {

namespace {

using Json = nlohmann::ordered_json;
using Lock = std::lock_guard<std::mutex>;

/// `ewc-1.safetensors`
std::string file_name_of(const Planned& run, const Options& options) {
  const std::string strength = options.sweep ? fmt::format("-{:g}", *run.strength()) : "";
  return fmt::format("{}-{}{}.safetensors", run.method->name, run.seed, strength);
}

/// `ewc 100`, in a sweep.
std::string shown_name_of(const Planned& run, const Options& options) {
  return options.sweep ? fmt::format("{} {:g}", run.method->name, *run.strength()) : run.method->name;
}

RunResult run(const Planned& planned, const Trial& trial) {
  const Method& method = *planned.method;
  const Options& options = trial.options;
  const std::uint64_t seed = planned.seed;
  RunResult result;
  result.method = method.name;
  result.seed = seed;
  result.strength = planned.strength();
  try {
    result.outcome = method.run(trial);
  } catch (const lifelong::NumericError& error) {
    const std::string strength = options.sweep ? fmt::format(" of strength {:g}", *result.strength) : "";
    throw lifelong::NumericError(fmt::format("{}{}, seed {}: {}", method.name, strength, seed, error.what()));
  }
  set_metrics(result, options.scenario);
  result.settings = recipe(method, trial);
  trial.progress.end_run(result.average_accuracy, result.outcome.train_seconds + result.outcome.importance_seconds);
  return result;
}

/// How often the tasks seen are tested in a task of so many examples, before its end.
std::size_t tests_inside(std::size_t examples, const Options& options) {
  const std::size_t steps = options.steps_of_epoch(examples) * options.epochs;
  switch (options.test_after.kind) {
    case TestAfter::task:
      return 0;
    case TestAfter::epoch:
      return options.epochs - 1;
    case TestAfter::steps:
      return (steps - 1) / options.test_after.count;
  }
  return 0;
}

Progress progress_of(std::size_t runs, const Options& options, const Stream& first) {
  std::size_t learning = 0, testing = 0, seen = 0;
  for (const auto& task : first) {
    learning += task.train.size() * options.epochs;
    seen += task.test.size();
    testing += task.test.size() * (first.size() + 1) + seen * tests_inside(task.train.size(), options);
  }
  return {runs, learning, testing};
}

}  // namespace

Runner::Runner(const Options& options, const Data& data, const Stream& first, std::size_t most_runs, Json experiment,
               KeptRuns& kept)
    : options_(options),
      jobs_(options.jobs),
      data_(data),
      experiment_(std::move(experiment)),
      kept_(kept),
      progress_(progress_of(most_runs - std::min(most_runs, kept.all().size()), options, first)) {
  options_.threads = std::max(1, options.threads / static_cast<int>(jobs_));
}

void Runner::make(const std::vector<Planned>& planned) {
  std::vector<Planned> runs = planned;
  std::erase_if(runs,
                [&](const Planned& run) { return kept_.find(run.method->name, run.seed, run.strength()) != nullptr; });
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (std::size_t k = next++; k < runs.size(); k = next++) make_one(runs[k]);
    } catch (...) {
      next = runs.size();  // the others finish what they are at
      const Lock lock(mutex_);
      if (!failure) failure = std::current_exception();
    }
  };
  std::vector<std::thread> helpers;
  for (std::size_t job = 1; job < std::min(jobs_, runs.size()); ++job) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  if (failure) std::rethrow_exception(failure);
}

void Runner::make_one(const Planned& planned) {
  const std::shared_ptr<const Stream> stream = stream_of(planned.seed);
  Checkpoint checkpoint = checkpoint_of(planned);
  RunProgress progress(progress_, shown_name_of(planned, options_), planned.seed);
  Trial trial{options_, *stream, planned.seed, planned.settings, progress, &checkpoint};
  std::optional<SavedRun> first_task;
  const MethodAndSeed whose(planned.method, planned.seed);
  if (options_.sweep) {
    const Lock lock(mutex_);
    first_task = first_tasks_[whose];
    trial.first_task = &first_task;
  }
  if (options_.save_students)
    trial.keep_student = [&](lifelong::io::Safetensors student) {
      lifelong::io::seal(student);
      lifelong::io::write_safetensors((options_.output / file_name_of(planned, options_)).string(), student);
    };
  try {
    RunResult result = run(planned, trial);
    const Lock lock(mutex_);
    kept_.add(std::move(result));
    checkpoint.forget();
  } catch (const lifelong::NumericError& error) {
    if (!options_.sweep) throw;
    fmt::print(stderr, "left out, as it cannot be trained: {}\n", error.what());
  }
  const Lock lock(mutex_);
  if (first_task) first_tasks_[whose] = std::move(first_task);
}

std::shared_ptr<const Stream> Runner::stream_of(std::uint64_t seed) {
  const Lock lock(mutex_);
  if (!latest_stream_ || latest_stream_->first != seed)
    latest_stream_.emplace(seed, std::make_shared<const Stream>(make_stream(data_, options_, seed)));
  return latest_stream_->second;
}

void Runner::forget(const std::vector<Planned>& runs) {
  kept_.forget();
  for (const Planned& run : runs) checkpoint_of(run).forget();
}

Checkpoint Runner::checkpoint_of(const Planned& run) const {
  Json identity{{"experiment", experiment_}, {"method", run.method->name}, {"seed", run.seed}};
  if (options_.sweep) identity["strength"] = *run.strength();
  return {options_.output / ("partial-" + file_name_of(run, options_)), std::move(identity),
          options_.checkpoint_seconds};
}

}  // namespace lab
