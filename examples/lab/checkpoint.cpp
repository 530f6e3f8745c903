// SPDX-License-Identifier: MIT
#include "checkpoint.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <lifelong/core/error.hpp>
#include <system_error>
#include <utility>

namespace lab {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* session_key = "lifelong-lab.session";
constexpr const char* identity_key = "lifelong-lab.run";

std::string metadata_of(const lifelong::io::Safetensors& file, const char* key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) throw lifelong::FormatError(fmt::format("it has no {}", key));
  return found->second;
}

}  // namespace

Checkpoint::Checkpoint(std::filesystem::path path, Json identity, double seconds)
    : path_(std::move(path)), identity_(std::move(identity)), every_(seconds) {}

std::optional<SavedRun> Checkpoint::load() const {
  if (!std::filesystem::exists(path_)) return std::nullopt;
  std::string reason;
  try {
    SavedRun run{lifelong::io::read_safetensors(path_.string()), {}};
    lifelong::io::require_seal(run.student);
    if (metadata_of(run.student, identity_key) == identity_.dump()) {
      run.session = Json::parse(metadata_of(run.student, session_key));
      return run;
    }
    reason = "is of another run";
  } catch (const Json::exception& error) {
    reason = fmt::format("is damaged ({})", error.what());
  } catch (const lifelong::FormatError& error) {
    reason = fmt::format("is damaged ({})", error.what());
  }
  fmt::print(stderr, "{} {}: not used, the run begins anew\n", path_.string(), reason);
  return std::nullopt;
}

void Checkpoint::save(SavedRun run) {
  run.student.set_metadata(identity_key, identity_.dump());
  run.student.set_metadata(session_key, run.session.dump());
  lifelong::io::seal(run.student);
  lifelong::io::write_safetensors(path_.string(), run.student);
  saved_ = Clock::now();
}

void Checkpoint::forget() const {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

}  // namespace lab
