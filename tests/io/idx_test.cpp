// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include <lifelong/io/idx.hpp>

#include "catch.hpp"
#include "folder.hpp"

namespace idx_test {

namespace ll = lifelong;
using test::ContainsSubstring;
using test::Folder;

namespace {

using test::Bytes;

Bytes bytes(std::vector<int> values) {
  Bytes all;
  for (const int value : values) all.push_back(static_cast<std::byte>(value));
  return all;
}

/// Two images of 2 x 3 and their labels.
Bytes images() {
  return bytes({0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255});
}
Bytes labels() { return bytes({0, 0, 8, 1, 0, 0, 0, 2, 9, 0}); }

ll::io::IdxArray parse(const Bytes& data) { return ll::io::parse_idx(data, "some.idx"); }

std::string refusal(const Bytes& data) {
  return test::message_of<ll::FormatError>([&] { (void)parse(data); });
}

void write_quartet(Folder& folder) {
  folder.write("train-images-idx3-ubyte", images());
  folder.write("train-labels-idx1-ubyte", labels());
  folder.write("t10k-images-idx3-ubyte", images());
  folder.write("t10k-labels-idx1-ubyte", labels());
}

/// An "unpacker" whose packed form is the bytes themselves.
Bytes copy(std::span<const std::byte> packed, std::size_t limit, const std::string&) {
  const auto part = packed.first(packed.size() < limit ? packed.size() : limit);
  return {part.begin(), part.end()};
}

}  // namespace

TEST_CASE("IDX bytes become a shape and values") {
  const ll::io::IdxArray array = parse(images());
  CHECK(array.shape == std::vector<std::size_t>{2, 2, 3});
  CHECK(array.values == std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255});
  CHECK(parse(bytes({0, 0, 8, 1, 0, 0, 0, 0})).values.empty());
}

TEST_CASE("every truncation of an IDX file is refused") {
  const Bytes whole = images();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK_THAT(refusal(cut), ContainsSubstring(length < 4    ? "shorter than an IDX header"
                                               : length < 16 ? "ends within its IDX header"
                                                             : "too short"));
  }
  Bytes one_more = whole;
  one_more.push_back(std::byte{0});
  CHECK(refusal(one_more) == "'some.idx' is too long: its header claims 12 values, but more follow");
  Bytes one_less = whole;
  one_less.pop_back();
  CHECK(refusal(one_less) == "'some.idx' is too short: its header claims 12 values, but 11 follow");
}

TEST_CASE("every header byte that is not what it should be is refused") {
  for (std::size_t i = 0; i < 16; ++i) {
    Bytes damaged = images();
    damaged[i] = std::byte{0xff};
    CAPTURE(i);
    CHECK_THROWS_AS(parse(damaged), ll::FormatError);
  }
  CHECK_THAT(refusal(bytes({0, 0, 0x0d, 1, 0, 0, 0, 0})), ContainsSubstring("element type 13"));
  CHECK_THAT(refusal(bytes({0, 0, 8, 0})), ContainsSubstring("0 dimensions"));
  CHECK_THAT(refusal(bytes({0, 0, 8, 9})), ContainsSubstring("9 dimensions"));
  CHECK_THAT(refusal(bytes({31, 139, 8, 0})), ContainsSubstring("does not start like an IDX file"));
}

TEST_CASE("sizes whose product overflows are refused before any allocation") {
  CHECK_THAT(refusal(bytes({0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255})),
             ContainsSubstring("more values than memory"));
  // 2^16 * 2^16 * 2^16 * 2^16 = 2^64 wraps around to 0, which would be the number of values that follow.
  CHECK_THAT(refusal(bytes({0, 0, 8, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0})),
             ContainsSubstring("more values than memory"));
  CHECK_THAT(refusal(bytes({0, 0, 8, 2, 255, 255, 255, 255, 0, 255, 255, 255})), ContainsSubstring("too short"));
}

TEST_CASE("a file is read, and refused by its name") {
  Folder folder;
  const std::string path = folder.write("images", images());
  CHECK(ll::io::read_idx(path).values.back() == 255);
  CHECK(test::message_of<ll::FileError>([&] { (void)ll::io::read_idx(path + "x"); }) ==
        "'" + path + "x' cannot be opened");
  CHECK_THROWS_AS(ll::io::read_idx(folder.path()), ll::FileError);  // a folder
  CHECK_THROWS_AS(ll::io::read_idx(folder.write("empty", {})), ll::FormatError);
  CHECK_THROWS_AS(ll::io::read_idx("/dev/zero", {.limit = 1000}), ll::FormatError);
  CHECK(ll::io::read_idx(path, {.limit = 12}).values.size() == 12);
  CHECK(test::message_of<ll::FormatError>([&] { (void)ll::io::read_idx(path, {.limit = 11}); }) ==
        "'" + path + "' claims 12 values, more than the limit of 11");
}

