// SPDX-License-Identifier: MIT
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <lifelong/core/random.hpp>
#include <lifelong/io/safetensors.hpp>

#include "catch.hpp"
#include "folder.hpp"

namespace safetensors_test {

namespace ll = lifelong;
using ll::io::Safetensors;
using test::Bytes;
using test::ContainsSubstring;
using test::Folder;

namespace {

void append(Bytes& bytes, const std::string& text) {
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
}

/// A file with this header and `data` bytes 0, 1, 2, ...
Bytes file(const std::string& header, std::size_t data = 0) {
  Bytes bytes;
  for (std::size_t i = 0; i < 8; ++i) bytes.push_back(static_cast<std::byte>(header.size() >> 8 * i));
  append(bytes, header);
  for (std::size_t i = 0; i < data; ++i) bytes.push_back(static_cast<std::byte>(i));
  return bytes;
}

Safetensors parse(const Bytes& bytes) { return ll::io::parse_safetensors(bytes, "some.safetensors"); }

std::string refusal(const Bytes& bytes) {
  return test::message_of<ll::FormatError>([&] { (void)parse(bytes); });
}
std::string refusal(const std::string& header, std::size_t data = 0) { return refusal(file(header, data)); }

/// A file with one tensor x.
std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"x":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

const std::string two_tensors = R"({"__metadata__":{"by":"hand"},"b":{"dtype":"U8","shape":[2],"data_offsets":[8,10]},)"
                                R"("a":{"dtype":"I32","shape":[2,1],"data_offsets":[0,8]}}  )";

Safetensors sample() {
  const std::vector<float> weight{1, -2, 0.5F, std::numeric_limits<float>::infinity(), 1e-45F, -0.0F};
  const std::vector<double> scalar{3.141592653589793};
  const std::vector<std::int64_t> steps{-1, std::numeric_limits<std::int64_t>::min()};
  const std::vector<std::uint8_t> bytes{0, 255, 7};
  Safetensors made;
  made.add<std::uint8_t>("bytes", {3}, bytes);
  made.add<float>("0.weight", {2, 3}, weight);
  made.add<double>("scalar", {}, scalar);
  made.add<std::int64_t>("steps", {2}, steps);
  made.add<float>("nothing", {0, 5}, {});
  made.set_metadata("recipe", "line one\nline \"two\" \\ \x01 \xc3\xa9 \xf0\x9f\x98\x80");
  return made;
}

}  // namespace

TEST_CASE("a safetensors file written by hand is read") {
  const Safetensors read = parse(file(two_tensors, 10));
  CHECK(read.tensors().size() == 2);
  CHECK(read.metadata().at("by") == "hand");
  CHECK(read.at("a").dtype == "I32");
  CHECK(read.at("a").shape == std::vector<std::size_t>{2, 1});
  CHECK(read.values<std::int32_t>("a") == std::vector<std::int32_t>{0x03020100, 0x07060504});
  CHECK(read.values<std::uint8_t>("b") == std::vector<std::uint8_t>{8, 9});
  CHECK(read.bytes("b")[1] == std::byte{9});
  CHECK(read.contains("a"));
  CHECK_FALSE(read.contains("__metadata__"));
  CHECK(parse(file("{}")).tensors().empty());
}

TEST_CASE("types that C++ has no name for are read as bytes") {
  const Safetensors read = parse(file(one("BF16", "[3]", "[0,6]"), 6));
  CHECK(read.bytes("x").size() == 6);
  CHECK(test::message_of<ll::FormatError>([&] { (void)read.values<float>("x"); }) ==
        "tensor 'x' of 'some.safetensors' is BF16 where F32 is needed; in PyTorch, save the state_dict of "
        "model.float()");
  CHECK(test::message_of<ll::FormatError>([&] { (void)read.bytes("y"); }) == "'some.safetensors' has no tensor 'y'");
}

TEST_CASE("safetensors come back as they were written") {
  const Folder folder;
  const std::string path = folder.path() + "/out.safetensors";
  const Safetensors made = sample();
  ll::io::write_safetensors(path, made);
  CHECK(folder.size() == 1);
  const Safetensors read = ll::io::read_safetensors(path);
  CHECK(read.metadata() == made.metadata());
  REQUIRE(read.tensors().size() == made.tensors().size());
  for (const auto& [name, tensor] : made.tensors()) {
    CAPTURE(name);
    CHECK(read.at(name).dtype == tensor.dtype);
    CHECK(read.at(name).shape == tensor.shape);
    const auto there = read.bytes(name), here = made.bytes(name);
    CHECK(Bytes(there.begin(), there.end()) == Bytes(here.begin(), here.end()));
  }
  CHECK(std::signbit(read.values<float>("0.weight")[5]));

  const Bytes bytes = folder.read("out.safetensors");
  for (const auto& [name, tensor] : read.tensors())
    if (tensor.bytes > 0) CHECK(tensor.offset % (tensor.bytes / (tensor.shape.empty() ? 1 : tensor.shape[0])) % 4 == 0);
  ll::io::write_safetensors(path, read);
  CHECK(folder.read("out.safetensors") == bytes);
}

TEST_CASE("an array that is removed leaves the others as they were") {
  const Safetensors all = sample();
  for (const auto& [removed, its] : all.tensors()) {
    CAPTURE(removed);
    Safetensors rest = all;
    rest.remove(removed);
    CHECK_FALSE(rest.contains(removed));
    const Folder folder;
    const std::string path = folder.path() + "/out.safetensors";
    ll::io::write_safetensors(path, rest);
    const Safetensors read = ll::io::read_safetensors(path);
    REQUIRE(read.tensors().size() + 1 == all.tensors().size());
    for (const auto& [name, tensor] : read.tensors()) {
      const auto there = read.bytes(name), here = all.bytes(name);
      CHECK(Bytes(there.begin(), there.end()) == Bytes(here.begin(), here.end()));
    }
  }
  Safetensors made = sample();
  CHECK_THROWS_AS(made.remove("absent"), ll::FormatError);
  CHECK(made.tensors().size() == all.tensors().size());
}

TEST_CASE("a written safetensors file has the bytes of the format") {
  const Folder folder;
  Safetensors made;
  const std::vector<float> values{1};
  made.add<float>("x", {1}, values);
  ll::io::write_safetensors(folder.path() + "/x", made);
  Bytes expected = file(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  )");
  append(expected, std::string("\x00\x00\x80\x3f", 4));
  CHECK(folder.read("x") == expected);
}

TEST_CASE("every truncation of a safetensors file is refused") {
  const Bytes whole = file(two_tensors, 10);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    CHECK_THAT(refusal(cut), ContainsSubstring(length < 8                        ? "too short for a safetensors file"
                                               : length < 8 + two_tensors.size() ? "ends within its safetensors header"
                                                                                 : "too short"));
  }
  Bytes longer = whole;
  longer.push_back(std::byte{0});
  CHECK(refusal(longer) == "'some.safetensors' is too long: its tensors have 10 bytes, but more follow the header");
}

