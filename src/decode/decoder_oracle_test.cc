#include <arrow/array.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "decode/decode_fixture.h"

namespace weir {
namespace {

using Json = nlohmann::json;

// Random JSON texts, valid and nearly valid, from one seed.
class PayloadGenerator {
 public:
  explicit PayloadGenerator(uint32_t seed) : random_(seed) {}

  std::string payload() {
    std::string text = object(0);
    const int mutations = static_cast<int>(below(3));  // A third stays as it is.
    for (int i = 0; i < mutations; ++i) mutate(&text);
    return text;
  }

 private:
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  std::string object(int depth) {
    std::string text = "{" + space();
    const uint32_t count = below(6);
    for (uint32_t i = 0; i < count; ++i) text += (i > 0 ? "," : "") + key() + space() + ":" + space() + value(depth + 1);
    return text + space() + "}";
  }

  std::string array(int depth) {
    std::string text = "[";
    const uint32_t count = below(4);
    for (uint32_t i = 0; i < count; ++i) text += (i > 0 ? "," : "") + space() + value(depth + 1) + space();
    return text + "]";
  }

  std::string key() {
    static const char* const kKeys[] = {"\"i\"", "\"u\"", "\"f\"", "\"s\"", "\"b\"", "\"j\"", "\"o\"", "\"x\"", "\"\"",
                                        "\"\\u0069\"", "\"\xc3\xa4\"", "\"a longer key that is ignored\""};
    return kKeys[below(12)];
  }

  std::string value(int depth) {
    switch (below(depth > 4 ? 5 : 7)) {
      case 0: return number();
      case 1: return number();
      case 2: return string();
      case 3: return below(2) == 0 ? "true" : "false";
      case 4: return below(4) == 0 ? "null" : string();
      case 5: return object(depth);
      default: return array(depth);
    }
  }

  std::string number() {
    std::string text = below(3) == 0 ? "-" : "";
    text += below(5) == 0 ? "0" : std::to_string(1 + random_() % (uint64_t{1} << (below(63) + 1)));
    if (below(8) == 0) text += std::to_string(random_());
    if (below(3) == 0) text += "." + std::to_string(random_() >> below(64));
    if (below(4) == 0) text += (below(2) == 0 ? "e" : "E-") + std::to_string(below(below(4) == 0 ? 400 : 20));
    return text;
  }

  std::string string() {
    static const char* const kParts[] = {"a", "plain text", "\\n", "\\\\", "\\\"", "\\u00e4", "\\ud83d\\ude00", "\\ud800",
                                         "\\udc00", "\xc3\xa4", "\xf0\x9f\x98\x80", "\\/", "{", "]", "0123456789abcdef", " "};
    std::string text = "\"";
    const uint32_t count = below(5);
    for (uint32_t i = 0; i < count; ++i) text += kParts[below(below(3) == 0 ? 16 : 7)];
    return text + "\"";
  }

  std::string space() { return below(6) == 0 ? std::string(1, " \t\n\r"[below(4)]) : ""; }

  void mutate(std::string* text) {
    static constexpr std::string_view kBytes = "{}[]:,\"\\0123456789-+.eEtfnul \n\x01\xff\xc3x";
    if (text->empty()) return;
    const size_t at = below(static_cast<uint32_t>(text->size()));
    const char byte = kBytes[below(static_cast<uint32_t>(kBytes.size()))];
    switch (below(4)) {
      case 0: text->erase(at, 1 + below(3)); break;
      case 1: text->insert(at, 1, byte); break;
      case 2: (*text)[at] = byte; break;
      default: text->resize(at); break;
    }
  }

  std::mt19937_64 random_;
};

// What nlohmann-json says of a payload, with duplicate keys and depth found on the way.
struct Oracle {
  bool valid = false;
  bool duplicate = false;
  Json value;

  explicit Oracle(const std::string& text) {
    std::vector<std::vector<std::string>> keys;
    const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key) {
        const auto key = parsed.get<std::string>();
        for (const std::string& other : keys.back()) duplicate |= other == key;
        keys.back().push_back(key);
      }
      return true;
    };
    value = Json::parse(text, watch, false);
    valid = !value.is_discarded();
  }
};

bool holds_huge_number(const std::string& text) { return text.find_first_of("eE") != std::string::npos; }

Plan oracle_plan() {
  return plan_of({column("i", "int64"), column("u", "uint64"), column("f", "float64"), column("s", "string"), column("b", "bool"),
                  column("j", "json"), column("oi", "int64", "/o/i")});
}

