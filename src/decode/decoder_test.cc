#include "decode/decoder.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <unistd.h>

#include "decode/decode_fixture.h"

namespace weir {
namespace {

using ::testing::HasSubstr;

// What {"v": json} makes of a nullable column "v" of `type`.
std::string decoded(const std::string& type, const std::string& json) {
  Plan plan = plan_of({column("v", type)});
  if (type.starts_with("list") || type.starts_with("struct")) plan.input[0].required = true;
  return cell(Decoding(plan).decode_one("{\"v\":" + json + "}"));
}

TEST(Decoder, RowsAreTheInputColumnsAndThenTheSystemColumns) {
  const Plan plan = plan_of({column("a", "int64"), required(column("b", "string"))});
  Decoding decoding(plan);
  const DecodedBatch batch = decoding.decode(std::vector<Message>{
      {.seq = Seq{7}, .time_us = 5, .subject = "x.y", .payload = R"({"a":1,"b":"one"})"},
      {.seq = Seq{9}, .time_us = 6, .subject = "x.\xc3\xa4", .payload = R"( { "b" : "two" } )"}});
  EXPECT_TRUE(batch.rows->schema()->Equals(*input_arrow_schema(plan)));
  EXPECT_EQ(batch.rows->num_rows(), 2);
  const std::vector<std::string> first = {"1", "one", "3", "7", "0", "1970-01-01 00:00:00.000005Z", "x.y"};
  const std::vector<std::string> second = {"null", "two", "3", "9", "0", "1970-01-01 00:00:00.000006Z", "x.\xc3\xa4"};
  for (int i = 0; i < batch.rows->num_columns(); ++i) {
    EXPECT_EQ(cell(batch, i, 0), first[static_cast<size_t>(i)]);
    EXPECT_EQ(cell(batch, i, 1), second[static_cast<size_t>(i)]);
  }
}

TEST(Decoder, ABatchWithoutMessagesOrRowsHasTheSchema) {
  Decoding decoding(plan_of({column("a", "string"), column("b", "bool"), required(column("c", "list<json>"))}));
  EXPECT_EQ(decoding.decode(std::vector<Message>{}).rows->num_rows(), 0);
  EXPECT_EQ(decoding.decode_one("{").rows->num_rows(), 0);
}

TEST(Decoder, ABadEventLeavesNoTraceInTheRowsAroundIt) {
  Decoding decoding(plan_of({column("s", "string"), column("l", "string", "/x"), column("n", "int8"), column("b", "bool"),
                             required(column("list", "list<string>"))}));
  const DecodedBatch batch = decoding.decode(std::vector<std::string>{
      R"({"s":"one","n":1,"b":true,"list":["a","b"]})", R"({"s":"never","x":"never","b":true,"list":["x","y",7]})",
      R"({"s":"never again","x":"no","b":true,"n":300,"list":["z"]})", R"({"s":"truncated)",
      R"({"x":"two","n":null,"b":false,"list":[]})", R"({"list":["c"]})"});
  ASSERT_EQ(batch.rows->num_rows(), 3);
  ASSERT_EQ(batch.rejects.size(), 3U);
  EXPECT_EQ(batch.rows->column(0)->ToString(), "[\n  \"one\",\n  null,\n  null\n]");
  EXPECT_EQ(batch.rows->column(1)->ToString(), "[\n  null,\n  \"two\",\n  null\n]");
  EXPECT_EQ(batch.rows->column(2)->ToString(), "[\n  1,\n  null,\n  null\n]");
  EXPECT_EQ(batch.rows->column(3)->ToString(), "[\n  true,\n  false,\n  null\n]");
  EXPECT_EQ((*batch.rows->column(4)->GetScalar(2))->ToString(), "list<item: string not null>[c]");
  EXPECT_EQ(batch.rejects[0].seq.value, 102);
  EXPECT_EQ(batch.rejects[0].pointer, "/list/2");
  EXPECT_EQ(batch.rejects[2].seq.value, 104);
}

TEST(Decoder, ARejectCarriesEverythingNeededToMendAndReplay) {
  Decoding decoding(plan_of({column("a", "int32")}));
  const DecodedBatch batch = decoding.decode(std::vector<Message>{{.seq = Seq{42},
                                                                   .time_us = 7,
                                                                   .subject = "s.t",
                                                                   .payload = R"({"a":"x"})",
                                                                   .headers = "H: 1\r\n"}});
  ASSERT_EQ(batch.rejects.size(), 1U);
  const Reject& reject = batch.rejects[0];
  EXPECT_EQ(reject.seq.value, 42);
  EXPECT_EQ(reject.row, 0);
  EXPECT_EQ(reject.time_us, 7);
  EXPECT_EQ(reject.subject, "s.t");
  EXPECT_EQ(reject.code, "wrong_type");
  EXPECT_EQ(reject.pointer, "/a");
  EXPECT_EQ(reject.reason, "int32: an integer, written without point and exponent, is expected, not \"x\"");
  EXPECT_EQ(reject.payload, R"({"a":"x"})");
  EXPECT_EQ(reject.headers, "H: 1\r\n");
}

TEST(Decoder, IsUsedAgainForBatchAfterBatch) {
  Decoding decoding(plan_of({column("s", "string"), column("n", "float64")}));
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> payloads;
    for (int i = 0; i <= round * 3; ++i) payloads.push_back(R"({"n":)" + std::to_string(i) + R"(.5,"s":")" + std::string(static_cast<size_t>(i), 'x') + "\"}");
    const DecodedBatch batch = decoding.decode(payloads);
    ASSERT_EQ(batch.rows->num_rows(), round * 3 + 1);
    EXPECT_EQ(cell(batch, 0, round * 3), std::string(static_cast<size_t>(round) * 3, 'x'));
  }
}

