// SPDX-License-Identifier: MIT
// Heads in files: they go on with the same bits, and a file that is not theirs changes nothing.
#include <lifelong/analytic/random_features.hpp>
#include <lifelong/analytic/ridge.hpp>
#include <lifelong/analytic/slda.hpp>
#include <lifelong/io/state.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/random.hpp>

#include "catch.hpp"
#include "folder.hpp"

namespace saved_test {

namespace ll = lifelong;
using ll::io::Safetensors;
using Trunk = ll::analytic::RandomFeatures<double>;
using Ridge = ll::analytic::Ridge<Trunk>;
using Slda = ll::analytic::Slda<Trunk>;
using Values = std::vector<double>;

namespace {

constexpr std::size_t inputs = 6, features = 50, classes = 3;

template <class Head>
Head made(std::size_t outputs = classes, std::uint64_t seed = 1, std::size_t width = features) {
  return {Trunk(inputs, width, seed), outputs, {}};
}

/// Learns samples [first, first + 40) of a source without end.
template <class Head>
void learn(Head& head, std::size_t first) {
  const ll::Random random(3);
  Values values;
  std::vector<std::int32_t> labels;
  for (std::size_t n = first; n < first + 40; ++n) {
    labels.push_back(static_cast<std::int32_t>(n % classes));
    for (std::size_t k = 0; k < inputs; ++k)
      values.push_back(random.normal(n * inputs + k) + (k == n % classes ? 2.0 : 0.0));
  }
  head.learn({40, inputs, values, labels});
}

template <class Head>
Head learned() {
  Head head = made<Head>();
  learn(head, 0);
  return head;
}

/// What it says of some inputs.
template <class Head>
Values answers(Head& head) {
  const Values some = {0.3, -1, 2, 0.1, 0.2, -0.5};
  Values out(head.outputs());
  head.predict({1, inputs, some}, out);
  return out;
}

/// The file with one of its arrays replaced, and perhaps renamed, and a checksum that is right.
Safetensors with(const Safetensors& file, const std::string& tensor, const Values& values, std::string new_name = "") {
  Safetensors changed("x.safetensors");
  for (const auto& [key, text] : file.metadata()) changed.set_metadata(key, text);
  for (const auto& [name, entry] : file.tensors())
    if (name == tensor)
      changed.add<double>(new_name.empty() ? name : new_name, {values.size()}, values);
    else if (entry.dtype == "U64")
      changed.add<std::uint64_t>(name, entry.shape, file.values<std::uint64_t>(name));
    else
      changed.add<double>(name, entry.shape, file.values<double>(name));
  ll::io::seal(changed);
  return changed;
}

/// An array of a file, changed.
template <class Change>
Values array_of(const Safetensors& file, const std::string& name, const Change& change) {
  Values values = file.values<double>(name);
  change(values);
  return values;
}

template <class Error, class Head>
std::string refusal(const Safetensors& file, Head& head) {
  const Safetensors before = ll::io::state_of(head);
  const std::string message = test::message_of<Error>([&] { ll::io::load_state(file, head); });
  CHECK(ll::io::state_of(head).metadata() == before.metadata());  // the checksum is among them
  return message;
}

template <class Head>
void goes_on() {
  const test::Folder folder;
  const std::string path = folder.path() + "/head.safetensors";
  Head head = learned<Head>();
  ll::io::write_safetensors(path, ll::io::state_of(head));
  for (const std::size_t outputs : {std::size_t{1}, classes, std::size_t{5}}) {
    Head other = made<Head>(outputs);
    ll::io::load_state(ll::io::read_safetensors(path), other);
    CHECK(answers(other) == answers(head));
    Head more = head;
    learn(more, 40);
    learn(other, 40);
    CHECK(answers(other) == answers(more));
    CHECK(other.bytes() == more.bytes());
  }
}

template <class Head>
void refuses_every_damage() {
  Head head = learned<Head>(), other = made<Head>();
  const test::Folder folder;
  ll::io::write_safetensors(folder.path() + "/head", ll::io::state_of(head));
  const test::Bytes good = folder.read("head");
  const Values before = answers(other);
  std::vector<std::size_t> undetected;
  for (std::size_t byte = 0; byte < good.size(); byte += byte < 1000 ? 1 : 97) {
    test::Bytes bad = good;
    bad[byte] ^= std::byte{16};
    try {
      ll::io::load_state(ll::io::parse_safetensors(bad, "x"), other);
      undetected.push_back(byte);
    } catch (const ll::FormatError&) {
    }
  }
  CHECK(undetected == std::vector<std::size_t>{});
  CHECK(answers(other) == before);
}

}  // namespace

TEST_CASE("a saved head goes on with the same bits") {
  goes_on<Ridge>();
  goes_on<Slda>();
}

TEST_CASE("a file holds what is known, without padding") {
  Ridge ridge = learned<Ridge>();
  const Safetensors file = ll::io::state_of(ridge);
  CHECK(file.at("gram").shape == std::vector<std::size_t>{51 * 52 / 2});
  CHECK(file.at("moments").shape == std::vector<std::size_t>{3 * 51});
  CHECK(file.values<double>("samples") == Values{40});
  CHECK(file.values<double>("gram").back() == 40);  // the square of the intercept
}

TEST_CASE("a damaged file of a head is refused, and changes nothing") {
  refuses_every_damage<Ridge>();
  refuses_every_damage<Slda>();
}

TEST_CASE("a file with a right checksum and a wrong state is refused, and changes nothing") {
  Ridge ridge = learned<Ridge>();
  Slda slda = learned<Slda>();
  const Safetensors file = ll::io::state_of(ridge), means = ll::io::state_of(slda);
  learn(ridge, 40);
  learn(slda, 40);
  const auto pop = [](Values& values) { values.pop_back(); };
  const auto spoil = [](Values& values) { values.back() = std::numeric_limits<double>::quiet_NaN(); };
  const auto negative = [](Values& values) { values.back() = -1; };

  for (const char* name : {"gram", "moments"}) {
    CHECK_THAT(refusal<ll::ShapeMismatch>(with(file, name, array_of(file, name, pop)), ridge),
               test::ContainsSubstring(name));
    CHECK_THAT(refusal<ll::NumericError>(with(file, name, array_of(file, name, spoil)), ridge),
               test::ContainsSubstring(name));
  }
  CHECK_THROWS_AS(ll::io::load_state(with(file, "moments", {}), ridge), ll::ShapeMismatch);
  CHECK_THAT(refusal<ll::FormatError>(with(file, "squares", {-1}), ridge), test::ContainsSubstring("squares"));
  CHECK_THAT(refusal<ll::FormatError>(with(file, "samples", {-1}), ridge),
             test::ContainsSubstring("samples of the saved Ridge: -1"));
  for (const char* name : {"scatter", "means", "counts"})
    CHECK_THAT(refusal<ll::ShapeMismatch>(with(means, name, array_of(means, name, pop)), slda),
               test::ContainsSubstring(name));
  CHECK_THAT(refusal<ll::FormatError>(with(means, "counts", array_of(means, "counts", negative)), slda),
             test::ContainsSubstring("samples of class 2 of the saved Slda: -1"));

  Ridge elsewhere = made<Ridge>(classes, 2), narrow = made<Ridge>(classes, 1, features - 1);
  CHECK_THAT(refusal<ll::FormatError>(file, elsewhere), test::ContainsSubstring("lies on a trunk with other settings"));
  CHECK(refusal<ll::FormatError>(file, narrow) == "the saved Ridge has 50 features, but this one 49");
  CHECK_THAT(refusal<ll::FormatError>(file, slda), test::ContainsSubstring("6 tensors"));
  CHECK_THAT(refusal<ll::FormatError>(means, ridge), test::ContainsSubstring("5 tensors"));
  CHECK_THAT(refusal<ll::FormatError>(with(file, "gram", file.values<double>("gram"), "scatter"), ridge),
             test::ContainsSubstring("no tensor 'gram'"));
  ll::analytic::Ridge origin{Trunk(inputs, features, 1), classes, {.intercept = false}};
  CHECK_THAT(refusal<ll::ShapeMismatch>(file, origin), test::ContainsSubstring("gram"));
  Safetensors empty("empty");
  ll::io::seal(empty);
  CHECK(refusal<ll::FormatError>(empty, ridge) == "'empty' is no saved state of format '1'");
}

}  // namespace saved_test
