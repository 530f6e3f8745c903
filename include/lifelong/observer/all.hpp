// SPDX-License-Identifier: MIT
// Several observers as one.
#pragma once

#include <lifelong/config/push_macros.hpp>

#include <tuple>
#include <utility>

#include <lifelong/learner/options.hpp>

namespace lifelong::observer {

/// Calls every observer after every step, in their order, and says stop if any of them does; the others still see that
/// step. An exception of one ends the step there: those behind it are not called. Made by `all`.
template <class... Observers>
class All {
 public:
  explicit All(Observers&&... observers) : observers_(std::forward<Observers>(observers)...) {}

  FitSignal operator()(const FitProgress& at) {
    FitSignal signal = FitSignal::go_on;
    const auto tell = [&](auto& observer) {
      if (lifelong::detail::notify(observer, at) == FitSignal::stop) signal = FitSignal::stop;
    };
    std::apply([&](auto&... each) { (tell(each), ...); }, observers_);
    return signal;
  }

 private:
  std::tuple<Observers...> observers_;
};

/// Several observers, or callbacks of your own, as one: `learner.fit(task, options, observer::all(progress, log))`.
/// Those that have a name are referred to, and live longer than the result; others are moved into it.
template <class... Observers>
[[nodiscard]] All<Observers...> all(Observers&&... observers) {
  return All<Observers...>(std::forward<Observers>(observers)...);
}

}  // namespace lifelong::observer

#include <lifelong/config/pop_macros.hpp>