// True when the oracle's value fits the column; then *expected is what the cell must print, "" when not compared.
bool fits(const Json& value, const std::string& type) {
  if (value.is_null() || type == "json") return true;
  if (type == "int64") return value.is_number_integer() && (!value.is_number_unsigned() || value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
  if (type == "uint64") return value.is_number_unsigned() || (value.is_number_integer() && value.get<int64_t>() == 0);
  if (type == "float64") return value.is_number();
  if (type == "string") return value.is_string();
  return value.is_boolean();
}

void expect_cell(const DecodedBatch& batch, int at, const Json& value, const std::string& type, const std::string& text) {
  const std::shared_ptr<arrow::Array> array = batch.rows->column(at);
  ASSERT_EQ(array->IsNull(0), value.is_null()) << text;
  if (value.is_null()) return;
  if (type == "int64") {
    EXPECT_EQ(static_cast<const arrow::Int64Array&>(*array).Value(0), value.get<int64_t>()) << text;
  } else if (type == "uint64") {
    EXPECT_EQ(static_cast<const arrow::UInt64Array&>(*array).Value(0), value.get<uint64_t>()) << text;
  } else if (type == "float64") {
    EXPECT_EQ(static_cast<const arrow::DoubleArray&>(*array).Value(0), value.get<double>()) << text;
  } else if (type == "string") {
    EXPECT_EQ(static_cast<const arrow::StringArray&>(*array).GetString(0), value.get<std::string>()) << text;
  } else if (type == "json") {
    EXPECT_EQ(Json::parse(static_cast<const arrow::StringArray&>(*array).GetString(0), nullptr, false), value) << text;
  } else {
    EXPECT_EQ(static_cast<const arrow::BooleanArray&>(*array).Value(0), value.get<bool>()) << text;
  }
}

struct Tally {
  int valid = 0;
  int invalid = 0;
  int duplicate = 0;
  int misfit = 0;
  int row = 0;
};

void compare(const std::string& text, Decoding* decoding, Tally* tally) {
  const Oracle oracle(text);
  const DecodedBatch batch = decoding->decode_one(text);
  const std::string code = batch.rejects.empty() ? "" : batch.rejects[0].code;
  if (!oracle.valid) {
    // The oracle refuses numbers beyond double; RFC 8259 does not.
    if (holds_huge_number(text)) return;
    ++tally->invalid;
    EXPECT_TRUE(code == "invalid_json" || code == "invalid_utf8" || code == "empty" || code == "duplicate_key") << code << ": " << text;
    return;
  }
  ++tally->valid;
  if (oracle.duplicate) {
    ++tally->duplicate;
    EXPECT_EQ(code, "duplicate_key") << text;
    return;
  }
  if (!oracle.value.is_object()) {
    EXPECT_EQ(code, "not_an_object") << text;
    return;
  }
  const std::vector<InputColumn> columns = oracle_plan().input;
  std::vector<Json> values;
  bool all_fit = true;
  for (const InputColumn& input : columns) {
    const Json::json_pointer pointer(input.from.text);
    values.push_back(oracle.value.contains(pointer) ? oracle.value.at(pointer) : Json());
    all_fit = all_fit && fits(values.back(), to_string(input.type));
  }
  if (!all_fit) {
    ++tally->misfit;
    EXPECT_TRUE(code == "wrong_type" || code == "out_of_range") << code << ": " << text;
    return;
  }
  ++tally->row;
  ASSERT_EQ(code, "") << text << ": " << batch.rejects[0].reason;
  for (size_t i = 0; i < columns.size(); ++i) {
    expect_cell(batch, static_cast<int>(i), values[i], to_string(columns[i].type), text);
  }
}

TEST(DecoderOracle, AgreesWithAnIndependentParserOnRandomPayloads) {
  Tally tally;
  Decoding decoding(oracle_plan());
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    PayloadGenerator generator(seed);
    for (int i = 0; i < 1'000 && !::testing::Test::HasFailure(); ++i) compare(generator.payload(), &decoding, &tally);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
  // Each outcome was there often enough to mean something.
  EXPECT_GT(tally.invalid, 5'000);
  EXPECT_GT(tally.duplicate, 1'000);
  EXPECT_GT(tally.misfit, 2'000);
  EXPECT_GT(tally.row, 2'000);
}

TEST(DecoderOracle, DoublesAreRoundedLikeStrtod) {
  Decoding decoding(plan_of({column("f", "float64"), column("g", "float32", "/f")}));
  std::mt19937_64 random(7);
  for (int i = 0; i < 50'000; ++i) {
    std::string text = std::to_string(random() >> (random() % 64));
    if (random() % 2 == 0) text += "." + std::to_string(random() >> (random() % 64));
    if (random() % 2 == 0) text += "e" + std::to_string(static_cast<int>(random() % 60) - 40);
    const DecodedBatch batch = decoding.decode_one("{\"f\":" + text + "}");
    if (!batch.rejects.empty()) {
      EXPECT_TRUE(std::isinf(std::strtof(text.c_str(), nullptr))) << text;
      continue;
    }
    EXPECT_EQ(static_cast<const arrow::DoubleArray&>(*batch.rows->column(0)).Value(0), std::strtod(text.c_str(), nullptr)) << text;
    EXPECT_EQ(static_cast<const arrow::FloatArray&>(*batch.rows->column(1)).Value(0), std::strtof(text.c_str(), nullptr)) << text;
  }
}

}  // namespace
}  // namespace weir
