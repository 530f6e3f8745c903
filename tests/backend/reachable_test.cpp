// SPDX-License-Identifier: MIT
// A learner, and an estimate without one, ask model and backend whether they reach each other before anything is done.
#include <lifelong/lifelong.hpp>

#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "guarded.hpp"
#include "tiny_model.hpp"

namespace reachable_test {

namespace {

namespace ll = lifelong;
using test::message_of;
using test::TinyModel;

/// It knows that only a device reaches it.
struct FarModel : TinyModel {
  template <class Backend>
  void require_backend(const Backend&) const {
    if (!ll::DeviceBackend<Backend>) ll::detail::raise<ll::InvalidArgument>("this model is far away");
  }
};

template <class Model, class Backend>
std::string refusal(Model model, Backend backend) {
  return message_of<ll::InvalidArgument>([&] {
    ll::Learner{model, ll::importance::Constant{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}, backend};
  });
}

}  // namespace

TEST_CASE("a model and a backend that do not reach each other make no learner", "[backend][errors]") {
  CHECK(refusal(FarModel(), ll::backend::Serial{}) == "this model is far away");
  CHECK(refusal(TinyModel(), test::Guarded{}) == "the model's parameters are not in guarded memory");
  CHECK_NOTHROW(ll::Learner{test::GuardedModel(TinyModel()), ll::importance::Constant{}, ll::penalty::Quadratic{},
                            ll::optimizer::Sgd{}, test::Guarded{}});
}

TEST_CASE("nor an estimate", "[backend][errors]") {
  FarModel model;
  std::vector<double> out(model.theta.size());
  CHECK(message_of<ll::InvalidArgument>([&] {
          ll::importance::estimate(ll::importance::Mas{}, model, std::vector{test::TinyTask(1).all()},
                                   std::span<double>(out));
        }) == "this model is far away");
}

}  // namespace reachable_test