TEST_CASE("files and bytes in memory are refused alike") {
  const Folder folder;
  const Bytes whole = file(two_tensors, 10);
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    CAPTURE(length);
    const std::string path =
        folder.write("cut", Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
    if (length == whole.size())
      CHECK(ll::io::read_safetensors(path).tensors().size() == 2);
    else
      CHECK_THROWS_AS(ll::io::read_safetensors(path), ll::FormatError);
  }
  const std::string path = folder.write("x", whole);
  CHECK(ll::io::read_safetensors(path, 10).tensors().size() == 2);
  CHECK(test::message_of<ll::FormatError>([&] { (void)ll::io::read_safetensors(path, 9); }) ==
        "'" + path + "' claims 10 bytes of data, more than the limit of 9");
  CHECK(test::message_of<ll::FileError>([&] { (void)ll::io::read_safetensors(path + "x"); }) ==
        "'" + path + "x' cannot be opened");
  CHECK_THROWS_AS(ll::io::read_safetensors(folder.path()), ll::FileError);
  CHECK_THROWS_AS(ll::io::read_safetensors("/dev/zero"), ll::FormatError);
}

TEST_CASE("no damage to a safetensors file gets past the checks") {
  const Bytes whole = file(two_tensors, 10);
  const ll::Random random(1);
  std::size_t accepted = 0;
  const std::size_t trials = 20000;
  for (std::size_t trial = 0; trial < trials; ++trial) {
    Bytes damaged = whole;
    const std::size_t changes = 1 + trial % 3;
    for (std::size_t k = 0; k < changes; ++k) {
      const std::uint64_t bits = random.bits(3 * trial + k);
      const std::size_t at = bits % (8 + two_tensors.size());
      damaged[at] = trial % 2 == 0 ? damaged[at] ^ std::byte{1} << (bits >> 32) % 8
                                   : static_cast<std::byte>("0123456789[]{},:\"\\ x"[(bits >> 32) % 20]);
    }
    try {
      const Safetensors read = parse(damaged);
      ++accepted;  // a name or text was changed, or nothing
      std::size_t total = 0;
      for (const auto& [name, tensor] : read.tensors()) total += read.bytes(name).size();
      REQUIRE(total == 10);
    } catch (const ll::FormatError&) {
    }
  }
  CHECK(accepted < trials / 2);
}

