// SPDX-License-Identifier: MIT
// Ctrl-C: asked for by a signal, noticed wherever examples are read.
#pragma once

#include <cstddef>
#include <lifelong/core/batch.hpp>

namespace lab {

/// Thrown out of whatever is running when the user asks the program to stop.
struct Interrupted {};

/// From now on SIGINT and SIGTERM ask the program to stop; a second one ends it at once.
void catch_interrupts();

/// \throws Interrupted if the program was asked to stop.
void stop_if_interrupted();

/// Examples that can be interrupted: training, consolidation and evaluation over them end within a batch.
template <class Source>
class Interruptible {
 public:
  explicit Interruptible(const Source& source) : source_(source) {}
  [[nodiscard]] std::size_t size() const { return source_.size(); }
  [[nodiscard]] std::size_t features() const { return source_.features(); }
  [[nodiscard]] std::size_t targets() const { return source_.targets(); }

  template <class T>
  void read(std::size_t i, lifelong::ExampleRow<T> row) const {
    stop_if_interrupted();
    source_.read(i, row);
  }

 private:
  const Source& source_;
};

}  // namespace lab
