// SPDX-License-Identifier: MIT
// Paths that are none, too little memory, decimal commas: nothing but an error of the library comes out of it.
#include <lifelong/io/checkpoint.hpp>
#include <lifelong/io/csv.hpp>
#include <lifelong/io/idx.hpp>
#include <lifelong/io/npy.hpp>
#include <lifelong/lifelong.hpp>

#include <clocale>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <locale>
#include <new>
#include <string>
#include <vector>

#include "catch.hpp"
#include "folder.hpp"
#include "tiny_model.hpp"

namespace {

/// The largest piece of memory that `new` gives.
thread_local std::size_t largest_piece = static_cast<std::size_t>(-1);

}  // namespace

// Not inline, or g++ takes `free` for a mistake.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  void* piece = bytes <= largest_piece ? std::malloc(bytes == 0 ? 1 : bytes) : nullptr;
  if (piece == nullptr) throw std::bad_alloc();
  return piece;
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return bytes <= largest_piece ? std::malloc(bytes == 0 ? 1 : bytes) : nullptr;
}
[[gnu::noinline]] void operator delete(void* piece) noexcept { std::free(piece); }
[[gnu::noinline]] void operator delete(void* piece, std::size_t) noexcept { std::free(piece); }

namespace hostile_test {

namespace ll = lifelong;
using ll::io::Safetensors;
using test::Folder;

namespace {

/// Calls with no more than 4 kB in one piece.
template <class Call>
void with_little_memory(const Call& call) {
  struct Limit {
    Limit() { largest_piece = 4096; }
    ~Limit() { largest_piece = static_cast<std::size_t>(-1); }
  } limit;
  call();
}

auto make() {
  return ll::Learner{test::TinyModel(), ll::importance::Fisher{}, ll::penalty::Quadratic{.strength = 1234.5},
                     ll::optimizer::Adam{.learning_rate = 1.5e-7}};
}

/// A checkpoint and an array, written and read again.
class Written {
 public:
  Written() {
    auto learner = make();
    ll::io::write_safetensors(folder_.path() + "/x", ll::io::checkpoint(learner));
    ll::io::write_npy<float>(folder_.path() + "/x.npy", {1, 2000}, std::vector<float>(2000, 0.5F));
    auto resumed = make();
    ll::io::restore(ll::io::read_safetensors(folder_.path() + "/x"), resumed);
    CHECK(ll::io::read_npy(folder_.path() + "/x.npy").shape[1] == 2000);
  }
  void require_same_as(const Written& other) const {
    CHECK(folder_.read("x") == other.folder_.read("x"));
    CHECK(folder_.read("x.npy") == other.folder_.read("x.npy"));
  }

