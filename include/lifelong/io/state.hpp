// SPDX-License-Identifier: MIT
// The state of an object in a file: of a head of `analytic/`, or of anything else that shows its state to a visitor.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <cstddef>
#include <string>

#include <lifelong/backend/serial.hpp>
#include <lifelong/core/error.hpp>
#include <lifelong/core/layout.hpp>
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/io/file.hpp>
#include <lifelong/io/safetensors.hpp>

namespace lifelong::io {

namespace state_detail {

struct Nothing {
  template <class Value>
  void operator()(const char*, Value&) const {}
};

inline constexpr const char* version_key = "lifelong.state";
inline constexpr const char* version = "1";

template <class Object>
std::size_t count_tensors(Object& object) {
  std::size_t count = 0;
  const auto visit = [&](const char*, const auto&) { ++count; };
  object.visit(visit, visit);
  return count;
}

}  // namespace state_detail

/// What shows its state: `visit(array, number)` calls `array("name", values)` for vectors of numbers and
/// `number("name", value)` for single ones, each with a name of its own. A visitor may write to them and resize the
/// vectors. If the object cannot be what it is then told to be, it throws and is what it was before.
template <class O>
concept VisitedState = requires(O& object, const state_detail::Nothing& visitor) {
  object.visit(visitor, visitor);
};

/// The whole state of an object, with a checksum: `write_safetensors("head.safetensors", state_of(ridge))`.
template <VisitedState Object>
[[nodiscard]] Safetensors state_of(Object& object) {
  return io_detail::with_memory_for("state", [&] {
    Safetensors file;
    const Layout no_blocks;
    const backend::Serial serial;
    const checkpoint_detail::Writer<double, backend::Serial> writer(file, no_blocks, serial);
    object.visit([&](const char* name, const auto& values) { writer.array(name, values); },
                 [&](const char* name, const auto& value) { writer.number(name, value); });
    file.set_metadata(state_detail::version_key, state_detail::version);
    seal(file);
    return file;
  });
}

/// Puts an object into a saved state: `load_state(read_safetensors("head.safetensors"), ridge)`. Settings are the
/// object's own. If this throws, nothing has changed; meanwhile it takes memory for a copy of the state.
/// \throws FormatError for a file that is damaged or no saved state, and for a tensor that is missing, left over or of
/// another type; NumericError for a value that is NaN or Inf; what the object throws for a state that is none of its.
template <VisitedState Object>
void load_state(const Safetensors& file, Object& object) {
  require_seal(file);
  const auto found = file.metadata().find(state_detail::version_key);
  if (found == file.metadata().end() || found->second != state_detail::version)
    lifelong::detail::raise<FormatError>("'" + file.name() + "' is no saved state of format '" + state_detail::version +
                                         "'");
  const std::size_t tensors = state_detail::count_tensors(object);
  if (file.tensors().size() != tensors)
    lifelong::detail::raise<FormatError>("'" + file.name() + "' has " + std::to_string(file.tensors().size()) +
                                         " tensors where the object has " + std::to_string(tensors));
  const Layout no_blocks;
  const backend::Serial serial;
  checkpoint_detail::Reader<double, backend::Serial> reader(file, no_blocks, serial);
  io_detail::with_memory_for(file.name(), [&] {
    object.visit(
        [&](const char* name, auto& values) {
          static_cast<void>(file.at(name));  // the reader takes a missing array for one in blocks
          reader.array(name, values);
        },
        [&](const char* name, auto& value) { reader.number(name, value); });
  });
}

}  // namespace lifelong::io

#include <lifelong/config/pop_macros.hpp>
