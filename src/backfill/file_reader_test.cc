#include "backfill/file_reader.h"

#include <arrow/util/compression.h>
#include <gmock/gmock.h>

#include "backfill/file_fixture.h"

namespace weir::backfill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string compressed(const std::string& text, arrow::Compression::type type) {
  const auto codec = arrow::util::Codec::Create(type).ValueOrDie();
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int64_t>(text.size());
  std::string out(static_cast<size_t>(codec->MaxCompressedLen(size, bytes)), '\0');
  out.resize(static_cast<size_t>(
      codec->Compress(size, bytes, static_cast<int64_t>(out.size()), reinterpret_cast<uint8_t*>(out.data())).ValueOrDie()));
  return out;
}

using CsvTest = FileReaderTest;

TEST_F(CsvTest, ARecordBecomesAnObjectWithEachValueAsItsColumnTakesIt) {
  column("n", "int64", true);
  column("d", "decimal(10,2)");
  column("ok", "bool");
  column("text", "string");
  column("at", "timestamp");
  column("more", "json");
  column("items", "list<int32>");
  write("a.csv",
        "\xEF\xBB\xBFn,d,ok,text,at,more,items,else\r\n"
        "1,2.50,TRUE,3,2024-01-01T00:00:00Z,\"{\"\"a\"\":1}\",\"[1,2]\",4\r\n"
        "x,1e,yes,\"a \"\"b\"\"\t\",,,,\r\n"
        "\"\",,\"\",\"\",\"\",,,\r\n");
  const FileContent content = read("a.csv", FileFormat::kCsv);
  EXPECT_THAT(
      content.rows,
      ElementsAre(
          R"(1 {"n":1,"d":2.50,"ok":true,"text":"3","at":"2024-01-01T00:00:00Z","more":{"a":1},"items":[1,2],"else":"4"})",
          R"(2 {"n":"x","d":"1e","ok":"yes","text":"a \"b\"\t","at":null,"more":null,"items":null,"else":null})",
          R"(3 {"n":null,"d":null,"ok":null,"text":"","at":null,"more":null,"items":null,"else":null})"));
  EXPECT_THAT(content.rejects, IsEmpty());
}

TEST_F(CsvTest, BrokenLinesAreRejectsWithLineAndTextAndTheRestGoesOn) {
  column("a", "int32", true);
  column("b", "string");
  write("a.csv",
        "a,b\n"
        "1,\"two\nlines\"\n"
        "2\n"
        "3,x,y\n"
        "\n"
        "4,\"never closed\n"
        "5,\"fine\"\n"
        "6,un\"quoted\n"
        "7,\"end\" \n"
        "8,last");
  const FileContent content = read("a.csv", FileFormat::kCsv);
  EXPECT_THAT(content.rows, ElementsAre(R"(1 {"a":1,"b":"two\nlines"})", R"(5 {"a":5,"b":"fine"})",
                                        R"(8 {"a":8,"b":"last"})"));
  EXPECT_THAT(content.rejects,
              ElementsAre("2 invalid_csv: line 4: 1 fields, the header has 2 <2>",
                          "3 invalid_csv: line 5: 3 fields, the header has 2 <3,x,y>",
                          "4 invalid_csv: line 7: field 2: something stands between a closing quote and the next comma "
                          "<4,\"never closed>",
                          "6 invalid_csv: line 9: field 2: a quote stands inside a field that does not begin with one "
                          "<6,un\"quoted>",
                          "7 invalid_csv: line 10: field 2: something stands between a closing quote and the next comma "
                          "<7,\"end\" >"));
}

TEST_F(CsvTest, AQuoteThatIsNeverClosedCostsItsLineOnly) {
  column("a", "int32");
  column("b", "string");
  plan_.message_bytes_max = 1'000;
  std::string text = "a,b\n1,\"open\n";
  for (int i = 2; i <= 500; ++i) text += std::to_string(i) + ",plain\n";
  write("a.csv", text);
  const FileContent content = read("a.csv", FileFormat::kCsv);
  EXPECT_THAT(content.rows, SizeIs(499));
  EXPECT_THAT(content.rejects, ElementsAre(HasSubstr("1 invalid_csv: line 2: ")));
}

