// SPDX-License-Identifier: MIT
// lifelong-lab: experiments with lifelong learning from the command line.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <lifelong/core/error.hpp>
#include <optional>
#include <variant>

#include "command.hpp"
#include "compare.hpp"
#include "experiment.hpp"
#include "importance_command.hpp"
#include "interrupt.hpp"
#include "options.hpp"
#include "report_command.hpp"
#include "reproduce.hpp"
#include "surface.hpp"
#include "transfer.hpp"

namespace {

enum ExitCode { done = 0, failed = 1, refused = 2, interrupted = 130 };

struct CarryOut {
  void operator()(const lab::Options& run) const { lab::run_experiment(run); }
  void operator()(const lab::ImportanceOptions& importance) const { lab::estimate_importance(importance); }
  void operator()(const lab::SurfaceOptions& surface) const { lab::map_surface(surface); }
  void operator()(const lab::ReproduceOptions& published) const { lab::reproduce(published); }
  void operator()(const lab::TransferOptions& two) const { lab::transfer(two); }
  void operator()(const lab::CompareOptions& two) const { lab::compare(two); }
  void operator()(const lab::ReportOptions& report) const { lab::write_report(report); }
};

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::optional<lab::Command> command = lab::parse_command(argc, argv);
    if (!command) return done;
    lab::catch_interrupts();
    std::visit(CarryOut{}, *command);
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
