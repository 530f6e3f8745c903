// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <lifelong/core/random.hpp>
#include <lifelong/io/npy.hpp>

#include "catch.hpp"
#include "folder.hpp"

namespace npy_test {

namespace ll = lifelong;
using ll::io::NpyArray;
using test::Bytes;
using test::ContainsSubstring;
using test::Folder;

namespace {

Bytes bytes_of(const std::string& text) {
  Bytes bytes;
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

/// A file with this header and `data` bytes 0, 1, 2, ...
Bytes file(const std::string& header, std::size_t data = 0, int version = 1) {
  std::string text = std::string("\x93NUMPY") + static_cast<char>(version) + '\0';
  for (std::size_t i = 0; i < (version == 1 ? 2U : 4U); ++i) text += static_cast<char>(header.size() >> 8 * i & 0xff);
  text += header;
  for (std::size_t i = 0; i < data; ++i) text += static_cast<char>(i);
  return bytes_of(text);
}

std::string header(const std::string& dtype, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + dtype + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

NpyArray parse(const Bytes& bytes) { return ll::io::parse_npy(bytes, "some.npy"); }

std::string refusal(const Bytes& bytes) {
  return test::message_of<ll::FormatError>([&] { (void)parse(bytes); });
}

}  // namespace

TEST_CASE("an NPY file written by hand is read, in every version") {
  const int version = GENERATE(1, 2, 3);
  const NpyArray array = parse(file(header("<i2", "(2, 3)"), 12, version));
  CHECK(array.dtype == "<i2");
  CHECK(array.shape == std::vector<std::size_t>{2, 3});
  CHECK(array.values<std::int16_t>() == std::vector<std::int16_t>{0x0100, 0x0302, 0x0504, 0x0706, 0x0908, 0x0b0a});
  CHECK(test::message_of<ll::FormatError>([&] { (void)array.values<float>(); }) ==
        "'some.npy' holds <i2 where <f4 is needed: save x.astype('<f4')");
}

TEST_CASE("NPY shapes of any rank are read") {
  CHECK(parse(file(header("|u1", "()"), 1)).shape.empty());
  CHECK(parse(file(header("|u1", "(3,)"), 3)).shape == std::vector<std::size_t>{3});
  CHECK(parse(file(header("|u1", "(0, 7)"))).values<std::uint8_t>().empty());
  CHECK(parse(file("{\"shape\":(1,2,1),'fortran_order':False,'descr':'|u1'}", 2)).shape.size() == 3);
}

TEST_CASE("arrays in Fortran order become row-major") {
  CHECK(parse(file(header("|u1", "(2, 3)", "True"), 6)).values<std::uint8_t>() ==
        std::vector<std::uint8_t>{0, 2, 4, 1, 3, 5});
  CHECK(parse(file(header("|u1", "(2, 2, 2)", "True"), 8)).values<std::uint8_t>() ==
        std::vector<std::uint8_t>{0, 4, 2, 6, 1, 5, 3, 7});
  CHECK(parse(file(header("<u2", "(2, 2)", "True"), 8)).values<std::uint16_t>() ==
        std::vector<std::uint16_t>{0x0100, 0x0504, 0x0302, 0x0706});
  CHECK(parse(file(header("|u1", "(0, 3)", "True"))).bytes.empty());
  CHECK(parse(file(header("|u1", "()", "True"), 1)).bytes.size() == 1);
}

TEMPLATE_TEST_CASE("NPY arrays come back as they were written", "", float, double, std::int8_t, std::uint8_t,
                   std::int16_t, std::uint16_t, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t) {
  const Folder folder;
  const std::string path = folder.path() + "/x.npy";
  const std::vector<TestType> values{0, 1, 2, 3, 4, static_cast<TestType>(-5)};
  ll::io::write_npy<TestType>(path, {3, 2}, values);
  CHECK(folder.size() == 1);
  const NpyArray read = ll::io::read_npy(path);
  CHECK(read.shape == std::vector<std::size_t>{3, 2});
  CHECK(read.values<TestType>() == values);
  std::vector<double> visited;
  read.visit([&](const auto& same) { visited.assign(same.begin(), same.end()); });
  CHECK(visited == std::vector<double>(values.begin(), values.end()));
  const Bytes bytes = folder.read("x.npy");
  CHECK((bytes.size() - sizeof(TestType) * 6) % 64 == 0);
}

TEST_CASE("a written NPY file has the bytes that NumPy writes") {
  const Folder folder;
  const std::vector<std::uint8_t> values{0, 1, 2};
  ll::io::write_npy<std::uint8_t>(folder.path() + "/x.npy", {3}, values);
  std::string text = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
  CHECK(folder.read("x.npy") == file(text + std::string(118 - 1 - text.size(), ' ') + "\n", 3));
}

TEST_CASE("every truncation of an NPY file is refused, in memory and on disk") {
  const Folder folder;
  const int version = GENERATE(1, 2);
  const Bytes whole = file(header("<f4", "(2, 3)"), 24, version);
  const std::size_t data = whole.size() - 24;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    const std::string why = refusal(cut);
    CHECK_THAT(why, ContainsSubstring(length < 6      ? "does not start like an NPY file"
                                      : length < data ? "ends within its NPY header"
                                                      : "too short"));
    const std::string path = folder.write("cut.npy", cut);
    const std::string same = test::message_of<ll::FormatError>([&] { (void)ll::io::read_npy(path); });
    CHECK(same.substr(path.size()) == why.substr(std::string("some.npy").size()));
  }
  Bytes longer = whole;
  longer.push_back(std::byte{0});
  CHECK(refusal(longer) == "'some.npy' is too long: its header claims 2 x 3 values of <f4");
  CHECK(ll::io::read_npy(folder.write("x.npy", whole), 24).values<float>().size() == 6);
  CHECK_THROWS_AS(ll::io::read_npy(folder.write("x.npy", whole), 23), ll::FormatError);
  CHECK_THROWS_AS(ll::io::read_npy(folder.write("x.npy", longer)), ll::FormatError);
  CHECK_THROWS_AS(ll::io::read_npy(folder.path()), ll::FileError);
  CHECK_THROWS_AS(ll::io::read_npy(folder.path() + "/none"), ll::FileError);
  CHECK_THROWS_AS(ll::io::read_npy("/dev/zero"), ll::FormatError);
}

TEST_CASE("no damage to an NPY file gets past the checks") {
  const Bytes whole = file(header("<f4", "(2, 3)"), 24);
  const ll::Random random(2);
  std::size_t accepted = 0;
  const std::size_t trials = 20000;
  for (std::size_t trial = 0; trial < trials; ++trial) {
    Bytes damaged = whole;
    for (std::size_t k = 0; k <= trial % 3; ++k) {
      const std::uint64_t bits = random.bits(3 * trial + k);
      const std::size_t at = bits % (whole.size() - 24);
      damaged[at] = trial % 2 == 0 ? damaged[at] ^ std::byte{1} << (bits >> 32) % 8
                                   : static_cast<std::byte>("0123456789(){},:'<fiTrueFals "[(bits >> 32) % 29]);
    }
    try {
      const NpyArray read = parse(damaged);
      ++accepted;  // other types and shapes of the same size
      REQUIRE(read.bytes.size() == 24);
      std::size_t values = 0;
      read.visit([&](const auto& its) { values = its.size(); });
      REQUIRE(values * ll::io::npy_detail::bytes_of(read.dtype) == 24);
    } catch (const ll::FormatError&) {
    }
  }
  CHECK(accepted < trials / 2);
}

TEST_CASE("NPY types that are not read are refused by name") {
  CHECK(refusal(file(header(">f16", "(1,)"), 2)) ==
        "'some.npy' holds '>f16', but only floats of 2, 4 or 8 bytes, whole numbers and truth values are read: save "
        "x.astype('<f4'), '<f8', '<i4' or '<i8'");
  for (const char* dtype : {"<f16", "<u3", "|O", "<c8", "<U3", ">", "<M8[ns]", "f4"})
    CHECK_THAT(refusal(file(header(dtype, "(1,)"), 4)), ContainsSubstring(std::string("holds '") + dtype + "'"));
  CHECK_THAT(refusal(file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4)),
             ContainsSubstring("arrays of records are not read"));
  CHECK_THAT(refusal(bytes_of("PK\x03\x04 and so on")), ContainsSubstring("archive of numpy.savez"));
}

TEST_CASE("big-endian arrays become little-endian") {
  const NpyArray array = parse(file(header(">i2", "(2, 2)", "True"), 8));
  CHECK(array.dtype == "<i2");
  CHECK(array.values<std::int16_t>() == std::vector<std::int16_t>{0x0001, 0x0405, 0x0203, 0x0607});
  Bytes one = file(header(">f8", "(1,)"), 8);
  for (std::size_t i = 0; i < 8; ++i)
    one[one.size() - 8 + i] = std::byte{i == 0 ? std::uint8_t{0x3f} : i == 1 ? std::uint8_t{0xf0} : std::uint8_t{0}};
  CHECK(parse(one).values<double>() == std::vector<double>{1});
}

TEMPLATE_TEST_CASE("classes are read whatever type of whole numbers Python has saved", "", std::int8_t, std::uint8_t,
                   std::int16_t, std::uint16_t, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t) {
  const Folder folder;
  const std::string path = folder.path() + "/y.npy";
  ll::io::write_npy<TestType>(path, {4}, std::vector<TestType>{3, 0, 127, 1});
  CHECK(ll::io::read_npy(path).labels() == std::vector<std::int32_t>{3, 0, 127, 1});

  const TestType beyond = sizeof(TestType) > 4         ? static_cast<TestType>(std::int64_t{1} << 31)
                          : std::is_signed_v<TestType> ? static_cast<TestType>(-1)
                                                       : std::numeric_limits<TestType>::max();
  ll::io::write_npy<TestType>(path, {2}, std::vector<TestType>{1, beyond});
  if (sizeof(TestType) < 4 && std::is_unsigned_v<TestType>)
    CHECK(ll::io::read_npy(path).labels()[1] == static_cast<std::int32_t>(beyond));
  else
    CHECK(test::message_of<ll::FormatError>([&] { (void)ll::io::read_npy(path).labels(); }) ==
          "'" + path + "'[1] is " + std::to_string(beyond) + ", but classes count from 0 to 2147483647");
}

TEST_CASE("classes may be a column") {
  CHECK(parse(file(header("|u1", "(3, 1)"), 3)).labels() == std::vector<std::int32_t>{0, 1, 2});
}

TEST_CASE("truth values are bytes, and classes") {
  Bytes yes_no = file(header("|b1", "(3,)"), 3);
  yes_no.back() = std::byte{1};
  CHECK(parse(yes_no).labels() == std::vector<std::int32_t>{0, 1, 1});
  CHECK(parse(yes_no).values<std::uint8_t>() == std::vector<std::uint8_t>{0, 1, 1});
  std::size_t visited = 0;
  parse(yes_no).visit([&](const auto& values) { visited = values.size(); });
  CHECK(visited == 3);
}

TEST_CASE("what is no list of classes is refused, with what to do") {
  const auto message = [](const std::string& dtype, const std::string& shape, std::size_t bytes) {
    return test::message_of<ll::FormatError>([&] { (void)parse(file(header(dtype, shape), bytes)).labels(); });
  };
  CHECK(message("<f8", "(1,)", 8) == "'some.npy' holds <f8, but labels are whole numbers: save y.astype('<i8')");
  CHECK_THAT(message("<i8", "(2, 2)", 32), ContainsSubstring("2 dimensions") && ContainsSubstring("y.ravel()"));
  CHECK_THAT(message("<i8", "(1, 2)", 16), ContainsSubstring("2 dimensions (1 x 2)"));
  CHECK_THAT(message("<i8", "(2, 1, 1)", 16), ContainsSubstring("3 dimensions"));
  CHECK_THAT(message("<i8", "()", 8), ContainsSubstring("0 dimensions"));
  CHECK(test::message_of<ll::FormatError>([] { (void)parse(file(header("<i8", "(1,)"), 8)).values<std::int32_t>(); }) ==
        "'some.npy' holds <i8 where <i4 is needed: save x.astype('<i4'), or read classes by labels()");
}

TEST_CASE("NPY headers that are damaged or absurd are refused") {
  for (const std::string& text : {std::string("\n"),
                                  std::string("{}"),
                                  header("", "(1,)"),
                                  header("|u1", "1"),
                                  header("|u1", "(1"),
                                  header("|u1", "(01,)"),
                                  header("|u1", "(-1,)"),
                                  header("|u1", "(1.0,)"),
                                  header("|u1", "(,)"),
                                  header("|u1", "(1,,)"),
                                  header("|u1", "(1L,)"),
                                  header("|u1", "(18446744073709551616,)"),
                                  header("|u1", "(1,)", "false"),
                                  header("|u1", "(1,)", "Truth"),
                                  header("|u1\\x41", "(1,)"),
                                  header("|u1", "(1,)") + "x",
                                  std::string("{'descr': '|u1', 'shape': (1,), }"),
                                  std::string("{'descr': '|u1', 'descr': '|u1', 'shape': (1,), }"),
                                  std::string("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'x': 1}"),
                                  header("|u1", "(" + std::string(100000 / 2, '(') + ")")}) {
    CAPTURE(text);
    CHECK_THAT(refusal(file(text, 1, 2)), ContainsSubstring("the header of 'some.npy' is damaged at byte "));
  }
  std::string many = "(";
  for (int i = 0; i < 65; ++i) many += "1,";
  CHECK_THAT(refusal(file(header("|u1", many + ")"), 1)), ContainsSubstring("too many dimensions"));
  // 2^32 * 2^32 wraps around to 0 values, 2^61 values of 8 bytes to 0 bytes.
  CHECK_THAT(refusal(file(header("|u1", "(4294967296, 4294967296)"))), ContainsSubstring("more values than memory"));
  CHECK_THAT(refusal(file(header("<f8", "(2305843009213693952,)"))), ContainsSubstring("more values than memory"));
  CHECK_THAT(refusal(file(header("<f8", "(1000000000000,)"))), ContainsSubstring("too short"));
  CHECK_THAT(refusal(bytes_of(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12))),
             ContainsSubstring("claims a header of 4294967295 bytes"));
  CHECK_THAT(refusal(file(header("|u1", "(1,)"), 1, 4)), ContainsSubstring("NPY version 4"));
  const Folder folder;
  CHECK_THROWS_AS(ll::io::read_npy(folder.write("x.npy", file("", 10))), ll::FormatError);
  CHECK_THROWS_AS(ll::io::read_npy(folder.write("x.npy", file("{", 10))), ll::FormatError);
}

TEST_CASE("an NPY array and its shape must agree") {
  const Folder folder;
  const std::vector<float> values{1, 2};
  CHECK_THROWS_AS(ll::io::write_npy<float>(folder.path() + "/x.npy", {3}, values), ll::ShapeMismatch);
  CHECK_THROWS_AS(ll::io::write_npy<float>(folder.path() + "/none/x.npy", {2}, values), ll::FileError);
  const std::vector<std::size_t> deep(65, 1);
  CHECK_THROWS_AS(ll::io::write_npy<float>(folder.path() + "/x.npy", deep, std::span(values).first(1)),
                  ll::InvalidArgument);
  CHECK(folder.size() == 0);
  ll::io::write_npy<float>(folder.path() + "/x.npy", std::vector<std::size_t>(64, 1), std::span(values).first(1));
  CHECK(ll::io::read_npy(folder.path() + "/x.npy").shape.size() == 64);
}

}  // namespace npy_test
