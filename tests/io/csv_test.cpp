// SPDX-License-Identifier: MIT
#include <algorithm>
#include <clocale>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lifelong/core/random.hpp>
#include <lifelong/io/csv.hpp>

#include "catch.hpp"
#include "folder.hpp"

namespace csv_test {

namespace ll = lifelong;
using ll::io::CsvOptions;
using test::ContainsSubstring;

namespace {

auto parse(const std::string& text, const CsvOptions& options = {}) {
  return ll::io::parse_csv<double>(text, "x.csv", options);
}

std::string refusal(const std::string& text, const CsvOptions& options = {}) {
  return test::message_of<ll::FormatError>([&] { (void)parse(text, options); });
}

/// What the message says behind the place `line L, column C`, which it must name.
std::string refusal_at(std::size_t line, std::size_t column, const std::string& text, const CsvOptions& options = {}) {
  const std::string place = "'x.csv', line " + std::to_string(line) + ", column " + std::to_string(column) + ": ";
  const std::string message = refusal(text, options);
  CHECK(message.substr(0, place.size()) == place);
  return message.size() < place.size() ? message : message.substr(place.size());
}

using Doubles = std::vector<double>;
using Names = std::vector<std::string>;

test::Bytes bytes_of(const std::string& text) {
  test::Bytes bytes;
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

}  // namespace

TEST_CASE("CSV: all columns are features unless they are answers") {
  const auto table = parse("a,kind,b\n1,2,3.5\n-4,0,5e-1\n", {.label = "kind"});
  CHECK(table.size == 2);
  CHECK(table.features_each == 2);
  CHECK(table.feature_names == Names{"a", "b"});
  CHECK(table.features == Doubles{1, 3.5, -4, 0.5});
  CHECK(table.labels == std::vector<std::int32_t>{2, 0});
  CHECK(table.targets.empty());
  const auto none = parse("1,2\n3,4", {.header = false});
  CHECK(none.features == Doubles{1, 2, 3, 4});
  CHECK(none.feature_names.empty());
  CHECK(none.labels.empty());
}

TEST_CASE("CSV: columns are chosen by name or number, in the order asked for") {
  const std::string text = "time;speed;load;note;torque\n0.1;2;3;\"a;b\";4\n0.2;5;6;;7\n";
  const CsvOptions options{.delimiter = ';', .features = {"load", 1}, .targets = {4, "time"}};
  const auto table = parse(text, options);
  CHECK(table.features == Doubles{3, 2, 6, 5});
  CHECK(table.targets == Doubles{4, 0.1, 7, 0.2});
  CHECK(table.feature_names == Names{"load", "speed"});
  CHECK(table.target_names == Names{"torque", "time"});

  CHECK(refusal(text, {.delimiter = ';', .features = {"laod"}}) ==
        "'x.csv' has no column 'laod'; it has 'time', 'speed', 'load', 'note', 'torque'");
  CHECK(refusal(text, {.delimiter = ';', .features = {5}}) ==
        "'x.csv' has no column number 5: it has 5, counted from 0");
  CHECK(refusal("a,b,a\n1,2,3\n", {.features = {"a"}}) == "'x.csv' has several columns 'a': ask for one by its number");
  CHECK(parse("a,b,a\n1,2,3\n", {.features = {2}}).features == Doubles{3});
  CHECK(refusal("a\n1\n", {.label = "a"}) == "'x.csv' has no columns but those of the answers");
  const auto invalid = [&](const CsvOptions& wrong) {
    return test::message_of<ll::InvalidArgument>([&] { (void)parse("a,b\n1,2\n", wrong); });
  };
  CHECK(invalid({.features = {"a", 0}}) == "column 0 of 'x.csv' is asked for twice");
  CHECK(invalid({.features = {"b"}, .label = "b"}) == "column 'b' of 'x.csv' is asked for twice");
  CHECK(invalid({.header = false, .label = "b"}) ==
        "column 'b' of 'x.csv' is asked for by name, but CsvOptions.header is false");
  CHECK(invalid({.label = "a", .targets = {"b"}}) ==
        "CsvOptions has a label and targets, but an example has one or the other");
  CHECK_THROWS_AS(ll::io::CsvColumn(-1), ll::InvalidArgument);
  for (const char c : std::string("\"\r\n.-+e5") + '\0')
    CHECK_THROWS_AS(parse("a\n1\n", {.delimiter = c}), ll::InvalidArgument);
}

TEST_CASE("CSV: quotes, both ends of lines, spaces, a byte order mark, a missing last end") {
  const std::string start = "\xEF\xBB\xBF\"a\"\"b\", c \r\n\"1\",  2\t\r\n";
  const auto table = parse(start + "\"3\",4");
  CHECK(table.feature_names == Names{"a\"b", "c"});
  CHECK(table.features == Doubles{1, 2, 3, 4});
  CHECK(refusal_at(3, 1, start + "\"3\n\",4") == "('a\"b') '3?' is not a number");
  CHECK(parse("a,\"b\r\n,\"\n1,2\n").feature_names == Names{"a", "b\r\n,"});
  CHECK(parse("a,note\n1,\"x\ny\"\n2,\"\"\n", {.features = {"a"}}).features == Doubles{1, 2});
  CHECK(refusal_at(4, 1, "a,note\n1,\"x\ny\"\nz,2\n", {.features = {"a"}}) == "('a') 'z' is not a number");
  CHECK(parse("a\n1\n\n\r\n\n").features == Doubles{1});
  CHECK(parse("a\r\n1\r\n2").features == Doubles{1, 2});
}

TEST_CASE("CSV: numbers are read as they are written") {
  const std::pair<const char*, double> numbers[] = {{"0", 0},
                                                    {"-0", 0},
                                                    {"+1", 1},
                                                    {".5", 0.5},
                                                    {"2.", 2},
                                                    {"1e3", 1000},
                                                    {"1E-3", 1e-3},
                                                    {"+.25e+2", 25},
                                                    {"0.1", 0.1},
                                                    {"3.4028234663852886e38", 3.4028234663852886e38},
                                                    {"1e-400", 0},
                                                    {"4.9e-324", 4.9e-324},
                                                    {"9007199254740993", 9007199254740992.0},
                                                    {"0.1000000000000000055511151231257827021181583404541015625", 0.1}};
  for (const auto& [text, value] : numbers) {
    CAPTURE(text);
    CHECK(parse(std::string("a\n") + text + "\n").features == Doubles{value});
  }
  for (const char* text :
       {"abc", "1,5x", "0x10", "1e", "e5", ".", "-", "+-1", "--1", "1 2", "1e5.", "infinity", "inf", "1_000", "1f",
        "\xC2\xA0"
        "1"}) {
    CAPTURE(text);
    CHECK_THAT(refusal("a;b\n" + std::string(text) + ";1\n", {.delimiter = ';'}),
               ContainsSubstring("line 2, column 1: ('a') '") && ContainsSubstring("' is not a number"));
  }
  CHECK(refusal_at(2, 1, "a\n1e400\n") == "('a') '1e400' is not a double: it is too large");
  CHECK_THAT(test::message_of<ll::FormatError>([] { (void)ll::io::parse_csv<float>("a\n1e39\n", "x.csv"); }),
             ContainsSubstring("'1e39' is not a float: it is too large"));
  CHECK(ll::io::parse_csv<float>("a\n0.1\n", "x.csv").features == std::vector<float>{0.1F});
  CHECK(ll::io::parse_csv<std::uint8_t>("a\n255\n0\n", "x.csv").features == std::vector<std::uint8_t>{255, 0});
  for (const char* text : {"256", "-1", "0.5"})
    CHECK_THAT(test::message_of<ll::FormatError>(
                   [&] { (void)ll::io::parse_csv<std::uint8_t>(std::string("a\n") + text + "\n", "x.csv"); }),
               ContainsSubstring("is not a whole number from 0 to 255"));
}

TEST_CASE("CSV: a decimal comma of the locale changes nothing") {
  const char* found = nullptr;
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8", "ru_RU.UTF-8", "pt_BR.UTF-8"})
    if (found == nullptr) found = std::setlocale(LC_ALL, name);
  CHECK(parse("a\n1.5\n1e-310\n").features == Doubles{1.5, 1e-310});
  CHECK(ll::io::io_detail::by_strtod("1.5") == 1.5);
  CHECK_THAT(refusal("a;b\n1,5;2\n", {.delimiter = ';'}), ContainsSubstring("'1,5' is not a number"));
  std::setlocale(LC_ALL, "C");
}

TEST_CASE("CSV: classes are whole numbers from 0") {
  CHECK(parse("a,y\n1,+2147483647\n1,007\n", {.label = "y"}).labels == std::vector<std::int32_t>{2147483647, 7});
  const auto message = [](const std::string& label) {
    return refusal_at(2, 2, "a,y\n1," + label + "\n", {.label = "y"});
  };
  CHECK(message("-1") == "('y') '-1', but classes count from 0 to 2147483647");
  CHECK(message("2147483648") == "('y') '2147483648', but classes count from 0 to 2147483647");
  for (const char* text : {"1.0", "cat", "", "99999999999999999999", "1e3", "-", "NaN"})
    CHECK_THAT(message(text), ContainsSubstring("is not a class, which is a whole number"));
}

TEST_CASE("CSV: what is missing is an error, unless something stands for it") {
  const std::string text = "a,b,y\n1,,0\nNaN,2,1\nNA,4,2\n";
  CHECK(refusal_at(2, 2, text) ==
        "('b') '' is no number: set CsvOptions.missing to what stands for it, or leave the row out");
  CHECK(parse(text, {.label = "y", .missing = -1}).features == Doubles{1, -1, -1, 2, -1, 4});
  CHECK(refusal_at(2, 2, text, {.targets = {"b"}, .missing = 0}) == "('b') '' is not a number");
  CHECK_THROWS_AS(parse(text, {.missing = std::numeric_limits<double>::infinity()}), ll::InvalidArgument);
  CHECK_THROWS_AS(ll::io::parse_csv<std::uint8_t>("a\n1\n", "x.csv", {.missing = -1}), ll::InvalidArgument);
}

TEST_CASE("CSV: a first line of numbers is no header") {
  CHECK(refusal("5,0.5\n4,0.25\n") ==
        "the first line of 'x.csv' has only numbers, no names of columns: set CsvOptions.header to false");
  CHECK(parse("0,1,2\n7,8,9\n").features == Doubles{7, 8, 9});  // as pandas names columns without names
  CHECK(parse("\"5\",\"6\"\n7,8\n").feature_names == Names{"5", "6"});
  CHECK(refusal("a,b\n1,2\n", {.header = false}) == "'x.csv', line 1, column 1: 'a' is not a number");
}

TEST_CASE("CSV: damaged and hostile files are refused, with the place") {
  CHECK(refusal("") == "'x.csv' has no lines");
  CHECK(refusal("\n\n") == "'x.csv' has no lines");
  CHECK(refusal("a,b\n") == "'x.csv' has names of columns, but no examples");
  CHECK(refusal_at(3, 1, "a,b\n1,2\n3\n4,5\n") == "the line ends here, with 1 columns where the first has 2");
  CHECK(refusal_at(2, 3, "a,b\n1,2,\n") == "there are more than 2 columns");
  CHECK(refusal_at(3, 1, "a,b\n1,2\n\n3,4\n") == "the line is empty");
  CHECK(refusal_at(3, 1, "a\n1\n\n3\n", {.missing = 0}) == "the line is empty");
  CHECK(parse("a\n1\n\"\"\n3\n", {.missing = 0}).features == Doubles{1, 0, 3});
  CHECK(refusal_at(2, 2, "a,b\n1,\"2\n3,4\n5,6\n") == "the quotes of this cell are never closed");
  CHECK(refusal_at(2, 1, "a,b\n\"1\"2,3\n") == "there is text behind the closing quote of a cell");
  CHECK(refusal_at(2, 1, "a,b\n1\"2\",3\n") == "a cell with a quote in it must stand in quotes, and the quote twice");
  CHECK_THAT(refusal_at(1, 2, "a,b\r1,2\r"), ContainsSubstring("carriage return alone"));
  CHECK_THAT(refusal_at(2, 2, std::string("a,b\n1,2\0\n", 9)), ContainsSubstring("zero byte"));
  CHECK_THAT(refusal_at(2, 2, std::string("a,b\n1,\"2\0\"\n", 11)), ContainsSubstring("zero byte"));
  CHECK_THAT(refusal_at(1, 1,
                        std::string("\xFF\xFE"
                                    "a\0,\0b\0",
                                    8)),
             ContainsSubstring("not UTF-8"));
  // Long cells, many columns and many quotes take one pass each, and messages stay short.
  const std::size_t many = 1 << 20;
  CHECK(refusal("a\n" + std::string(8 * many, '1') + "x\n").size() < 200);
  CHECK_THAT(refusal_at(1, many + 1, std::string(many, ',') + "\n"), ContainsSubstring("more than 1048576 columns"));
  CHECK_THAT(refusal_at(2, 1, "a\n\"" + std::string(many, '"') + "\"\n"), ContainsSubstring("is not a number"));
  CHECK_THAT(refusal_at(2, 1, "a\n" + std::string(many, '\n') + "1\n"), ContainsSubstring("the line is empty"));
  CHECK(parse("a\n" + std::string(many, '0') + "1\n").features == Doubles{1});
  CHECK(refusal("a\n1" + std::string(many, '0') + "\n").ends_with("...' is not a double: it is too large"));
  std::string wide = "c0", row = "1";
  for (std::size_t k = 1; k < 100000; ++k) wide += ",c" + std::to_string(k), row += ",1";
  CsvOptions backwards;
  for (std::size_t k = 100000; k-- > 0;) backwards.features.emplace_back("c" + std::to_string(k));
  CHECK(parse(wide + "\n" + row + "\n", backwards).features == Doubles(100000, 1));
}

TEST_CASE("CSV: no damage gets past the checks") {
  const std::string whole = "speed,load,y\r\n1.5,\"2\",0\r\n-3e2,4,1\r\n5,\"6\",2\r\n";
  const ll::Random random(4);
  std::size_t accepted = 0;
  constexpr std::size_t trials = 20000;
  constexpr std::string_view letters("\",\n\r0123456789.e-+ a\0\xEF", 23);
  for (std::size_t trial = 0; trial < trials; ++trial) {
    std::string damaged = whole;
    for (std::size_t k = 0; k <= trial % 4; ++k) {
      const std::uint64_t bits = random.bits(4 * trial + k);
      const std::size_t at = bits % damaged.size();
      const char letter = letters[(bits >> 32) % letters.size()];
      if (trial % 3 == 0)
        damaged[at] = letter;
      else if (trial % 3 == 1)
        damaged.insert(damaged.begin() + static_cast<std::ptrdiff_t>(at), letter);
      else
        damaged.erase(at, 1 + (bits >> 40) % 3);
    }
    try {
      const auto table = parse(damaged, {.label = 2});
      ++accepted;
      REQUIRE(table.size > 0);
      REQUIRE(table.features_each > 0);
      REQUIRE(table.features.size() == table.features_each * table.size);
      REQUIRE(table.labels.size() == table.size);
      for (const double value : table.features) REQUIRE(ll::detail::is_finite(value));
    } catch (const ll::FormatError&) {
    }
  }
  CHECK(accepted > 0);
  CHECK(accepted < trials / 2);
}

TEST_CASE("CSV files become data sets") {
  const test::Folder folder;
  const std::string path = folder.write("x.csv", bytes_of("a,b,y\n1,2,0\n3,4,1\n"));
  const auto classes = ll::io::read_csv_dataset(path, {.label = "y"});
  CHECK(classes.size() == 2);
  CHECK(classes.classes() == 2);
  CHECK(classes.features() == 2);
  CHECK(std::ranges::equal(classes.inputs(), std::vector<float>{1, 2, 3, 4}));
  const auto targets = ll::io::read_csv_dataset<double>(path, {.features = {"a"}, .targets = {"b", "y"}});
  CHECK(targets.targets() == 2);
  CHECK(std::ranges::equal(targets.target_values(), Doubles{2, 0, 4, 1}));
  CHECK(ll::io::read_csv(path, {.label = "y"}).dataset({1, 2}).shape() == std::vector<std::size_t>{1, 2});
  CHECK(test::message_of<ll::InvalidArgument>([&] { (void)ll::io::read_csv(path).dataset(); }) ==
        "'" + path + "' is read without answers: set CsvOptions.label or CsvOptions.targets");
  CHECK_THROWS_AS(ll::io::read_csv_dataset(folder.path() + "/none", {}), ll::InvalidArgument);
  CHECK(ll::io::read_csv(path, {.limit = 18}).size == 2);
  CHECK(test::message_of<ll::FormatError>([&] { (void)ll::io::read_csv(path, {.limit = 17}); }) ==
        "'" + path + "' is larger than the limit of 17 bytes");
  CHECK_THROWS_AS(ll::io::read_csv("/dev/zero", {.limit = 1 << 20}), ll::FormatError);
  CHECK_THROWS_AS(ll::io::read_csv(folder.path() + "/none"), ll::FileError);
  CHECK_THROWS_AS(ll::io::read_csv(folder.path()), ll::FileError);
}

}  // namespace csv_test