TEST_CASE("a header whose length is absurd is refused before it is read") {
  for (const std::uint64_t length : {std::uint64_t{100'000'001}, ~std::uint64_t{0}, std::uint64_t{1} << 63}) {
    Bytes bytes;
    for (std::size_t i = 0; i < 8; ++i) bytes.push_back(static_cast<std::byte>(length >> 8 * i));
    append(bytes, "{}");
    CHECK_THAT(refusal(bytes), ContainsSubstring("claims a header of " + std::to_string(length) + " bytes"));
  }
}

TEST_CASE("tensors whose sizes do not add up are refused by name") {
  const std::string x = "tensor 'x' of 'some.safetensors' ";
  CHECK(refusal(one("F32", "[2]", "[0,4]"), 4) == x + "has 2 values of 4 bytes, but lies from byte 0 to 4");
  CHECK_THAT(refusal(one("F32", "[]", "[4,0]"), 4), ContainsSubstring("from byte 4 to 0"));
  CHECK_THAT(refusal(one("F32", "[1]", "[0,4]")), ContainsSubstring("too short"));
  CHECK_THAT(refusal(one("F32", "[1]", "[4,8]"), 8), ContainsSubstring("starts at byte 4 of the data, not at byte 0"));
  CHECK(refusal(one("F33", "[1]", "[0,4]"), 4) == x + "has the unknown type 'F33'");
  // 2^32 * 2^32 wraps around to 0 values, 2^61 values of 8 bytes to 0 bytes.
  CHECK(refusal(one("F64", "[4294967296,4294967296]", "[0,0]")) == x + "claims more values than memory can have");
  CHECK(refusal(one("F64", "[2305843009213693952]", "[0,0]")) == x + "claims more values than memory can have");
  CHECK_THAT(refusal(one("F32", "[18446744073709551616]", "[0,4]")), ContainsSubstring("the number is too large"));
  CHECK_THAT(refusal(one("F32", "[1]", "[18446744073709551612,0]")), ContainsSubstring("18446744073709551612 to 0"));
  CHECK(parse(file(one("F64", "[0,18446744073709551615]", "[0,0]"))).values<double>("x").empty());
}

