// SPDX-License-Identifier: MIT
#include "options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <lifelong/core/error.hpp>
#include <lifelong/optimizer/adam.hpp>
#include <lifelong/optimizer/momentum.hpp>
#include <lifelong/optimizer/sgd.hpp>
#include <set>
#include <thread>
#include <utility>

#include "arguments.hpp"
#include "methods.hpp"
#include "run_arguments.hpp"
#include "text.hpp"

namespace lab {

namespace {

using lifelong::InvalidArgument;

const Names<StreamKind> stream_names{
    {"rotated", StreamKind::rotated}, {"permuted", StreamKind::permuted},       {"split", StreamKind::split},
    {"noisy", StreamKind::noisy},     {"label-shift", StreamKind::label_shift}, {"sets", StreamKind::sets}};
const Names<lifelong::Scenario> scenario_names{{"domain", lifelong::Scenario::domain},
                                               {"task", lifelong::Scenario::task},
                                               {"class", lifelong::Scenario::class_incremental}};
const Names<OptimizerKind> optimizer_names{
    {"sgd", OptimizerKind::sgd}, {"momentum", OptimizerKind::momentum}, {"adam", OptimizerKind::adam}};
const Names<Machine> machine_names{{"cpu", Machine::cpu}, {"cuda", Machine::cuda}};
const Names<bool> search_names{{"grid", false}, {"bisection", true}};
const Names<lifelong::OptimizerState> state_names{{"keep", lifelong::OptimizerState::keep},
                                                  {"reset", lifelong::OptimizerState::reset}};

/// \throws InvalidArgument if a part of the list comes twice.
std::vector<std::string> distinct_parts(const std::string& what, const std::string& text) {
  std::vector<std::string> parts = split_list(text);
  std::set<std::string> seen;
  for (const std::string& part : parts) {
    if (part.empty()) throw InvalidArgument(fmt::format("{} '{}' has an empty part", what, text));
    if (!seen.insert(part).second) throw InvalidArgument(fmt::format("{} names '{}' twice", what, part));
  }
  return parts;
}

/// `strength 1000/1.2/1000, alpha 0.5`
std::string defaults_of(const Method& method) {
  std::vector<std::string> texts;
  for (const Setting& setting : method.settings) {
    const auto [rotated, permuted, split] = setting.by_default;
    texts.push_back(rotated == permuted && permuted == split
                        ? fmt::format("{} {:g}", setting.name, split)
                        : fmt::format("{} {:g}/{:g}/{:g}", setting.name, rotated, permuted, split));
  }
  return joined(texts);
}

std::string methods_help() {
  std::string text = "Methods, and the settings of each by default (for streams rotated/permuted/split):\n";
  for (const Method& method : methods(Machine::cpu)) {
    const std::string defaults = defaults_of(method);
    text +=
        fmt::format("  {:<17}{}{}\n", method.name, method.description, defaults.empty() ? "" : " [" + defaults + "]");
  }
  return text +
         "\nA strength is the lambda of lambda/2 * sum of importance * (move away from the anchor)^2; of ridge, of "
         "lambda * sum of\nweight^2, as a share of the features' mean square.";
}

std::vector<std::size_t> hidden_widths(const std::string& text) {
  std::vector<std::size_t> widths;
  for (const std::string& part : split_list(text.empty() ? "256,256" : text))
    widths.push_back(whole_number("--hidden", part, 1, 1'000'000));
  return widths;
}

std::optional<NetworkFile> chosen_network(const RunArguments& arguments, Machine machine) {
  if (arguments.network.empty()) return std::nullopt;
  if (!arguments.hidden.empty())
    throw InvalidArgument("--hidden and --network both say which network is trained; leave one of them out");
  if (machine != Machine::cpu)
    throw InvalidArgument("--network is for --device cpu; on a device, networks are of --hidden");
  return read_network(arguments.network);
}

std::vector<std::string> chosen_methods(const std::string& text, Machine machine) {
  std::vector<std::string> chosen = text == "all" ? method_names(machine) : distinct_parts("--methods", text);
  for (const std::string& name : chosen) method_called(name, machine);
  if (text == "all")
    std::erase_if(chosen, [&](const std::string& name) { return method_called(name, machine).by_name_only; });
  return chosen;
}

/// Without the methods that cannot do it. \throws InvalidArgument if they were asked for by name.
void require_possible(Options& options, bool by_name) {
  const auto impossible = [&](const std::string& name) {
    const std::optional<std::string> reason = obstacle(method_called(name, options.machine), options);
    if (reason && by_name) throw InvalidArgument("--methods: " + *reason);
    return reason.has_value();
  };
  std::erase_if(options.methods, impossible);
}

std::vector<std::uint64_t> chosen_seeds(const std::string& text) {
  std::vector<std::uint64_t> seeds;
  for (const std::string& part : distinct_parts("--seeds", text)) seeds.push_back(whole_number("--seeds", part));
  return seeds;
}

/// Task numbers, from 1, in the order in which they are learned. \throws InvalidArgument unless each comes once.
std::vector<std::size_t> chosen_order(const std::string& text, std::size_t tasks) {
  std::vector<std::size_t> order;
  for (const std::string& part : distinct_parts("--order", text))
    order.push_back(whole_number("--order", part, 1, tasks) - 1);
  if (order.size() != tasks)
    throw InvalidArgument(fmt::format("--order {} has {} of {} tasks", text, order.size(), tasks));
  return order;
}

/// `task`, `epoch` or a number of steps.
TestAfter chosen_tests(const std::string& text) {
  if (text == "task") return {TestAfter::task};
  if (text == "epoch") return {TestAfter::epoch};
  return {TestAfter::steps, whole_number("--test-after (task, epoch, or a number of steps)", text, 1)};
}

using Settings = std::map<std::string, std::map<std::string, double>>;

/// Adds METHOD=VALUE of a setting.
void add_setting(Settings& settings, const std::string& setting, const std::string& text,
                 const std::vector<std::string>& methods) {
  const std::string option = "--" + setting;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos)
    throw InvalidArgument(fmt::format("{} must look like METHOD=VALUE, but is '{}'", option, text));
  const std::string name = text.substr(0, equals), value = text.substr(equals + 1), what = option + " " + name;
  const Setting* known = setting_of(method_called(name, Machine::cpu), setting);
  if (known == nullptr) throw InvalidArgument(fmt::format("{} {}: this method has no {}", option, text, setting));
  if (std::find(methods.begin(), methods.end(), name) == methods.end())
    throw InvalidArgument(fmt::format("{} {}: this method is not among --methods", option, text));
  settings[name][setting] = known->least ? static_cast<double>(whole_number(what, value, *known->least, 1'000'000))
                                         : real_number(what, value);
}

Settings chosen_settings(const RunArguments& arguments, const std::vector<std::string>& methods) {
  Settings settings;
  for (const auto& [setting, texts] : arguments.settings)
    for (const std::string& text : texts) add_setting(settings, setting, text, methods);
  return settings;
}

double share(const std::string& what, const std::string& text) {
  const double value = real_number(what, text);
  if (value > 1) throw lifelong::InvalidArgument(fmt::format("{} is at most 1, but is {:g}", what, value));
  return value;
}

lifelong::Scenario chosen_scenario(const std::string& text, StreamKind stream) {
  if (!text.empty()) return value_of(scenario_names, "--scenario", text);
  return stream == StreamKind::split ? lifelong::Scenario::task : lifelong::Scenario::domain;
}

/// Of the methods that have a strength. \throws InvalidArgument if one was asked for that has none.
void add_sweep(Options& options, const RunArguments& arguments, bool by_name) {
  const auto fixed = [&](const std::string& name) {
    const bool without = setting_of(method_called(name, options.machine), "strength") == nullptr;
    if (without && by_name) throw InvalidArgument(fmt::format("--methods: {} has no strength", name));
    return without;
  };
  std::erase_if(options.methods, fixed);
  if (!arguments.settings.at("strength").empty())
    throw InvalidArgument("--strength is what a sweep chooses; say --from and --to");
  options.sweep = Sweep{.from = real_number("--from", arguments.from, true),
                        .to = real_number("--to", arguments.to, true),
                        .values = whole_number("--values", arguments.values, 2, 1000),
                        .bisect = value_of(search_names, "--search", arguments.search),
                        .drop = real_number("--drop", arguments.drop),
                        .first = whole_number("--first", arguments.first, 1, options.tasks)};
  const Sweep& sweep = *options.sweep;
  if (!(sweep.from < sweep.to))
    throw InvalidArgument(fmt::format("--from {:g} is not below --to {:g}", sweep.from, sweep.to));
  if (sweep.bisect && sweep.first < 2)
    throw InvalidArgument("--search bisection needs two tasks, of which the second is new: --first 2");
}

}  // namespace