TEST(Decoder, IntegersKeepAllTheirBits) {
  EXPECT_EQ(decoded("int64", "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(decoded("int64", "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(decoded("int64", "9223372036854775808"), "out_of_range /v");
  EXPECT_EQ(decoded("int64", "-9223372036854775809"), "out_of_range /v");
  EXPECT_EQ(decoded("uint64", "18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(decoded("uint64", "18446744073709551616"), "out_of_range /v");
  EXPECT_EQ(decoded("uint64", "100000000000000000000"), "out_of_range /v");
  EXPECT_EQ(decoded("uint64", "-1"), "out_of_range /v");
  EXPECT_EQ(decoded("uint64", "-0"), "0");
  EXPECT_EQ(decoded("int64", "10000000000000000000"), "out_of_range /v");
}

TEST(Decoder, EveryIntegerTypeEndsWhereItEnds) {
  const std::tuple<const char*, const char*, const char*> cases[] = {{"int8", "-128", "127"},
                                                                     {"int16", "-32768", "32767"},
                                                                     {"int32", "-2147483648", "2147483647"},
                                                                     {"uint8", "0", "255"},
                                                                     {"uint16", "0", "65535"},
                                                                     {"uint32", "0", "4294967295"}};
  for (const auto& [type, low, high] : cases) {
    EXPECT_EQ(decoded(type, low), low);
    EXPECT_EQ(decoded(type, high), high);
    EXPECT_EQ(decoded(type, std::to_string(std::stoll(low) - 1)), "out_of_range /v") << type;
    EXPECT_EQ(decoded(type, std::to_string(std::stoll(high) + 1)), "out_of_range /v") << type;
  }
}

TEST(Decoder, AnIntegerIsWrittenAsOne) {
  for (const char* json : {"1.0", "1e3", "1E0", "0.0", "\"1\"", "true", "[1]", "{}"}) {
    EXPECT_EQ(decoded("int64", json), "wrong_type /v") << json;
  }
}

TEST(Decoder, FloatsTakeAnyNumberThatDoesNotOverflow) {
  EXPECT_EQ(decoded("float64", "1"), "1");
  EXPECT_EQ(decoded("float64", "-0.5e-1"), "-0.05");
  EXPECT_EQ(decoded("float64", "1.7976931348623157e308"), "1.7976931348623157e+308");
  EXPECT_EQ(decoded("float64", "1e309"), "out_of_range /v");
  EXPECT_EQ(decoded("float64", "-1e999999999999999999999"), "out_of_range /v");
  EXPECT_EQ(decoded("float64", "1e-400"), "0");
  EXPECT_EQ(decoded("float64", "5e-324"), "5e-324");
  EXPECT_EQ(decoded("float32", "3.4028235e38"), "3.4028235e+38");
  EXPECT_EQ(decoded("float32", "3.5e38"), "out_of_range /v");
  EXPECT_EQ(decoded("float32", "16777217"), "16777216");
  EXPECT_EQ(decoded("float64", "\"1\""), "wrong_type /v");
}

TEST(Decoder, DecimalsAreExactFromTheDigitsOfTheText) {
  EXPECT_EQ(decoded("decimal(10,2)", "1.5"), "1.50");
  EXPECT_EQ(decoded("decimal(10,2)", "\"-1.50\""), "-1.50");
  EXPECT_EQ(decoded("decimal(10,2)", "1.500000000"), "1.50");
  EXPECT_EQ(decoded("decimal(10,2)", "1.501"), "bad_decimal /v");
  EXPECT_EQ(decoded("decimal(10,2)", "99999999.99"), "99999999.99");
  EXPECT_EQ(decoded("decimal(10,2)", "100000000"), "out_of_range /v");
  EXPECT_EQ(decoded("decimal(10,2)", "1e7"), "10000000.00");
  EXPECT_EQ(decoded("decimal(10,2)", "123e-2"), "1.23");
  EXPECT_EQ(decoded("decimal(10,2)", "123e-3"), "bad_decimal /v");
  EXPECT_EQ(decoded("decimal(10,2)", "1230e-3"), "1.23");
  EXPECT_EQ(decoded("decimal(10,2)", "0e999999999999999999999"), "0.00");
  EXPECT_EQ(decoded("decimal(10,2)", "1e999999999999999999999"), "out_of_range /v");
  EXPECT_EQ(decoded("decimal(10,2)", "1e-999999999999999999999"), "bad_decimal /v");
  EXPECT_EQ(decoded("decimal(38,0)", "-99999999999999999999999999999999999999"), "-99999999999999999999999999999999999999");
  EXPECT_EQ(decoded("decimal(38,0)", "100000000000000000000000000000000000000"), "out_of_range /v");
  EXPECT_EQ(decoded("decimal(38,38)", "0.12345678901234567890123456789012345678"), "0.12345678901234567890123456789012345678");
  EXPECT_EQ(decoded("decimal(38,38)", "0.123456789012345678901234567890123456781"), "bad_decimal /v");
  EXPECT_EQ(decoded("decimal(38,10)", "0.1"), "0.1000000000");
  EXPECT_EQ(decoded("decimal(20,0)", "18446744073709551615.000"), "18446744073709551615");
  for (const char* json : {"\"\"", "\"1,5\"", "\" 1\"", "\"+1\"", "\".5\"", "\"0x1\"", "\"NaN\""}) {
    EXPECT_EQ(decoded("decimal(10,2)", json), "bad_decimal /v") << json;
  }
  EXPECT_EQ(decoded("decimal(10,2)", "true"), "wrong_type /v");
}

TEST(Decoder, BooleansAndStringsAreOnlyThemselves) {
  EXPECT_EQ(decoded("bool", "true"), "true");
  EXPECT_EQ(decoded("bool", "false"), "false");
  for (const char* json : {"0", "1", "\"true\"", "[]"}) EXPECT_EQ(decoded("bool", json), "wrong_type /v") << json;
  EXPECT_EQ(decoded("string", R"("a\u00e4\ud83d\ude00\n\"\\\/\u0041")"), "a\xc3\xa4\xf0\x9f\x98\x80\n\"\\/A");
  EXPECT_EQ(decoded("string", "\"\""), "");
  for (const char* json : {"1", "true", "{}", "[]"}) EXPECT_EQ(decoded("string", json), "wrong_type /v") << json;
}

TEST(Decoder, BinaryIsPaddedStandardBase64) {
  EXPECT_EQ(decoded("binary", "\"\""), "");
  EXPECT_EQ(decoded("binary", "\"Zm9vYmE=\""), "fooba");
  EXPECT_EQ(decoded("binary", "\"Zg==\""), "f");
  EXPECT_EQ(decoded("binary", "\"+/+/\""), "\xfb\xff\xbf");
  for (const char* json : {"\"Zg\"", "\"Zg=\"", "\"Zg===\"", "\"====\"", "\"-_-_\"", "\"Zh==\"", "\"Zm9=\"", "\"Zg==Zg==\"", "\"Zm 9\"", "\"Z===\""}) {
    EXPECT_EQ(decoded("binary", json), "bad_base64 /v") << json;
  }
}

TEST(Decoder, DatesAreRealDaysThatBothStoresHold) {
  EXPECT_EQ(decoded("date", "\"1970-01-01\""), "1970-01-01");
  EXPECT_EQ(decoded("date", "\"2000-02-29\""), "2000-02-29");
  EXPECT_EQ(decoded("date", "\"1900-01-01\""), "1900-01-01");
  EXPECT_EQ(decoded("date", "\"2299-12-31\""), "2299-12-31");
  for (const char* json : {"\"1899-12-31\"", "\"2300-01-01\"", "\"0000-01-01\"", "\"9999-12-31\""}) {
    EXPECT_EQ(decoded("date", json), "out_of_range /v") << json;
  }
  for (const char* json : {"\"1900-02-29\"", "\"2001-02-29\"", "\"2020-13-01\"", "\"2020-00-01\"", "\"2020-01-00\"",
                           "\"2020-04-31\"", "\"2020-1-1\"", "\"20200101\"", "\"2020-01-01 \"", "\"2020-01-01T00:00:00Z\"",
                           "\"+020-01-01\"", "\"\""}) {
    EXPECT_EQ(decoded("date", json), "bad_date /v") << json;
  }
  EXPECT_EQ(decoded("date", "20200101"), "wrong_type /v");
}

TEST(Decoder, TimestampsAreRfc3339WithAZone) {
  EXPECT_EQ(decoded("timestamp", "\"2013-01-01T10:00:00Z\""), "2013-01-01 10:00:00.000000Z");
  EXPECT_EQ(decoded("timestamp", "\"2013-01-01 10:00:00.5+05:30\""), "2013-01-01 04:30:00.500000Z");
  EXPECT_EQ(decoded("timestamp", "\"2013-01-01T23:59:59.123456-00:30\""), "2013-01-02 00:29:59.123456Z");
  EXPECT_EQ(decoded("timestamp", "\"2013-01-01T10:00:00.123456000Z\""), "2013-01-01 10:00:00.123456Z");
  EXPECT_EQ(decoded("timestamp", "\"1969-12-31T23:59:59.999999Z\""), "1969-12-31 23:59:59.999999Z");
  EXPECT_EQ(decoded("timestamp", "\"1900-01-01T00:00:00Z\""), "1900-01-01 00:00:00.000000Z");
  EXPECT_EQ(decoded("timestamp", "\"2299-12-31T23:59:59.999999Z\""), "2299-12-31 23:59:59.999999Z");
  EXPECT_EQ(decoded("timestamp", "\"2300-01-01T00:30:00+01:00\""), "2299-12-31 23:30:00.000000Z");
  for (const char* json : {"\"1900-01-01T00:00:00+00:01\"", "\"2299-12-31T23:59:59-00:01\"", "\"0001-01-01T00:00:00Z\""}) {
    EXPECT_EQ(decoded("timestamp", json), "out_of_range /v") << json;
  }
  for (const char* json :
       {"\"2013-01-01T10:00:00\"", "\"2013-01-01\"", "\"2013-01-01T10:00Z\"", "\"2013-01-01t10:00:00z\"",
        "\"2013-01-01T24:00:00Z\"", "\"2013-01-01T10:60:00Z\"", "\"2016-12-31T23:59:60Z\"", "\"2013-02-30T10:00:00Z\"",
        "\"2013-01-01T10:00:00.Z\"", "\"2013-01-01T10:00:00.1234567Z\"", "\"2013-01-01T10:00:00,5Z\"",
        "\"2013-01-01T10:00:00+24:00\"", "\"2013-01-01T10:00:00+05:60\"", "\"2013-01-01T10:00:00+0530\"",
        "\"2013-01-01T10:00:00Z \"", "\"2013-01-01T10:00:00ZZ\"", "\"2013-01-01_10:00:00Z\"", "\"1356998400\""}) {
    EXPECT_EQ(decoded("timestamp", json), "bad_timestamp /v") << json;
  }
  EXPECT_EQ(decoded("timestamp", "1356998400000000"), "wrong_type /v");
}

TEST(Decoder, UuidsAreStoredInLowerCase) {
  EXPECT_EQ(decoded("uuid", "\"00112233-4455-6677-8899-AaBbCcDdEeFf\""), "00112233-4455-6677-8899-aabbccddeeff");
  for (const char* json : {"\"00112233445566778899aabbccddeeff\"", "\"{0112233-4455-6677-8899-aabbccddeef}\"", "\"\"",
                           "\"00112233-4455-6677-8899-aabbccddeefg\"", "\"0011223-34455-6677-8899-aabbccddeeff\""}) {
    EXPECT_EQ(decoded("uuid", json), "bad_uuid /v") << json;
  }
}

TEST(Decoder, AJsonColumnHoldsTheTextAsSent) {
  for (const char* json : {"1.0", "\"a\\u0041\"", "true", "{ \"b\" : [ 1 , 2 ] }", "[]", "{}", "[{\"a\":null}]"}) {
    EXPECT_EQ(decoded("json", json), json);
    EXPECT_EQ(decoded("json", std::string(" ") + json + " \n"), json);
  }
  EXPECT_EQ(decoded("json", "null"), "null");
}

TEST(Decoder, ListsAndStructsHoldTheirItemsAndFields) {
  EXPECT_EQ(decoded("list<int64>", "[ 1, 2 ,3]"), "list<item: int64 not null>[1, 2, 3]");
  EXPECT_EQ(decoded("list<list<string>>", R"([[],["a","\u0062]"]])"),
            "list<item: list<item: string not null> not null>[list<item: string not null>[], list<item: string not null>[a, b]]]");
  EXPECT_EQ(decoded("list<json>", R"([{"a":[1,"]"]},2])"), R"(list<item: string not null>[{"a":[1,"]"]}, 2])");
  EXPECT_EQ(decoded("struct<a:int8,b:list<bool>>", R"({"b":[true],"x":{"y":1},"\u0061":5})"),
            "{a:int8 = 5, b:list<item: bool not null> = list<item: bool not null>[true]}");
}

TEST(Decoder, AFaultInsideAListOrStructIsPointedAt) {
  EXPECT_EQ(decoded("list<int8>", "[1,2,300]"), "out_of_range /v/2");
  EXPECT_EQ(decoded("list<int8>", "[1,null]"), "wrong_type /v/1");
  EXPECT_EQ(decoded("list<json>", "[1,null]"), "wrong_type /v/1");
  EXPECT_EQ(decoded("list<int8>", "{}"), "wrong_type /v");
  EXPECT_EQ(decoded("list<int8>", "1"), "wrong_type /v");
  EXPECT_EQ(decoded("struct<a:struct<b:date>>", R"({"a":{"b":"x"}})"), "bad_date /v/a/b");
  EXPECT_EQ(decoded("struct<a:int8>", "{}"), "missing_field /v/a");
  EXPECT_EQ(decoded("struct<a:int8>", R"({"a":null})"), "missing_field /v/a");
  EXPECT_EQ(decoded("struct<a:int8>", "[]"), "wrong_type /v");
  EXPECT_EQ(decoded("list<int8>", "null"), "missing_field /v");
}

TEST(Decoder, NullIsAbsentAndAbsentIsMissingDefaultOrNull) {
  Decoding decoding(plan_of({column("n", "int8"), with_default(column("d", "decimal(5,2)"), "1.5"),
                             with_default(column("s", "string"), R"("\u00e4")"),
                             with_default(column("l", "list<int8>"), "[1,2]")}));
  for (const char* payload : {"{}", R"({"n":null,"d":null,"s":null,"l":null})"}) {
    const DecodedBatch batch = decoding.decode_one(payload);
    EXPECT_EQ(cell(batch, 0), "null");
    EXPECT_EQ(cell(batch, 1), "1.50");
    EXPECT_EQ(cell(batch, 2), "\xc3\xa4");
    EXPECT_EQ(cell(batch, 3), "list<item: int8 not null>[1, 2]");
  }
  Decoding strict(plan_of({required(column("a", "int8", "/x/a"))}));
  for (const char* payload : {"{}", R"({"x":null})", R"({"x":{}})", R"({"x":{"a":null}})", R"({"x":[1]})", R"({"x":1})"}) {
    EXPECT_EQ(cell(strict.decode_one(payload)), "missing_field /x/a") << payload;
  }
}

TEST(Decoder, PointersReachIntoObjectsAndArraysAndMayOverlap) {
  Decoding decoding(plan_of({column("whole", "json", "/a"), column("b", "int8", "/a/b"), column("again", "float64", "/a/b"),
                             column("second", "string", "/l/1"), column("deep", "int8", "/l/2/x"),
                             column("tilde", "int8", "/~0t~1"), column("empty", "int8", "/"), column("digit", "int8", "/a/0"),
                             column("items", "json", "/l")}));
  const DecodedBatch batch = decoding.decode_one(
      R"({"l":["zero","one",{"x":9}],"~t/":3,"":4,"a":{"0":6,"b":5},"unknown":[{"a":{"b":"x"}}]})");
  const std::vector<std::string> expected = {R"({"0":6,"b":5})", "5", "5", "one", "9", "3", "4", "6", R"(["zero","one",{"x":9}])"};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(cell(batch, static_cast<int>(i)), expected[i]) << i;
}

TEST(Decoder, TheOrderAndSpellingOfKeysDoNotMatter) {
  std::vector<InputColumn> columns;
  for (char c = 'a'; c <= 'p'; ++c) columns.push_back(column(std::string(1, c), "int8"));
  Decoding decoding(plan_of(columns));
  for (int stride : {1, 3, 5, 7, 15, 1}) {
    std::string payload;
    for (int i = 0; i < 16; ++i) {
      const int k = i * stride % 16;
      payload += std::string(i == 0 ? "{" : ",") + "\"x" + std::to_string(i) + "\":0,";
      payload += k == 3 ? "\"\\u0064\":3" : "\"" + std::string(1, static_cast<char>('a' + k)) + "\":" + std::to_string(k);
    }
    const DecodedBatch batch = decoding.decode_one(payload + "}");
    for (int k = 0; k < 16; ++k) EXPECT_EQ(cell(batch, k), std::to_string(k));
  }
}

TEST(Decoder, HeadersSubjectTokensAndThePayloadAreSources) {
  Decoding decoding(plan_of({column("h", "int32", "header:X-N"), column("t", "string", "subject:2"),
                             column("p", "binary", "payload"), column("s", "string", "payload"),
                             column("absent", "string", "header:x-n"), column("far", "string", "subject:9"),
                             column("when", "timestamp", "header:When")}));
  const DecodedBatch batch = decoding.decode(std::vector<Message>{
      {.seq = Seq{1}, .subject = "a.bc.d", .payload = "not json", .headers = "Other: 1\r\nX-N:  42 \r\nWhen: 2020-01-01T00:00:00Z\r\n"}});
  const std::vector<std::string> expected = {"42", "bc", "not json", "not json", "null", "null", "2020-01-01 00:00:00.000000Z"};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(cell(batch, static_cast<int>(i)), expected[i]) << i;
}

TEST(Decoder, TextFromOutsideTheJsonIsJudgedLikeAValue) {
  const auto from_header = [](const char* type, const std::string& value) {
    Decoding decoding(plan_of({column("v", type, "header:V")}));
    const std::string headers = "V: " + value + "\r\n";
    return cell(decoding.decode(std::vector<Message>{{.subject = "s", .payload = "", .headers = headers}}));
  };
  EXPECT_EQ(from_header("bool", "true"), "true");
  EXPECT_EQ(from_header("bool", "True"), "wrong_type header:V");
  EXPECT_EQ(from_header("int8", "1.0"), "wrong_type header:V");
  EXPECT_EQ(from_header("int8", "300"), "out_of_range header:V");
  EXPECT_EQ(from_header("int8", ""), "wrong_type header:V");
  EXPECT_EQ(from_header("float32", "1e40"), "out_of_range header:V");
  EXPECT_EQ(from_header("decimal(3,1)", "1.25"), "bad_decimal header:V");
  EXPECT_EQ(from_header("uuid", "\xff"), "bad_uuid header:V");
  EXPECT_EQ(from_header("string", "\xff"), "invalid_utf8 header:V");
  EXPECT_EQ(from_header("json", "{\"a\":1}"), "{\"a\":1}");
  EXPECT_EQ(from_header("json", "{\"a\":1"), "invalid_json header:V");
  EXPECT_EQ(from_header("json", "nonsense"), "invalid_json header:V");
  EXPECT_EQ(from_header("json", "1 2"), "invalid_json header:V");
  EXPECT_EQ(from_header("string", "a\r\nV: b"), "bad_header header:V");
  EXPECT_EQ(from_header("string", "a\r\nno colon"), "bad_header header:V");
}

TEST(Decoder, ThePayloadColumnsOfAJsonTableAreJudgedToo) {
  EXPECT_EQ(cell(Decoding(plan_of({column("p", "json", "payload")})).decode_one("[1")), "invalid_json ");
  EXPECT_EQ(cell(Decoding(plan_of({column("p", "json", "payload")})).decode_one(" [1] ")), " [1] ");
  EXPECT_EQ(cell(Decoding(plan_of({column("p", "string", "payload")})).decode_one("\xc3")), "invalid_utf8 ");
  EXPECT_EQ(cell(Decoding(plan_of({column("p", "binary", "payload")})).decode_one("")), "");
  EXPECT_EQ(cell(Decoding(plan_of({column("p", "json", "payload"), column("a", "int8")})).decode_one("{\"a\":1}")), "{\"a\":1}");
}

TEST(Decoder, ASubjectThatIsNotUtf8IsABadSubject) {
  Decoding decoding(plan_of({column("a", "int8")}));
  EXPECT_EQ(cell(decoding.decode(std::vector<Message>{{.subject = "a.\xff", .payload = "{}"}})), "bad_subject ");
}

TEST(Decoder, UnknownFieldsAreIgnoredOrRejected) {
  Plan plan = plan_of({column("b", "int8", "/a/b"), column("j", "json"), required(column("s", "struct<x:int8>"))});
  const char* ok = R"({"a":{"b":1},"j":{"any":1},"s":{"x":1}})";
  const std::pair<const char*, const char*> unknown[] = {{R"({"s":{"x":1},"c":1})", "unknown_field /c"},
                                                         {R"({"a":{"c":1},"s":{"x":1}})", "unknown_field /a/c"},
                                                         {R"({"a":{"b":{"d":1}},"s":{"x":1}})", "unknown_field /a/b/d"},
                                                         {R"({"a":[{"c~/":1}],"s":{"x":1}})", "unknown_field /a/0/c~0~1"},
                                                         {R"({"s":{"x":1,"y":2}})", "unknown_field /s/y"}};
  for (const UnknownFields ignoring : {UnknownFields::kIgnore, UnknownFields::kAddColumn}) {
    plan.on_unknown_field = ignoring;
    Decoding decoding(plan);
    EXPECT_EQ(cell(decoding.decode_one(ok)), "1");
    EXPECT_EQ(cell(decoding.decode_one(unknown[0].first)), "null");
    EXPECT_EQ(cell(decoding.decode_one(unknown[4].first)), "null");
  }
  plan.on_unknown_field = UnknownFields::kReject;
  Decoding decoding(plan);
  EXPECT_EQ(cell(decoding.decode_one(ok)), "1");
  for (const auto& [payload, expected] : unknown) EXPECT_EQ(cell(decoding.decode_one(payload)), expected) << payload;
}

TEST(Decoder, EachLineOfNdjsonIsAnEventWithItsOrdinal) {
  Plan plan = plan_of({column("a", "int32")});
  plan.format = PayloadFormat::kNdjson;
  Decoding decoding(plan);
  const DecodedBatch batch = decoding.decode(
      std::vector<std::string>{"{\"a\":1}\n\n{\"a\":x}\r\n{\"a\":2}\r\n", "{\"a\":3}", "", " \n ", "{\"a\":4}{\"a\":5}"});
  ASSERT_EQ(batch.rows->num_rows(), 3);
  EXPECT_EQ(batch.rows->column(0)->ToString(), "[\n  1,\n  2,\n  3\n]");
  EXPECT_EQ(batch.rows->GetColumnByName("_row")->ToString(), "[\n  0,\n  3,\n  0\n]");
  ASSERT_EQ(batch.rejects.size(), 4U);
  EXPECT_EQ(batch.rejects[0].row, 2);
  EXPECT_EQ(batch.rejects[0].payload, "{\"a\":x}\r");
  EXPECT_EQ(batch.rejects[1].code, "empty");
  EXPECT_EQ(batch.rejects[2].code, "empty");
  EXPECT_EQ(batch.rejects[3].code, "invalid_json");
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "{\"a\":" + std::to_string(i) + "}\n";
  EXPECT_EQ(cell(decoding.decode_one(many), 0, 9'999), "9999");
}

TEST(Decoder, APlanThatCannotBeDecodedIsRefusedWithItsReason) {
  const auto refusal = [](Plan plan) {
    return Decoder::create(std::make_shared<const Plan>(std::move(plan)), 0).status().message();
  };
  Plan arrow = plan_of({column("a", "int8")});
  arrow.format = PayloadFormat::kArrow;
  EXPECT_EQ(refusal(arrow), "format = \"arrow\" is not supported yet");
  Plan deep = plan_of({column("a", "int8")});
  deep.json_depth_max = 1'001;
  EXPECT_THAT(refusal(deep), HasSubstr("json_depth"));
  Plan large = plan_of({column("a", "int8")});
  large.message_bytes_max = (int64_t{1} << 30) + 1;
  EXPECT_THAT(refusal(large), HasSubstr("message_bytes"));
  EXPECT_THAT(refusal(plan_of({})), HasSubstr("at least one column"));
  EXPECT_THAT(refusal(plan_of({column("a", "list<int8>")})), HasSubstr("must be `required` or have a `default`"));
  EXPECT_THAT(refusal(plan_of({required(column("a", "list<int8>", "header:A"))})), HasSubstr("JSON Pointer only"));
  EXPECT_THAT(refusal(plan_of({required(with_default(column("a", "int8"), "1"))})), HasSubstr("exclude each other"));
}

TEST(Decoder, ADefaultIsJudgedExactlyLikeAPayload) {
  const auto refusal = [](const char* type, const char* json) {
    return check_default(with_default(column("a", type), json)).message();
  };
  for (const auto& [type, json] : {std::pair("int8", "-128"), std::pair("decimal(3,1)", "\"1.0\""), std::pair("json", "{}"),
                                   std::pair("list<date>", "[\"2020-01-01\"]"), std::pair("struct<a:int8>", "{\"a\":1}")}) {
    EXPECT_EQ(refusal(type, json), "") << type;
  }
  EXPECT_EQ(refusal("int8", "300"), "column \"a\": default 300 is not one: out_of_range: int8: the value does not fit, not 300");
  EXPECT_THAT(refusal("decimal(3,1)", "1.25"), HasSubstr("bad_decimal"));
  EXPECT_THAT(refusal("list<date>", "[\"2020-01-01\",\"x\"]"), HasSubstr("bad_date at /1"));
  EXPECT_THAT(refusal("struct<a:int8>", "{\"a\":1,\"b\":1}"), HasSubstr("unknown_field at /b"));
  EXPECT_THAT(refusal("int8", "null"), HasSubstr("leave the default out"));
  EXPECT_THAT(refusal("int8", " 1"), HasSubstr("white space"));
  for (const char* json : {"", "[", "nonsense", "1 2", "{\"a\":1,\"a\":1}"}) EXPECT_NE(refusal("json", json), "") << json;
}

// Stage 1 works on blocks of 64 bytes; here every length ends right before memory that cannot be read.
TEST(Decoder, ReadsNothingBehindThePayload) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* const memory = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  char* const end = static_cast<char*>(memory) + page;
  ASSERT_EQ(mprotect(end, page, PROT_NONE), 0);
  Decoding decoding(plan_of({column("a", "string"), column("n", "float64"), column("j", "json"), column("u", "uuid")}));
  for (size_t length = 1; length < 400; ++length) {
    const std::string text(length, 'x');
    for (const std::string& payload :
         {R"({"a":")" + text + "\"}", R"({"n":)" + std::string(length, '1') + "}", "{\"j\":{}" + std::string(length, ' ') + "}",
          R"({"n":1.)" + std::string(length, '5'), "{" + text, std::string(length, '['), R"({"u":")" + text, text,
          R"({"a":")" + std::string(length, '\\')}) {
      char* const begin = end - payload.size();
      payload.copy(begin, payload.size());
      (void)decoding.decode(std::vector<Message>{{.subject = "s", .payload = {begin, payload.size()}}});
    }
  }
  munmap(memory, 2 * page);
}

}  // namespace
}  // namespace weir