TEST_CASE("tensors must fill the data without overlap and without gaps") {
  const auto pair = [](const std::string& a, const std::string& b) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + a +
           R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + b + "}}";
  };
  CHECK(parse(file(pair("[4,8]", "[0,4]"), 8)).values<std::uint8_t>("a")[0] == 4);
  CHECK_THAT(refusal(pair("[0,4]", "[2,6]"), 6), ContainsSubstring("tensor 'b'") && ContainsSubstring("at byte 2"));
  CHECK_THAT(refusal(pair("[0,4]", "[0,4]"), 4), ContainsSubstring("starts at byte 0 of the data, not at byte 4"));
  CHECK_THAT(refusal(pair("[0,4]", "[5,9]"), 9), ContainsSubstring("starts at byte 5 of the data, not at byte 4"));
}

TEST_CASE("a header must be strict JSON with the members of the format") {
  const std::string fine = one("U8", "[]", "[0,1]");
  REQUIRE(parse(file(fine + "   ", 1)).tensors().size() == 1);
  for (const std::string& header : {std::string(),
                                    std::string("[]"),
                                    " " + fine,
                                    fine + "x",
                                    fine + "{}",
                                    fine.substr(0, fine.size() - 1) + ",}",
                                    one("U8", "[1,]", "[0,1]"),
                                    one("U8", "[,1]", "[0,1]"),
                                    one("U8", "[01]", "[0,1]"),
                                    one("U8", "[1.0]", "[0,1]"),
                                    one("U8", "[1e0]", "[0,1]"),
                                    one("U8", "[-1]", "[0,1]"),
                                    one("U8", "[+1]", "[0,1]"),
                                    one("U8", "1", "[0,1]"),
                                    one("U8", "[[1]]", "[0,1]"),
                                    one("U8", "null", "[0,1]"),
                                    one("U8", "[\"1\"]", "[0,1]"),
                                    one("U8", "[]", "[0]"),
                                    one("U8", "[]", "[0,1,1]"),
                                    one("U8\n", "[]", "[0,1]"),
                                    one("U8\\x", "[]", "[0,1]"),
                                    one("U8\\u00", "[]", "[0,1]"),
                                    std::string("{'x':1}"),
                                    std::string(R"({"x":)" + std::string(100000, '[')),
                                    std::string(R"({"x":{"dtype":"U8","shape":[]}})"),
                                    std::string(R"({"x":{}})"),
                                    std::string(R"({"x":1})"),
                                    std::string(R"({"x":{"dtype":"U8","shape":[],"data_offsets":[0,1],"more":1}})"),
                                    std::string(R"({"x":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}})"),
                                    std::string(R"({"__metadata__":{"x":1}})"),
                                    std::string(R"({"__metadata__":{"x":{"y":"z"}}})")}) {
    CAPTURE(header);
    CHECK_THAT(refusal(header, 1), ContainsSubstring("the header of 'some.safetensors' is damaged at byte "));
  }
}

TEST_CASE("tensors of absurdly many dimensions are neither read nor made") {
  std::string ones = "1";
  for (int i = 1; i < 64; ++i) ones += ",1";
  CHECK(parse(file(one("U8", "[" + ones + "]", "[0,1]"), 1)).at("x").shape.size() == 64);
  CHECK_THAT(refusal(one("U8", "[" + ones + ",1]", "[0,1]"), 1), ContainsSubstring("too many dimensions"));
  Safetensors made;
  CHECK_THROWS_AS(made.add<float>("x", std::vector<std::size_t>(65, 1), std::vector<float>{1}), ll::InvalidArgument);
}

TEST_CASE("an archive of torch.save is called by its name") {
  Bytes archive;
  append(archive, "PK\x03\x04 and so on");
  CHECK_THAT(refusal(archive), ContainsSubstring("torch.save") && ContainsSubstring("save_file"));
}