void describe_run(CLI::App& app, RunArguments& arguments) {
  app.option_defaults()->group("What is learned");
  add(app, "--dataset", arguments.dataset, "NAME",
      "fashion-mnist, mnist, or a folder with IDX files (.gz or not),\nx_train.npy, y_train.npy, x_test.npy and "
      "y_test.npy, or train.csv and\ntest.csv; several with commas between them for --stream sets");
  add(app, "--stream", arguments.stream, "KIND",
      "rotated, permuted (pixels), split (classes), noisy (ever more),\nlabel-shift (other shares of the classes), or "
      "sets (one after another)");
  add(app, "--degrees", arguments.degrees, "X", "From one rotated task to the next, or random: drawn from 0 to 180");
  add(app, "--noise", arguments.noise, "X", "Standard deviation of the last noisy task, where white is 1");
  add(app, "--label-shift", arguments.shift, "X",
      "label-shift keeps examples of a class with probability u^X,\nu drawn from 0 to 1 for each task and class");
  add(app, "--blur", arguments.blur, "X",
      "Share of a task's training examples that change places with the\nnext task's; for tasks that share images and "
      "outputs");
  add(app, "--order", arguments.order, "N,N,...", "Order of the tasks, as 3,1,2; or random: drawn for each seed");
  add(app, "--scenario", arguments.scenario, "KIND",
      "domain (tasks share the outputs), task (own outputs, task known),\nor class (own outputs, task not known); "
      "[domain, for split: task]");
  add(app, "--tasks", arguments.tasks, "N", "Number of tasks");
  add(app, "--train-samples", arguments.train_samples, "N", "Training samples per task [all]");

  app.option_defaults()->group("How");
  add(app, "--methods", arguments.methods, "A,B,...",
      "Methods, see below; or all that can do it, but for\nthose that repeat how others compute a method");
  for (const std::string& name : setting_names())
    app.add_option("--" + name, arguments.settings[name],
                   fmt::format("{} of one method, see below; may be given for several", name))
        ->type_name("METHOD=VALUE")
        ->allow_extra_args(false);
  add(app, "--memory", arguments.memory, "N", "Stored examples, of all tasks together");
  add(app, "--memory-batch", arguments.memory_batch, "N",
      "Stored examples in each step [as many as --batch-size; gem: all of each task]");
  add(app, "--hidden", arguments.hidden, "N,N,...", "Widths of the hidden layers [256,256]");
  add(app, "--network", arguments.network, "FILE",
      "A network of other layers, described in JSON: convolutions,\nrecurrent layers, blocks of a transformer, ...");
  add(app, "--epochs", arguments.epochs, "N", "Passes over each task");
  add(app, "--batch-size", arguments.batch_size, "N", "Samples per step");
  add(app, "--optimizer", arguments.optimizer, "KIND", "sgd, momentum or adam");
  add(app, "--learning-rate", arguments.learning_rate, "X",
      fmt::format("Learning rate [adam {:g}, momentum {:g}, sgd {:g}]", default_learning_rate(OptimizerKind::adam),
                  default_learning_rate(OptimizerKind::momentum), default_learning_rate(OptimizerKind::sgd)));
  add(app, "--final-rate", arguments.final_rate, "X",
      "Share of the learning rate to fall to, linearly, over each task");
  add(app, "--optimizer-state", arguments.optimizer_state, "KIND", "keep or reset it when a task begins");
  add(app, "--test-after", arguments.test_after, "KIND",
      "Test the tasks seen so far after each epoch, or task, or N\nsteps, which shows the gap at the start of a task");
  add(app, "--seeds", arguments.seeds, "N,N,...", "One run of every method for each seed");

  app.option_defaults()->group("Where");
  add(app, "--threads", arguments.threads, "N", "Threads [all processors]; results do not depend on it");
  add(app, "--jobs", arguments.jobs, "N", "Runs that are made at the same time, and share the threads");
  add(app, "--device", arguments.device, "KIND",
      "cpu, or cuda: networks and data on a device for methods without\nfactors, memory, own parameters or heads, in "
      "programs that were built with nvcc");
  add(app, "--checkpoint-every", arguments.checkpoint_every, "X", "Seconds after which a run is saved again");
  add(app, "--output", arguments.output, "FOLDER", "Folder for results.json, times.json and report.html");
  app.add_flag("--tensorboard", arguments.tensorboard, "Write event files for TensorBoard too");
  app.add_flag("--save-models", arguments.save_models,
               "Keep each network at the end, with importances and memory, as\nMETHOD-SEED.safetensors");
  app.add_flag("--overwrite", arguments.overwrite, "Replace the results of another command that lie there");
  app.footer("\n" + methods_help());
}

