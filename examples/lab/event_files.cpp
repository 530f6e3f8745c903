// SPDX-License-Identifier: MIT
#include "event_files.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>

#include "files.hpp"

namespace lab {

namespace {

// Records as TensorFlow writes them (tensorflow/core/lib/io/record_writer.h), and the two messages of Protocol Buffers
// that are needed of Event (wall_time 1, step 2, file_version 3, summary 5) and Summary.Value (tag 1, simple_value 2).

/// CRC-32C, reflected polynomial 0x82F63B78, masked as records have it.
std::uint32_t masked_checksum(const std::string& bytes) {
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ (0x82F63B78U & (0U - (crc & 1U)));
  }
  crc = ~crc;
  return ((crc >> 15U) | (crc << 17U)) + 0xA282EAD8U;
}

template <class Unsigned>
std::string little_endian(Unsigned value) {
  std::string bytes;
  for (std::size_t k = 0; k < sizeof value; ++k) bytes += static_cast<char>(value >> (8 * k) & 0xFFU);
  return bytes;
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) bytes += static_cast<char>((value & 0x7FU) | 0x80U);
  return bytes + static_cast<char>(value);
}

enum WireType : std::uint32_t { number = 0, double_bits = 1, text = 2, float_bits = 5 };

std::string field(std::uint32_t id, WireType type, const std::string& bytes) {
  const std::string key = varint(id << 3U | type);
  return type == text ? key + varint(bytes.size()) + bytes : key + bytes;
}

std::string record(const std::string& event) {
  const std::string length = little_endian(static_cast<std::uint64_t>(event.size()));
  return length + little_endian(masked_checksum(length)) + event + little_endian(masked_checksum(event));
}

const std::string at_no_time = field(1, double_bits, little_endian(std::uint64_t{0}));

std::string scalar(std::uint64_t step, const std::string& tag, double value) {
  const std::string bits = little_endian(std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  const std::string summary = field(1, text, field(1, text, tag) + field(2, float_bits, bits));
  return record(at_no_time + field(2, number, varint(step)) + field(5, text, summary));
}

std::string events_of(const RunResult& run, std::size_t epochs) {
  std::string events = record(at_no_time + field(3, text, "brain.Event:2"));
  for (const CurvePoint& point : run.outcome.curve) {
    const double passed = static_cast<double>(point.task * epochs) + point.epoch;
    const auto step = static_cast<std::uint64_t>(std::llround(100 * passed));
    events += scalar(step, "accuracy/seen", point.mean());
    for (std::size_t task = 0; task < point.accuracies.size(); ++task)
      events += scalar(step, fmt::format("accuracy/task {}", task + 1), point.accuracies[task]);
  }
  return events;
}

}  // namespace

void write_event_files(const std::filesystem::path& folder, std::span<const RunResult> runs, std::size_t epochs) {
  for (const RunResult& run : runs) {
    const std::string strength = run.strength ? fmt::format("-{:g}", *run.strength) : "";
    const auto of_run = folder / fmt::format("{}-{}{}", run.method, run.seed, strength);
    require_writable_folder(of_run);
    write_atomically(of_run / "events.out.tfevents.0.lifelong", events_of(run, epochs));
  }
}

}  // namespace lab
