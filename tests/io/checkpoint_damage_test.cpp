// SPDX-License-Identifier: MIT
// A checkpoint that is not, to the bit, what was saved does not enter a learner.
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/lifelong.hpp>
#include <lifelong/nn.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "folder.hpp"
#include "tiny_model.hpp"

namespace checkpoint_damage_test {

namespace ll = lifelong;
using ll::io::Safetensors;
using test::Bytes;
using test::ContainsSubstring;

namespace {

auto make_learner() {
  return ll::Learner{test::TinyModel(), ll::importance::SynapticIntelligence{}, ll::penalty::Quadratic{.strength = 3},
                     ll::optimizer::Momentum{}};
}
using Learner = decltype(make_learner());

Learner trained() {
  auto learner = make_learner();
  learner.fit(test::TinyTask(1, 12), {.epochs = 2, .batch_size = 5});
  learner.consolidate();
  learner.fit(test::TinyTask(2, 12), {.batch_size = 5});
  return learner;
}

Bytes bytes_of(const Safetensors& file) {
  const test::Folder folder;
  ll::io::write_safetensors(folder.path() + "/x", file);
  return folder.read("x");
}
Bytes saved() {
  auto learner = trained();
  return bytes_of(ll::io::checkpoint(learner));
}

Safetensors parse(const Bytes& bytes) { return ll::io::parse_safetensors(bytes, "x.safetensors"); }

/// The message with which the file is refused; it must leave the learner as it is.
template <class E = ll::FormatError>
std::string refusal(const Safetensors& file, Learner& learner) {
  const Bytes before = bytes_of(ll::io::checkpoint(learner));
  const std::string message = test::message_of<E>([&] { ll::io::restore(file, learner); });
  CHECK(bytes_of(ll::io::checkpoint(learner)) == before);
  return message;
}

/// What a file would hold whose checksum was made of its contents, whatever they are.
Safetensors with_value(const Safetensors& file, const std::string& tensor, std::size_t i, double value) {
  Safetensors changed("x.safetensors");
  for (const auto& [key, text] : file.metadata()) changed.set_metadata(key, text);
  for (const auto& [name, entry] : file.tensors())
    if (entry.dtype == "U64") {
      changed.add<std::uint64_t>(name, entry.shape, file.values<std::uint64_t>(name));
    } else {
      std::vector<double> values = file.values<double>(name);
      if (name == tensor) values.at(i) = value;
      changed.add<double>(name, entry.shape, values);
    }
  ll::io::seal(changed);
  return changed;
}

}  // namespace

TEST_CASE("every flipped bit of a checkpoint is found", "[checkpoint]") {
  const Bytes good = saved();
  auto learner = make_learner();
  const auto before = learner.model().theta;
  std::vector<std::size_t> undetected;
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    Bytes bad = good;
    bad[bit / 8] ^= std::byte{1} << bit % 8;
    try {
      ll::io::restore(parse(bad), learner);
      undetected.push_back(bit);
    } catch (const ll::FormatError&) {
    }
  }
  CHECK(undetected == std::vector<std::size_t>{});
  CHECK(learner.model().theta == before);
  CHECK(learner.tasks() == 0);
  ll::io::restore(parse(good), learner);
  CHECK(learner.tasks() == 1);
}

TEST_CASE("damage to the values of a checkpoint is called damage", "[checkpoint]") {
  Bytes bytes = saved();
  bytes.back() ^= std::byte{1};
  auto learner = make_learner();
  CHECK(refusal(parse(bytes), learner) ==
        "'x.safetensors' is damaged: its contents are not those its checksum was made of");
}

TEST_CASE("blocks of one size that have changed places are found", "[checkpoint]") {
  const Bytes good = saved();
  const Safetensors file = parse(good);
  const std::size_t data = good.size() - [&] {
    std::size_t total = 0;
    for (const auto& [name, tensor] : file.tensors()) total += tensor.bytes;
    return total;
  }();
  auto learner = make_learner();
  std::size_t swapped = 0;
  for (const auto& [a, first] : file.tensors())
    for (const auto& [b, second] : file.tensors()) {
      if (a >= b || first.bytes != second.bytes || first.dtype != second.dtype) continue;
      if (std::ranges::equal(file.bytes(a), file.bytes(b))) continue;
      Bytes bad = good;
      std::swap_ranges(bad.begin() + static_cast<std::ptrdiff_t>(data + first.offset),
                       bad.begin() + static_cast<std::ptrdiff_t>(data + first.offset + first.bytes),
                       bad.begin() + static_cast<std::ptrdiff_t>(data + second.offset));
      CAPTURE(a, b);
      CHECK_THAT(refusal(parse(bad), learner), ContainsSubstring("is damaged"));
      ++swapped;
    }
  CHECK(swapped > 10);
}