void describe_sweep(CLI::App& app, RunArguments& arguments) {
  app.option_defaults()->group("Which strengths");
  add(app, "--from", arguments.from, "X", "Smallest strength; 0 is tried too");
  add(app, "--to", arguments.to, "X", "Largest strength");
  add(app, "--search", arguments.search, "KIND",
      "grid: evenly spaced on a log scale, the best of all; or\nbisection: the largest that learns as well as no "
      "penalty");
  add(app, "--values", arguments.values, "N", "Number of strengths that are tried");
  add(app, "--drop", arguments.drop, "X", "Points by which bisection lets new tasks be learned worse");
  add(app, "--first", arguments.first, "N", "The first tasks of the stream alone are learned");
  describe_run(app, arguments);
}

Options resolved(const RunArguments& arguments, std::string command) {
  constexpr std::size_t most = 1'000'000'000;
  const StreamKind stream = value_of(stream_names, "--stream", arguments.stream);
  const OptimizerKind optimizer = value_of(optimizer_names, "--optimizer", arguments.optimizer);
  const Machine machine = machine_called(arguments.device);
  std::vector<std::string> chosen = chosen_methods(arguments.methods, machine);
  const Settings settings = chosen_settings(arguments, chosen);
  const auto processors = std::max(1U, std::thread::hardware_concurrency());
  if (arguments.output.empty()) throw InvalidArgument("--output names no folder");
  const std::size_t tasks = stream == StreamKind::sets ? split_list(arguments.dataset).size()
                                                       : whole_number("--tasks", arguments.tasks, 1, 10'000);
  Options options{
      .command = std::move(command),
      .dataset = arguments.dataset,
      .stream = stream,
      .degrees =
          arguments.degrees == "random" ? std::nullopt : std::optional(real_number("--degrees", arguments.degrees)),
      .noise = real_number("--noise", arguments.noise, true),
      .shift = real_number("--label-shift", arguments.shift),
      .blur = share("--blur", arguments.blur),
      .order = arguments.order.empty() || arguments.order == "random"
                   ? std::nullopt
                   : std::optional(chosen_order(arguments.order, tasks)),
      .random_order = arguments.order == "random",
      .scenario = chosen_scenario(arguments.scenario, stream),
      .tasks = tasks,
      .hidden = hidden_widths(arguments.hidden),
      .network = chosen_network(arguments, machine),
      .methods = std::move(chosen),
      .epochs = whole_number("--epochs", arguments.epochs, 1, 1'000'000),
      .batch_size = whole_number("--batch-size", arguments.batch_size, 1, most),
      .optimizer = optimizer,
      .learning_rate = arguments.learning_rate.empty() ? default_learning_rate(optimizer)
                                                       : real_number("--learning-rate", arguments.learning_rate, true),
      .final_rate = share("--final-rate", arguments.final_rate),
      .settings = settings,
      .memory = whole_number("--memory", arguments.memory, 1, most),
      .memory_batch = arguments.memory_batch.empty()
                          ? std::nullopt
                          : std::optional(whole_number("--memory-batch", arguments.memory_batch, 1, most)),
      .seeds = chosen_seeds(arguments.seeds),
      .train_samples = arguments.train_samples.empty()
                           ? std::nullopt
                           : std::optional(whole_number("--train-samples", arguments.train_samples, 1, most)),
      .threads = arguments.threads.empty() ? static_cast<int>(processors)
                                           : static_cast<int>(whole_number("--threads", arguments.threads, 1, 1024)),
      .jobs = whole_number("--jobs", arguments.jobs, 1, 1024),
      .machine = machine,
      .optimizer_state = value_of(state_names, "--optimizer-state", arguments.optimizer_state),
      .test_after = chosen_tests(arguments.test_after),
      .checkpoint_seconds = real_number("--checkpoint-every", arguments.checkpoint_every),
      .sweep = std::nullopt,
      .output = arguments.output,
      .event_files = arguments.tensorboard,
      .save_students = arguments.save_models,
      .overwrite = arguments.overwrite};
  require_possible(options, arguments.methods != "all");
  return options;
}

Options resolved_sweep(const RunArguments& arguments, std::string command) {
  Options options = resolved(arguments, std::move(command));
  add_sweep(options, arguments, arguments.methods != "all");
  return options;
}

std::string name_of(StreamKind stream) { return name_in(stream_names, stream); }
std::string name_of(OptimizerKind optimizer) { return name_in(optimizer_names, optimizer); }
std::string name_of(lifelong::Scenario scenario) { return name_in(scenario_names, scenario); }
std::string name_of(lifelong::OptimizerState state) { return name_in(state_names, state); }
std::string name_of(Machine machine) { return name_in(machine_names, machine); }
Machine machine_called(const std::string& text) { return value_of(machine_names, "--device", text); }

double default_learning_rate(OptimizerKind optimizer) {
  switch (optimizer) {
    case OptimizerKind::sgd:
      return lifelong::optimizer::Sgd{}.learning_rate;
    case OptimizerKind::momentum:
      return lifelong::optimizer::Momentum{}.learning_rate;
    case OptimizerKind::adam:
      return lifelong::optimizer::Adam{}.learning_rate;
  }
  return 0;
}

}  // namespace lab
