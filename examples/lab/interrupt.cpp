// SPDX-License-Identifier: MIT
#include "interrupt.hpp"

#include <signal.h>

#include <atomic>

namespace lab {

namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted.store(true, std::memory_order_relaxed); };
  action.sa_flags = static_cast<int>(SA_RESETHAND | static_cast<unsigned>(SA_RESTART));
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

void stop_if_interrupted() {
  if (interrupted.load(std::memory_order_relaxed)) throw Interrupted{};
}

}  // namespace lab