TEST_CASE("names that come twice are refused") {
  const std::string entry = R"("x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  CHECK_THAT(refusal("{" + entry + "," + entry + "}"), ContainsSubstring("tensor 'x'") && ContainsSubstring("twice"));
  CHECK_THAT(refusal(R"({"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
                     R"("\u0078":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
             ContainsSubstring("twice"));
  CHECK_THAT(refusal(R"({"__metadata__":{"k":"1","k":"2"}})"), ContainsSubstring("metadata 'k' come twice"));
  CHECK_THAT(refusal(R"({"__metadata__":{},"__metadata__":{}})"), ContainsSubstring("metadata come twice"));
}

TEST_CASE("strings in a header may have escapes and must be well-formed UTF-8") {
  const auto text = [](const std::string& value) {
    return parse(file(R"({"__metadata__":{"k":")" + value + "\"}}")).metadata().at("k");
  };
  CHECK(text(R"(\"\\\/\b\f\n\r\t)") == "\"\\/\b\f\n\r\t");
  CHECK(text(R"(\u0041\u00e9\u20ac\ud83D\uDE00)") == "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(text("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") == "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(text(R"(a\u0000b)") == std::string("a\0b", 3));
  for (const char* bad : {"\\ud83d", "\\ud83dx", "\\ud83d\\n", "\\ud83d\\u0041", "\\ude00", "\\u00g0", "\x80", "\xc3",
                          "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xf0\x9f\x98"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(text(bad), ll::FormatError);
  }
}

TEST_CASE("hostile names are shown short and without control characters") {
  const std::string message =
      refusal(R"({")" + std::string(1000, 'n') + R"(\u001b[31m":{"dtype":"F31","shape":[],"data_offsets":[0,0]}})");
  CHECK(message.size() < 200);
  CHECK_THAT(refusal(one("\\u001b[31m", "[]", "[0,0]")), ContainsSubstring("unknown type '?[31m'"));
}

TEST_CASE("what cannot be a safetensors file is not made into one") {
  Safetensors made;
  const std::vector<float> values{1, 2};
  made.add<float>("x", {2}, values);
  CHECK(test::message_of<ll::InvalidArgument>([&] { made.add<float>("x", {2}, values); }) ==
        "there already is a tensor 'x'");
  CHECK_THROWS_AS(made.add<float>("__metadata__", {2}, values), ll::InvalidArgument);
  CHECK_THROWS_AS(made.add<float>("\xff", {2}, values), ll::InvalidArgument);
  CHECK_THROWS_AS(made.set_metadata("k", "\xff"), ll::InvalidArgument);
  CHECK(test::message_of<ll::ShapeMismatch>([&] {
          made.add<float>("y", {2, 2}, values);
        }) == "tensor 'y' has 2 values, not the 2 x 2 of its shape");
  CHECK(made.tensors().size() == 1);
}

TEST_CASE("a file that cannot be written leaves what was there") {
  const Folder folder;
  const Safetensors made = sample();
  const std::string path = folder.path() + "/none/out";
  CHECK(test::message_of<ll::FileError>([&] { ll::io::write_safetensors(path, made); }) ==
        "'" + path + "' cannot be written: No such file or directory");
  CHECK_THAT(test::message_of<ll::FileError>([&] { ll::io::write_safetensors(folder.path(), made); }),
             ContainsSubstring("it is not a file"));
  CHECK_THROWS_AS(ll::io::write_safetensors("/dev/full", made), ll::FileError);

  folder.write("out", {std::byte{1}});
  {
    ll::io::io_detail::AtomicFile unfinished(folder.path() + "/out");
    unfinished.write("half");
    CHECK(folder.size() == 2);
  }
  CHECK(folder.size() == 1);
  CHECK(folder.read("out") == Bytes{std::byte{1}});

  folder.write("out.tmp", {});  // another's
  ll::io::write_safetensors(folder.path() + "/out", made);
  CHECK(folder.size() == 2);
  CHECK(ll::io::read_safetensors(folder.path() + "/out").contains("scalar"));
}

}  // namespace safetensors_test