TEST_CASE("changed metadata, names, shapes and types are found", "[checkpoint]") {
  const Safetensors file = parse(saved());
  auto learner = make_learner();
  for (const auto& [key, text] : file.metadata()) {
    Safetensors changed = file;
    changed.set_metadata(key, text + " ");
    CAPTURE(key);
    CHECK_THAT(refusal(changed, learner), ContainsSubstring("is damaged"));
  }
  Safetensors more = file;
  more.set_metadata("a note", "of the user");
  CHECK_THAT(refusal(more, learner), ContainsSubstring("is damaged"));
  const test::Folder folder;
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { ll::io::write_safetensors(folder.path() + "/x", more); }),
             ContainsSubstring("call io::seal(contents)"));
  CHECK(folder.size() == 0);
  ll::io::seal(more);
  ll::io::restore(parse(bytes_of(more)), learner);
  CHECK(learner.tasks() == 1);

  for (int change = 0; change < 3; ++change) {  // the same bytes under another name, in another shape, of another type
    Safetensors other("x.safetensors");
    for (const auto& [key, text] : file.metadata()) other.set_metadata(key, text);
    for (const auto& [name, tensor] : file.tensors()) {
      std::vector<std::uint64_t> words;
      std::vector<double> values;
      if (tensor.dtype == "U64") words = file.values<std::uint64_t>(name);
      if (tensor.dtype == "F64") values = file.values<double>(name);
      const bool here = name == "penalty.offset" || name == "model.parameters";
      if (here && change == 0)
        other.add<double>(name + "s", tensor.shape, values);
      else if (here && change == 1)
        other.add<double>(name, {1, values.size()}, values);
      else if (here && change == 2)
        other.add<std::uint64_t>(name, tensor.shape, std::vector<std::uint64_t>(values.size()));
      else if (tensor.dtype == "U64")
        other.add<std::uint64_t>(name, tensor.shape, words);
      else
        other.add<double>(name, tensor.shape, values);
    }
    CHECK_THAT(refusal(other, learner), ContainsSubstring("is damaged"));
  }
}

TEST_CASE("what is no checkpoint, or one of another format, is refused", "[checkpoint]") {
  auto learner = make_learner();
  const Safetensors file = parse(saved());
  Safetensors bare("x.safetensors");  // as before there was a checksum, or as PyTorch writes it
  for (const auto& [name, tensor] : file.tensors())
    if (tensor.dtype == "F64") bare.add<double>(name, tensor.shape, file.values<double>(name));
  CHECK(refusal(bare, learner) ==
        "'x.safetensors' has no checksum: it is damaged, or it is no checkpoint of this version of lifelong");
  ll::io::seal(bare);
  CHECK(refusal(bare, learner) == "'x.safetensors' is no checkpoint of a learner");
  Safetensors newer = file;
  newer.set_metadata("lifelong.checkpoint", "2");
  ll::io::seal(newer);
  CHECK(refusal(newer, learner) == "'x.safetensors' is a checkpoint of format '2', but only format '1' is read");
}

TEST_CASE("a checkpoint that is read and written again is the same", "[checkpoint]") {
  CHECK(bytes_of(parse(saved())) == saved());
}

TEST_CASE("no value that is not finite enters a learner", "[checkpoint]") {
  auto learner = trained();
  const Safetensors good = ll::io::checkpoint(learner);
  std::size_t arrays = 0;
  for (const auto& [name, tensor] : good.tensors()) {
    if (tensor.dtype != "F64") continue;
    const std::size_t last = tensor.bytes / 8 - 1;
    for (const double value : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
      const std::string message = refusal<ll::NumericError>(with_value(good, name, last, value), learner);
      CHECK(message == name + "[" + std::to_string(last) + "] of 'x.safetensors' is " + ll::detail::text(value));
    }
    ++arrays;
  }
  CHECK(arrays == 7);  // parameters, path, start, importance, anchor, offset, velocity
  auto poisoned = trained();
  poisoned.parameters()[3] = -std::numeric_limits<double>::infinity();
  CHECK(refusal<ll::NumericError>(ll::io::checkpoint(poisoned), learner) ==
        "model.parameters[3] of 'safetensors' is -inf");
}

TEST_CASE("running statistics and compact arrays that are not finite are refused by name", "[checkpoint]") {
  const auto make = [] {
    return ll::Learner{
        ll::nn::sequential<float>(ll::nn::Shape{4}, ll::nn::Linear{4, 3}, ll::nn::BatchNorm{3}, ll::nn::Linear{3, 2}),
        ll::importance::Fisher{}, ll::compact(ll::penalty::Quadratic{}), ll::optimizer::Sgd{}};
  };
  auto learner = make(), poisoned = make();
  poisoned.model().buffers()[4] = std::bit_cast<float>(0x7fc00000U);
  const auto message = [&] {
    return test::message_of<ll::NumericError>([&] { ll::io::restore(ll::io::checkpoint(poisoned), learner); });
  };
  CHECK(message() == "model.1.running_var[1] of 'safetensors' is nan");
  poisoned = make();
  poisoned.state().penalty.template get<0>()[12] = ll::Bfloat16(std::numeric_limits<float>::infinity());
  CHECK(message() == "penalty.importance.0.bias[0] of 'safetensors' is inf");

  auto full = ll::Learner{learner.model(), ll::importance::Fisher{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
  full.state().penalty.get<0>()[12] = std::numeric_limits<float>::max();  // Inf in bfloat16
  CHECK(test::message_of<ll::NumericError>([&] {
          ll::io::restore(ll::io::checkpoint(full), learner, {.may_differ = {"penalty"}});
        }) == "penalty.importance[12] of 'safetensors' is inf");
}

}  // namespace checkpoint_damage_test