 private:
  Folder folder_;
};

}  // namespace

TEST_CASE("a path with a zero byte, a folder and a missing file are no files") {
  const Folder folder;
  const std::vector<float> values{1, 2};
  const std::string real = folder.path() + "/real";
  ll::io::write_npy<float>(real, {2}, values);
  const std::vector<std::function<void(const std::string&)>> readers{
      [](const std::string& path) { (void)ll::io::read_npy(path); },
      [](const std::string& path) { (void)ll::io::read_safetensors(path); },
      [](const std::string& path) { (void)ll::io::read_idx(path); },
      [](const std::string& path) { (void)ll::io::read_csv(path); },
      [](const std::string& path) { (void)ll::io::load_idx(path); }};
  const std::vector<std::function<void(const std::string&)>> writers{
      [&](const std::string& path) { ll::io::write_npy<float>(path, {2}, values); },
      [](const std::string& path) { ll::io::write_safetensors(path, Safetensors()); }};
  const std::string cut_off = real + std::string("\0.npy", 5);
  for (const auto* calls : {&readers, &writers})
    for (const auto& call : *calls) {
      CHECK(test::message_of<ll::FileError>([&] { call(cut_off); }) ==
            "'" + real + "...' is no path: it has a zero byte");
      CHECK_THROWS_AS(call(folder.path()), ll::FileError);
      CHECK_THROWS_AS(call(""), ll::FileError);
      CHECK_THROWS_AS(call(folder.path() + "/none/x"), ll::FileError);
      CHECK_THROWS_AS(call(folder.path() + "/" + std::string(5000, 'x')), ll::FileError);
      CHECK_THROWS_AS(call(real + "/x"), ll::FileError);
    }
  CHECK(folder.size() == 1);
  CHECK(ll::io::read_npy(real).values<float>() == values);
}

TEST_CASE("too little memory is reported as such, with the name of the file") {
  const Folder folder;
  const std::string npy = folder.path() + "/x.npy", tensors = folder.path() + "/x.safetensors";
  const std::vector<float> values(3000, 1);
  const std::vector<std::uint8_t> classes(5000, 1);
  ll::io::write_npy<float>(npy, {3000}, values);
  Safetensors made;
  made.add<float>("x", {3000}, values);
  ll::io::write_safetensors(tensors, made);
  ll::io::write_npy<std::uint8_t>(folder.path() + "/y.npy", {5000}, classes);
  test::Bytes idx{std::byte{0}, std::byte{0}, std::byte{8},  std::byte{1},
                  std::byte{0}, std::byte{0}, std::byte{20}, std::byte{0}};
  idx.resize(idx.size() + 20 * 256);
  const std::string idx_path = folder.write("x.idx", idx);

  test::Bytes csv{std::byte{'x'}, std::byte{'\n'}};
  for (std::size_t i = 0; i < 3000; ++i) csv.insert(csv.end(), {std::byte{'1'}, std::byte{'\n'}});
  const std::string csv_path = folder.write("x.csv", csv);

  const ll::io::NpyArray array = ll::io::read_npy(npy), labels = ll::io::read_npy(folder.path() + "/y.npy");
  const Safetensors file = ll::io::read_safetensors(tensors);
  const test::Bytes npy_bytes = folder.read("x.npy"), tensor_bytes = folder.read("x.safetensors");
  test::TinyModel model;
  model.hidden = 1000;
  model.theta.resize(4 * 1000 + 1000 + 3 * 1000 + 3);
  ll::Learner learner{model, ll::importance::Constant{}, ll::penalty::Quadratic{}, ll::optimizer::Sgd{}};
  const Safetensors saved = ll::io::checkpoint(learner);
  ll::Layout layout;
  layout.add("x", {3000});

  const std::vector<std::function<void()>> calls{[&] { (void)ll::io::read_npy(npy); },
                                                 [&] { (void)ll::io::parse_npy(npy_bytes, npy); },
                                                 [&] { (void)array.values<float>(); },
                                                 [&] { (void)labels.labels(); },
                                                 [&] { ll::io::write_npy<float>(npy, {3000}, values); },
                                                 [&] { (void)ll::io::read_safetensors(tensors); },
                                                 [&] { (void)ll::io::parse_safetensors(tensor_bytes, tensors); },
                                                 [&] { (void)file.values<float>("x"); },
                                                 [&] { made.add<float>("y", {3000}, values); },
                                                 [&] { (void)ll::io::read_blocks<float>(file, layout); },
                                                 [&] { (void)ll::io::read_idx(idx_path); },
                                                 [&] { (void)ll::io::parse_idx(idx, idx_path); },
                                                 [&] { (void)ll::io::checkpoint(learner); },
                                                 [&] { ll::io::restore(saved, learner); },
                                                 [&] { (void)ll::io::read_csv(csv_path); }};
  for (std::size_t i = 0; i < calls.size(); ++i) {
    CAPTURE(i);
    const std::string message = test::message_of<ll::OutOfMemory>([&] { with_little_memory(calls[i]); });
    CHECK_THAT(message, test::ContainsSubstring("does not fit into memory"));
    calls[i == 8 ? 0 : i]();  // a second one of that name would be refused
  }
  CHECK(made.tensors().size() == 1);
  CHECK(folder.size() == 5);
}

TEST_CASE("files do not depend on the locale of C++ streams") {
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\1"; }
  };
  const Written plain;
  const std::locale before = std::locale::global(std::locale(std::locale(), new Comma));
  const Written comma;
  plain.require_same_as(comma);
  std::locale::global(before);
}

TEST_CASE("files do not depend on the locale of C") {
  const Written plain;
  const char* found = nullptr;
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8", "ru_RU.UTF-8", "pt_BR.UTF-8"})
    if (found == nullptr) found = std::setlocale(LC_ALL, name);
  if (found == nullptr) {
    std::puts("skipped: there is no locale with a decimal comma");
    return;
  }
  REQUIRE(std::string(std::localeconv()->decimal_point) == ",");
  const Written comma;
  plain.require_same_as(comma);
  std::setlocale(LC_ALL, "C");
}

}  // namespace hostile_test