TEST_CASE("a large file is read whole") {
  Folder folder;
  Bytes large = bytes({0, 0, 8, 1, 0, 4, 0, 0});
  for (int i = 0; i < 1 << 18; ++i) large.push_back(static_cast<std::byte>(i % 251));
  const ll::io::IdxArray array = ll::io::read_idx(folder.write("large", large));
  REQUIRE(array.values.size() == 1 << 18);
  CHECK(array.values[(1 << 18) - 1] == ((1 << 18) - 1) % 251);
}

TEST_CASE("packed files need the hook, and go through it") {
  Folder folder;
  const std::string path = folder.write("images.gz", images());
  CHECK_THAT(test::message_of<ll::InvalidArgument>([&] { (void)ll::io::read_idx(path); }),
             ContainsSubstring(path) && ContainsSubstring(".unpack = lifelong::zlib::gunzip"));
  CHECK(ll::io::read_idx(path, {.unpack = copy}).shape == std::vector<std::size_t>{2, 2, 3});
  Bytes longer = images();
  longer.resize(1000);
  CHECK_THROWS_AS(ll::io::read_idx(folder.write("long.gz", longer), {.unpack = copy}), ll::FormatError);
}

TEST_CASE("a folder of four files becomes train and test sets") {
  Folder folder;
  write_quartet(folder);
  const std::string slash = GENERATE("", "/");
  const ll::SplitData<std::uint8_t> data = ll::io::load_idx(folder.path() + slash);
  CHECK(data.train.size() == 2);
  CHECK(data.train.shape() == std::vector<std::size_t>{2, 3});
  CHECK(data.train.input(1)[5] == 255);
  CHECK(data.test.labels()[0] == 9);
  CHECK(data.test.classes() == 10);
}

TEST_CASE("plain files are preferred to packed ones") {
  Folder folder;
  write_quartet(folder);
  folder.write("train-images-idx3-ubyte.gz", {});
  CHECK(ll::io::load_idx(folder.path()).train.size() == 2);
}

TEST_CASE("what is missing is named") {
  Folder folder;
  write_quartet(folder);
  const std::string labels_path = folder.path() + "/t10k-labels-idx1-ubyte";
  std::remove(labels_path.c_str());
  CHECK(test::message_of<ll::FileError>([&] { (void)ll::io::load_idx(folder.path()); }) ==
        "neither '" + labels_path + "' nor '" + labels_path + ".gz' can be opened");
  CHECK_THAT(test::message_of<ll::FileError>([] { (void)ll::io::load_idx("/nowhere"); }),
             ContainsSubstring("there is no folder '/nowhere'"));
}

TEST_CASE("files that do not belong together are refused") {
  Folder folder;
  write_quartet(folder);
  const auto refusal = [&] { return test::message_of<ll::Error>([&] { (void)ll::io::load_idx(folder.path()); }); };
  SECTION("numbers differ") {
    folder.write("train-labels-idx1-ubyte", bytes({0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3}));
    CHECK_THAT(refusal(), ContainsSubstring("has 2 images, but") && ContainsSubstring("has 3 labels"));
  }
  SECTION("images and labels swapped") {
    folder.write("train-labels-idx1-ubyte", images());
    CHECK_THAT(refusal(), ContainsSubstring("should have 1 dimension, but has 3"));
  }
  SECTION("labels for images") {
    folder.write("train-images-idx3-ubyte", labels());
    CHECK_THAT(refusal(), ContainsSubstring("should have 3 dimensions, but has 1"));
  }
  SECTION("no pixels") {
    folder.write("train-images-idx3-ubyte", bytes({0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3}));
    CHECK_THAT(refusal(), ContainsSubstring("has no pixels: 2 x 0 x 3"));
  }
  SECTION("train and test differ in size") {
    folder.write("t10k-images-idx3-ubyte", bytes({0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 8}));
    CHECK_THAT(refusal(), ContainsSubstring("images of 2 x 3, but") && ContainsSubstring("of 1 x 1"));
  }
}

}  // namespace idx_test