TEST_F(CsvTest, ATextThatIsNoJsonForAJsonColumnIsARejectOfThatColumn) {
  column("a", "json");
  write("a.csv", "a\n\"{\"\"x\"\":1},\"\"b\"\":2\"\n[1]\n");
  const FileContent content = read("a.csv", FileFormat::kCsv);
  EXPECT_THAT(content.rows, ElementsAre(R"(2 {"a":[1]})"));
  EXPECT_THAT(content.rejects, ElementsAre("1 invalid_json /a: line 2: no JSON <\"{\"\"x\"\":1},\"\"b\"\":2\">"));
}

TEST_F(CsvTest, ReadsTheSameFromAnyRowOnAndInBatchesOfAnySize) {
  column("a", "int64");
  column("b", "string");
  std::string text = "a,b\n";
  for (int i = 1; i <= 3'000; ++i) {
    text += std::to_string(i) + (i % 7 == 0 ? ",\"x\ny\"\n" : i % 11 == 0 ? "\n" : i % 13 == 0 ? ",\"open\n" : ",z\n");
  }
  write("a.csv", text);
  write("a.csv.gz", compressed(text, arrow::Compression::GZIP));
  write("a.csv.zst", compressed(text, arrow::Compression::ZSTD));
  const FileContent whole = read("a.csv", FileFormat::kCsv);
  EXPECT_EQ(whole.last.value, static_cast<int64_t>(whole.rows.size() + whole.rejects.size()));
  for (const char* name : {"a.csv", "a.csv.gz", "a.csv.zst"}) {
    const FileContent in_pieces = read(name, FileFormat::kCsv, 1, 7);
    EXPECT_EQ(in_pieces.rows, whole.rows) << name;
    EXPECT_EQ(in_pieces.rejects, whole.rejects) << name;
  }
  const FileContent rest = read("a.csv", FileFormat::kCsv, 1'501, 100);
  EXPECT_EQ(rest.last, whole.last);
  EXPECT_TRUE(std::equal(rest.rows.rbegin(), rest.rows.rend(), whole.rows.rbegin()));
  EXPECT_TRUE(std::equal(rest.rejects.rbegin(), rest.rejects.rend(), whole.rejects.rbegin()));
}

TEST_F(CsvTest, ARowAboveTheLimitIsARejectOfItsBeginning) {
  column("a", "string");
  plan_.message_bytes_max = 100'000;
  write("a.csv", "a\n" + std::string(3'000'000, 'x') + "\nshort\n");
  const FileContent content = read("a.csv", FileFormat::kCsv);
  EXPECT_THAT(content.rows, ElementsAre(R"(2 {"a":"short"})"));
  ASSERT_THAT(content.rejects, ElementsAre(HasSubstr("1 too_large: 3000000 bytes")));
  EXPECT_LT(content.rejects.front().size(), 70'000U);
}

TEST_F(CsvTest, AHeaderThatCannotServeIsRefused) {
  column("id", "int64", true);
  column("name", "string");
  const auto refusal = [&](const std::string& text) {
    write("a.csv", text);
    return open("a.csv", FileFormat::kCsv).status().message();
  };
  EXPECT_THAT(refusal(""), HasSubstr("begins with a header line"));
  EXPECT_THAT(refusal("id,name,id\n1,a,2\n"), HasSubstr("\"id\" twice"));
  EXPECT_THAT(refusal("i d,name\n1,a\n"), HasSubstr("has no column \"id\""));
  EXPECT_THAT(refusal("i d,name\n1,a\n"), HasSubstr("it has: i d, name"));
  EXPECT_THAT(refusal("\"id,name\n1,a\n"), HasSubstr("line 1 is no CSV header"));
}

TEST_F(CsvTest, NamesColumnsThatStayEmptyAndThoseThatNobodyTakes) {
  column("id", "int64", true);
  column("name", "string");
  write("a.csv", "id,nmae\n1,a\n");
  const auto reader = open("a.csv", FileFormat::kCsv);
  ASSERT_TRUE(reader.ok()) << reader.status().to_string();
  EXPECT_THAT((*reader)->notes(), ElementsAre("not in the file, so NULL or their default: name",
                                              "in the file, and no column takes them: nmae"));
}

TEST_F(CsvTest, ARequiredColumnThatNoFileCanHaveIsRefused) {
  column("id", "int64", true);
  plan_.input.push_back({.name = "trace",
                         .type = *parse_column_type("string"),
                         .from = *parse_value_source("header:Trace"),
                         .required = true,
                         .default_json = {}});
  write("a.csv", "id\n1\n");
  EXPECT_THAT(open("a.csv", FileFormat::kCsv).status().message(), HasSubstr("files have no message headers"));
}

TEST_F(CsvTest, ACompressedFileThatIsCutOffIsCalledSo) {
  column("a", "int64");
  std::string text = "a\n";
  for (int64_t i = 0; i < 500'000; ++i) text += std::to_string(i * 7919) + "\n";
  const std::string whole = compressed(text, arrow::Compression::GZIP);
  write("a.csv.gz", whole.substr(0, whole.size() / 2));
  auto reader = open("a.csv.gz", FileFormat::kCsv);
  ASSERT_TRUE(reader.ok()) << reader.status().to_string();
  Status status;
  while (status.ok()) status = (*reader)->next({.messages_max = 10'000}).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("damaged or cut off"));
}

using JsonLinesTest = FileReaderTest;

TEST_F(JsonLinesTest, ALineIsARowAsItIsAndBlankLinesCount) {
  column("a", "int64");
  write("a.json", "\xEF\xBB\xBF{\"a\":1}\r\n\n  \n{\"a\": 2,\n{\"a\":3}");
  const FileContent content = read("a.json", FileFormat::kJsonLines);
  EXPECT_THAT(content.rows, ElementsAre("1 {\"a\":1}", "4 {\"a\": 2,", "5 {\"a\":3}"));
  EXPECT_EQ(content.last.value, 5);
  EXPECT_THAT(read("a.json", FileFormat::kJsonLines, 3, 1).rows, ElementsAre("4 {\"a\": 2,", "5 {\"a\":3}"));
}

TEST_F(JsonLinesTest, ALineAboveTheLimitIsARejectOfItsBeginning) {
  column("a", "int64");
  plan_.message_bytes_max = 100;
  write("a.json", "1\n" + std::string(101, '2') + "\n" + std::string(100, '3') + "\n" + std::string(5'000'000, '4'));
  const FileContent content = read("a.json", FileFormat::kJsonLines);
  EXPECT_THAT(content.rows, ElementsAre("1 1", "3 " + std::string(100, '3')));
  EXPECT_THAT(content.rejects, ElementsAre(HasSubstr("2 too_large: 101 bytes"), HasSubstr("4 too_large: 5000000 bytes")));
}

TEST_F(JsonLinesTest, AnEmptyFileHasNoRows) {
  write("a.json", "");
  EXPECT_EQ(read("a.json", FileFormat::kJsonLines).last.value, 0);
}

TEST_F(JsonLinesTest, AFileShorterThanItsPositionIsDataLoss) {
  write("a.json", "{}\n{}\n");
  auto reader = open("a.json", FileFormat::kJsonLines);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->seek(Seq{4}).code(), StatusCode::kDataLoss);
}

TEST_F(JsonLinesTest, BatchesStayWithinTheirBytes) {
  std::string text;
  for (int i = 0; i < 1'000; ++i) text += std::string(1'000, 'x') + "\n";
  write("a.json", text);
  auto reader = open("a.json", FileFormat::kJsonLines);
  ASSERT_TRUE(reader.ok());
  const auto batch = (*reader)->next({.messages_max = 1'000, .bytes_max = 10'000});
  ASSERT_TRUE(batch.ok());
  EXPECT_LE((*batch)->bytes(), 11'000);
}

using FileInputTest = FileReaderTest;

TEST_F(FileInputTest, TheDigestNamesTheContentAndAChangeShows) {
  write("a", "content");
  write("b", "content");
  auto a = FileInput::open(path("a"));
  auto b = FileInput::open(path("b"));
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(*(*a)->digest({}), *(*b)->digest({}));
  EXPECT_TRUE((*a)->check_unchanged().ok());
  write("a", "content and more");
  EXPECT_EQ((*a)->check_unchanged().code(), StatusCode::kDataLoss);
  EXPECT_NE(*(*a)->digest({}), *(*b)->digest({}));
}

TEST_F(FileInputTest, OnlyRegularFilesAreTaken) {
  EXPECT_EQ(FileInput::open(path(".")).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(FileInput::open(path("none")).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace weir::backfill
