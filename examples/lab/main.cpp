// SPDX-License-Identifier: MIT
// lifelong-lab: experiments with lifelong learning from the command line.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <lifelong/core/error.hpp>
#include <optional>
#include <variant>

#include "command.hpp"
#include "experiment.hpp"
#include "importance_command.hpp"
#include "interrupt.hpp"
#include "options.hpp"

namespace {

enum ExitCode { done = 0, failed = 1, refused = 2, interrupted = 130 };

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::optional<lab::Command> command = lab::parse_command(argc, argv);
    if (!command) return done;
    lab::catch_interrupts();
    if (const auto* run = std::get_if<lab::Options>(&*command))
      lab::run_experiment(*run);
    else
      lab::estimate_importance(std::get<lab::ImportanceOptions>(*command));
    return done;
  } catch (const lab::Interrupted&) {
    return interrupted;
  } catch (const lifelong::Error& error) {
    fmt::print(stderr, "lifelong-lab: {}\n", error.what());
    return refused;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "lifelong-lab: there is not enough memory\n");
    return failed;
  } catch (const std::exception& error) {
    fmt::print(stderr, "lifelong-lab: {}\n", error.what());
    return failed;
  }
}
