#include <gmock/gmock.h>
#include <simdjson.h>

#include <fstream>
#include <set>

#include "decode/decode_fixture.h"
#include "decode/reject_code.h"

namespace weir {
namespace {

struct BadPayload {
  const char* name;
  std::string payload;
  const char* code;
  const char* pointer = "";
};

std::string repeated(std::string_view text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

// Not one whole object.
std::vector<BadPayload> not_an_object() {
  using namespace std::string_literals;
  return {
      {"empty", "", "empty"},
      {"white space", " \r\n\t", "empty"},
      {"byte order mark", "\xef\xbb\xbf{}", "invalid_json"},
      {"array", "[1]", "not_an_object"},
      {"string", "\"x\"", "not_an_object"},
      {"number", " 1 ", "not_an_object"},
      {"null", "null", "not_an_object"},
      {"invalid array", "[1,]", "invalid_json"},
      {"word", "nonsense", "invalid_json"},
      {"two numbers", "1 2", "invalid_json"},
      {"truncated in object", R"({"v":1)", "invalid_json"},
      {"truncated in key", R"({"v)", "invalid_json"},
      {"truncated in string", R"({"v":"x)", "invalid_json"},
      {"truncated behind colon", R"({"v":)", "invalid_json"},
      {"truncated in nested object", R"({"v":{"a":1})", "invalid_json"},
      {"truncated in nested array", R"({"v":[1,2})", "invalid_json"},
      {"brace alone", "{", "invalid_json"},
      {"closing brace alone", "}", "invalid_json"},
      {"trailing value", "{} 1", "invalid_json"},
      {"trailing object", "{}{}", "invalid_json"},
      {"trailing brace", R"({"x":1}})", "invalid_json"},
      {"trailing zero byte", "{}\0"s, "invalid_json"},
  };
}

// An object, but not by the grammar.
std::vector<BadPayload> broken_json() {
  return {
      {"missing comma", R"({"x":1 "y":2})", "invalid_json"},
      {"missing colon", R"({"x" 1})", "invalid_json"},
      {"missing value", R"({"x":,"y":1})", "invalid_json"},
      {"missing key", R"({:1})", "invalid_json"},
      {"key without quotes", R"({x:1})", "invalid_json"},
      {"key is a number", R"({1:1})", "invalid_json"},
      {"single quotes", R"({'x':1})", "invalid_json"},
      {"trailing comma", R"({"x":1,})", "invalid_json"},
      {"leading comma", R"({,"x":1})", "invalid_json"},
      {"trailing comma in array", R"({"x":[1,]})", "invalid_json"},
      {"colon in array", R"({"x":[1:2]})", "invalid_json"},
      {"value is a key", R"({"x":"y":1})", "invalid_json"},
      {"comment", R"({"x":1/*c*/})", "invalid_json"},
      {"mismatched brackets", R"({"x":[1}])", "invalid_json"},
      {"control character", "{\"x\":\"a\nb\"}", "invalid_json"},
      {"control character between tokens", "{\"x\":1\x01}", "invalid_json"},
      {"NaN", R"({"x":NaN})", "invalid_json"},
      {"Infinity", R"({"x":Infinity})", "invalid_json"},
      {"minus Infinity", R"({"x":-Infinity})", "invalid_json"},
      {"leading zero", R"({"x":01})", "invalid_json"},
      {"leading plus", R"({"x":+1})", "invalid_json"},
      {"lone minus", R"({"x":-})", "invalid_json"},
      {"point without digits", R"({"x":1.})", "invalid_json"},
      {"point first", R"({"x":.5})", "invalid_json"},
      {"exponent without digits", R"({"x":1e+})", "invalid_json"},
      {"hexadecimal", R"({"x":0x10})", "invalid_json"},
      {"number runs into a string", R"({"x":1"abc"})", "invalid_json"},
      {"literal with a tail", R"({"x":truex})", "invalid_json"},
      {"literal cut", R"({"x":tru})", "invalid_json"},
      {"literal in capitals", R"({"x":True})", "invalid_json"},
      {"two strings", R"({"x":"a""b"})", "invalid_json"},
  };
}

// Text that is not Unicode, in values and in keys, of columns and of what no column takes.
std::vector<BadPayload> broken_text() {
  return {
      {"bad escape, column", R"({"v":"\x"})", "invalid_json"},
      {"bad escape, ignored", R"({"x":"\x"})", "invalid_json"},
      {"bad escape in key", R"({"\q":1})", "invalid_json"},
      {"short unicode escape", R"({"x":"\u00e"})", "invalid_json"},
      {"lone high surrogate, column", R"({"v":"\ud800"})", "invalid_json"},
      {"lone high surrogate, ignored", R"({"x":"\ud800"})", "invalid_json"},
      {"lone high surrogate in key", R"({"\ud800":1})", "invalid_json"},
      {"lone high surrogate in nested ignored", R"({"x":[{"y":"\ud800!"}]})", "invalid_json"},
      {"lone low surrogate", R"({"x":"\udc00"})", "invalid_json"},
      {"surrogates the wrong way round", R"({"x":"\udc00\ud800"})", "invalid_json"},
      {"high surrogate then letter", R"({"x":"\ud800\u0041"})", "invalid_json"},
      {"invalid UTF-8 in value", "{\"v\":\"\xff\"}", "invalid_utf8"},
      {"invalid UTF-8 in ignored", "{\"x\":\"\xc3(\"}", "invalid_utf8"},
      {"invalid UTF-8 in key", "{\"\xc0\xaf\":1}", "invalid_utf8"},
      {"surrogate in UTF-8", "{\"x\":\"\xed\xa0\x80\"}", "invalid_utf8"},
  };
}

std::vector<BadPayload> repeated_keys() {
  return {
      {"duplicate column", R"({"v":"1","v":"2"})", "duplicate_key", "/v"},
      {"duplicate column, escaped", R"({"v":"1","\u0076":"2"})", "duplicate_key", "/v"},
      {"duplicate column, null first", R"({"v":null,"v":"2"})", "duplicate_key", "/v"},
      {"duplicate ignored", R"({"x":1,"y":2,"x":1})", "duplicate_key", "/x"},
      {"duplicate ignored, escaped", R"({"\u0078":1,"y":2,"x":1})", "duplicate_key", "/x"},
      {"duplicate in ignored object", R"({"x":{"a~/":[0,{"k":1,"k":2}]}})", "duplicate_key", "/x/a~0~1/1/k"},
      {"duplicate empty key", R"({"":1,"":2})", "duplicate_key", "/"},
  };
}

std::vector<BadPayload> beyond_limits() {
  return {
      {"too deep, objects", repeated("{\"x\":", 65) + "1" + repeated("}", 65), "too_deep"},
      {"too deep, arrays", "{\"x\":" + repeated("[", 64) + repeated("]", 64) + "}", "too_deep"},
      {"10,000 nested arrays", "{\"x\":" + repeated("[", 10'000) + repeated("]", 10'000) + "}", "too_deep"},
      {"10,000 nested without end", repeated("[", 10'000), "invalid_json"},
      {"100,000 nested arrays", repeated("[", 100'000) + repeated("]", 100'000), "too_deep"},
      {"100,000 nested objects", repeated("{\"v\":", 100'000) + "1" + repeated("}", 100'000), "too_deep"},
      {"too large", "{\"x\":\"" + std::string(1'000'000, 'x') + "\"}", "too_large"},
  };
}

// Valid JSON that does not fit the columns, and what comes before that.
std::vector<BadPayload> wrong_values() {
  return {
      {"wrong type", R"({"v":1})", "wrong_type", "/v"},
      {"wrong type before invalid JSON", R"({"v":1,"x":})", "invalid_json"},
      {"wrong type before a duplicate", R"({"v":1,"x":1,"x":2})", "duplicate_key", "/x"},
      {"two wrong types", R"({"n":"x","v":1})", "wrong_type", "/n"},
      {"object for a string", R"({"v":{"a":[1]}})", "wrong_type", "/v"},
  };
}

std::vector<BadPayload> bad_payloads() {
  std::vector<BadPayload> all;
  for (const auto& kind :
       {not_an_object(), broken_json(), broken_text(), repeated_keys(), beyond_limits(), wrong_values()}) {
    all.insert(all.end(), kind.begin(), kind.end());
  }
  return all;
}

Plan small_plan() {
  Plan plan = plan_of({column("v", "string"), column("n", "int64")});
  plan.message_bytes_max = 900'000;
  return plan;
}

TEST(BadPayload, IsRejectedWithItsCodeAndTheEventsAroundItAreRows) {
  Decoding decoding(small_plan());
  for (const BadPayload& bad : bad_payloads()) {
    const DecodedBatch batch =
        decoding.decode(std::vector<std::string>{R"({"v":"before"})", bad.payload, R"({"v":"after","n":7})"});
    ASSERT_EQ(batch.rejects.size(), 1U) << bad.name;
    EXPECT_EQ(batch.rejects[0].code, bad.code) << bad.name << ": " << batch.rejects[0].reason;
    EXPECT_EQ(batch.rejects[0].pointer, bad.pointer) << bad.name;
    EXPECT_EQ(batch.rejects[0].payload, bad.payload) << bad.name;
    EXPECT_NE(batch.rejects[0].reason, "") << bad.name;
    ASSERT_EQ(batch.rows->num_rows(), 2) << bad.name;
    EXPECT_EQ(batch.rows->column(0)->ToString(), "[\n  \"before\",\n  \"after\"\n]") << bad.name;
    EXPECT_EQ(batch.rows->column(1)->ToString(), "[\n  null,\n  7\n]") << bad.name;
  }
}

// Where the bytes behind a payload would complete it, they must not.
TEST(BadPayload, IsNotMendedByTheBytesBehindIt) {
  Decoding decoding(small_plan());
  for (const char* behind : {"}", "]", ",\"y\":1}", "\"}", "1}", "}}}}}}"}) {
    for (const BadPayload& bad : bad_payloads()) {
      const std::string memory = bad.payload + behind;
      const DecodedBatch batch = decoding.decode(
          std::vector<Message>{{.subject = "s", .payload = std::string_view(memory).substr(0, bad.payload.size())}});
      EXPECT_EQ(cell(batch), std::string(bad.code) + " " + bad.pointer) << bad.name << " then " << behind;
    }
  }
}

// Validity must not depend on which columns a table has.
TEST(BadPayload, IsBadForEveryTableUnlessOnlyAValueIsAtFault) {
  Plan other = plan_of({column("z", "json"), column("q", "int8", "/x/0/y")});
  other.message_bytes_max = small_plan().message_bytes_max;
  Decoding decoding(other);
  for (const BadPayload& bad : bad_payloads()) {
    if (std::string_view(bad.code) == "wrong_type") continue;
    EXPECT_EQ(cell(decoding.decode_one(bad.payload)), std::string(bad.code) + " " + bad.pointer) << bad.name;
  }
}

TEST(GoodPayload, AtTheLimitsIsTaken) {
  Plan plan = small_plan();
  Decoding decoding(plan);
  const auto rows = [&](const std::string& payload) { return decoding.decode_one(payload).rows->num_rows(); };
  EXPECT_EQ(rows(repeated("{\"x\":", 64) + "1" + repeated("}", 64)), 1);
  EXPECT_EQ(rows("{\"x\":" + repeated("[", 63) + repeated("]", 63) + "}"), 1);
  EXPECT_EQ(rows("{\"x\":\"" + std::string(900'000 - 8, 'x') + "\"}"), 1);
  EXPECT_EQ(rows(R"({"x":{"k":1},"y":{"k":1},"k":1})"), 1);
  EXPECT_EQ(rows(R"({"a":1,"A":2,"a ":3})"), 1);
  EXPECT_EQ(rows("\t{\r\n}\n"), 1);
  EXPECT_EQ(rows(R"({"x":"\ud83d\ude00","\ud83d\ude01":"\u0000"})"), 1);
  EXPECT_EQ(rows(R"({"x":1e999999,"y":123456789012345678901234567890,"z":-0.0})"), 1);
}

TEST(GoodPayload, WithAHundredThousandKeysIsTakenAndItsLastDuplicateFound) {
  Decoding decoding(small_plan());
  std::string payload = "{";
  for (int i = 0; i < 60'000; ++i) payload += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(decoding.decode_one(payload + "\"v\":\"x\"}").rows->num_rows(), 1);
  EXPECT_EQ(cell(decoding.decode_one(payload + "\"k0\":0}")), "duplicate_key /k0");
  EXPECT_EQ(decoding.decode_one(R"({"k0":1})").rows->num_rows(), 1);
}

// The vectorised stage is chosen by the processor at run time: each kernel must judge alike.
TEST(BadPayload, IsJudgedAlikeByEveryKernelThisProcessorRuns) {
  const simdjson::implementation* const active = simdjson::get_active_implementation();
  for (const simdjson::implementation* kernel : simdjson::get_available_implementations()) {
    if (!kernel->supported_by_runtime_system()) continue;
    simdjson::get_active_implementation() = kernel;
    Decoding decoding(small_plan());
    for (const BadPayload& bad : bad_payloads()) {
      EXPECT_EQ(cell(decoding.decode_one(bad.payload)), std::string(bad.code) + " " + bad.pointer)
          << bad.name << " on " << kernel->name();
    }
  }
  simdjson::get_active_implementation() = active;
}

TEST(RejectCodes, AreTheListOfTheDocumentation) {
  std::ifstream file(WEIR_SOURCE_DIR "/docs/formats/dead-letters.md");
  std::set<std::string> documented;
  std::string line;
  while (std::getline(file, line) && line != "## Codes") {
  }
  while (std::getline(file, line) && !line.starts_with("## ")) {
    if (line.starts_with("| `")) documented.insert(line.substr(3, line.find('`', 3) - 3));
  }
  std::set<std::string> known;
  for (const RejectCodeName& entry : kRejectCodes) known.emplace(entry.name);
  EXPECT_EQ(documented, known);
}

}  // namespace
}  // namespace weir
