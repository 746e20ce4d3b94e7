#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "config/default_value.h"
#include "config/endpoint.h"
#include "config/nearest_name.h"
#include "config/quantity.h"
#include "config/toml_document.h"

namespace weir {
namespace {

using testing::HasSubstr;

TEST(Duration, IsAWholeNumberAndAUnit) {
  EXPECT_EQ(parse_duration("100ms")->count(), 100);
  EXPECT_EQ(parse_duration("30d")->count(), int64_t{30} * 86'400'000);
  for (const char* text : {"", "1", "s", "1 s", "1.5s", "-1s", "+1s", "1w", "1S", "9223372036854775807d", "1s1s"}) {
    EXPECT_FALSE(parse_duration(text).ok()) << text;
  }
}

TEST(Size, HasUnitsOf1024) {
  EXPECT_EQ(*parse_size("128MiB"), 128 << 20);
  EXPECT_EQ(*parse_size("512B"), 512);
  for (const char* text : {"", "128", "128MB", "1.5GiB", "-1B", "99999999999TiB"})
    EXPECT_FALSE(parse_size(text).ok()) << text;
}

TEST(Rfc3339, NeedsAZoneAndARealDay) {
  EXPECT_EQ(*parse_rfc3339_us("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(*parse_rfc3339_us("1969-12-31T23:59:59.999999Z"), -1);
  EXPECT_EQ(*parse_rfc3339_us("2024-02-29T01:00:00.25+01:00"), 1'709'164'800'250'000);
  for (const char* text : {"2023-02-29T00:00:00Z", "2026-01-31T06:00:00", "2026-01-31", "2026-01-31T24:00:00Z",
                           "2026-01-31T06:00:00.1234567Z", "2026-01-31T06:00:00.Z", "2026-01-31T06:00:00Zx",
                           "2026-1-31T06:00:00Z", "2026-01-31T06:00:00+0100"}) {
    EXPECT_FALSE(parse_rfc3339_us(text).ok()) << text;
  }
}

TEST(NearestName, ForgivesATypoButDoesNotGuessWildly) {
  constexpr std::array<std::string_view, 3> kKeys = {"commit_interval", "sync", "url"};
  EXPECT_EQ(nearest_name("comit_interval", kKeys), "commit_interval");
  EXPECT_EQ(nearest_name("snyc", kKeys), "sync");
  EXPECT_EQ(nearest_name("uri", kKeys), "url");
  EXPECT_EQ(nearest_name("partition_by", kKeys), "");
  EXPECT_EQ(nearest_name(std::string(100'000, 'x'), kKeys), "");
}

TEST(Url, WithCredentialsInItIsRefusedWithoutShowingThem) {
  const Status status = check_url("http://ana:s3cret@host:1", {"http"});
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.message().find("s3cret"), std::string::npos);
}

TEST(Url, NeedsASchemeAHostAndARealPort) {
  EXPECT_TRUE(check_url("https://[::1]:8443/x", {"http", "https"}).ok());
  EXPECT_TRUE(check_url("nats://host", {"nats"}).ok());
  for (const char* text : {"host:1", "ftp://host", "http://", "http://:80", "http://h:0", "http://h:99999",
                           "http://h:x", "http://::1:80", "http://a b", "http://h:"}) {
    EXPECT_FALSE(check_url(text, {"http"}).ok()) << text;
  }
}

TEST(LakeUrl, IsAnAbsoluteFolderOrABucket) {
  EXPECT_EQ(*parse_lake_url("file:///a/b//"), "file:///a/b");
  EXPECT_EQ(*parse_lake_url("s3://bucket"), "s3://bucket");
  for (const char* text :
       {"/a", "file://a", "file:///", "s3://", "s3:///", "s3a://b", "file:///a/../b", "s3://k:s@b", "s3://b?x=1"}) {
    EXPECT_FALSE(parse_lake_url(text).ok()) << text;
  }
}

TEST(Listen, IsAnAddressAndAPort) {
  EXPECT_EQ(parse_listen_address("[::1]:0")->host, "::1");
  EXPECT_EQ(parse_listen_address("127.0.0.1:8642")->port, 8642);
  for (const char* text : {"", "127.0.0.1", ":80", "a:70000", "::1:80", "[::1]"})
    EXPECT_FALSE(parse_listen_address(text).ok()) << text;
}

TEST(Listen, OnlyLoopbackAddressesAreLoopback) {
  for (const char* host : {"localhost", "127.0.0.1", "127.9.9.9", "::1"}) EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"0.0.0.0", "::", "127.evil.example", "localhost.example", "10.0.0.1"})
    EXPECT_FALSE(is_loopback(host)) << host;
}

TEST(SubjectFilter, AllowsWildcardsOnlyAsWholeTokens) {
  for (const char* subject : {"a", "a.b.c", "a.*.c", "a.>", ">", "*"})
    EXPECT_TRUE(check_subject_filter(subject).ok()) << subject;
  for (const char* subject : {"", ".", "a.", ".a", "a..b", "a.>.b", "a*", "a.b>", "a b", "a\n"}) {
    EXPECT_FALSE(check_subject_filter(subject).ok()) << subject;
  }
}

// default_json of `toml` for a column of `type`, or its error.
std::string default_of(const std::string& type, const std::string& toml) {
  const auto parsed = parse_toml("v = " + toml);
  const auto json = default_json(std::get<TomlValue::Table>(parsed).front().value, parse_column_type(type).value());
  return json.ok() ? *json : "error: " + json.status().message();
}

TEST(Default, ThatFitsIsKeptExactly) {
  EXPECT_EQ(default_of("bool", "true"), "true");
  EXPECT_EQ(default_of("uint64", "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(default_of("float64", "1"), "1.0");
  EXPECT_EQ(default_of("decimal(5,2)", "\"-999.99\""), "-999.99");
  EXPECT_EQ(default_of("decimal(2,2)", "\"0.25\""), "0.25");
  EXPECT_EQ(default_of("string", "\"a\\\"b\""), "\"a\\\"b\"");
  EXPECT_EQ(default_of("list<list<int8>>", "[[1], []]"), "[[1],[]]");
  EXPECT_EQ(default_of("timestamp", "2026-01-31T06:00:00+01:00"), "\"2026-01-31T06:00:00+01:00\"");
}

TEST(Default, ThatDoesNotFitIsRefused) {
  for (const auto& [type, toml] : {std::pair{"bool", "1"},
                                   {"int8", "128"},
                                   {"uint8", "-1"},
                                   {"int32", "1.0"},
                                   {"int64", "\"1\""},
                                   {"float32", "1e39"},
                                   {"float64", "inf"},
                                   {"decimal(5,2)", "\"1000.00\""},
                                   {"decimal(5,2)", "\"1.234\""},
                                   {"decimal(5,2)", "1.5"},
                                   {"decimal(5,2)", "\"01\""},
                                   {"decimal(5,2)", "\"1.\""},
                                   {"string", "1"},
                                   {"uuid", "\"x\""},
                                   {"date", "\"2026-02-30\""},
                                   {"timestamp", "2026-01-31T06:00:00"},
                                   {"list<int8>", "[300]"},
                                   {"struct<a:int8>", "{b = 1}"},
                                   {"struct<a:int8>", "{a = 1, b = 2}"},
                                   {"binary", "\"x\""},
                                   {"json", "[nan]"}}) {
    EXPECT_THAT(default_of(type, toml), HasSubstr("error: ")) << type << " " << toml;
  }
}

TEST(Toml, AValueIsShownOnOneShortLine) {
  const auto parsed = parse_toml("v = \"\"\"" + std::string(500, 'x') + "\nsecond\"\"\"");
  const std::string shown = display(std::get<TomlValue::Table>(parsed).front().value);
  EXPECT_LT(shown.size(), 100U);
  EXPECT_EQ(shown.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace weir
