#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backfill/file_reader.h"

namespace weir::backfill {

/// What a file becomes, as text: "3 {"a":1}" for row 3, "4 invalid_csv: reason <raw>" for a reject.
struct FileContent {
  std::vector<std::string> rows;
  std::vector<std::string> rejects;
  Seq last{0};
};

/// Files in a folder of their own, read for a table whose columns the test names.
class FileReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "weir_files_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(path(name), std::ios::binary) << bytes;
  }

  /// Column `name` of `type`, from "/<name>".
  void column(const std::string& name, const std::string& type, bool required = false) {
    plan_.input.push_back({.name = name,
                           .type = *parse_column_type(type),
                           .from = *parse_value_source("/" + name),
                           .required = required,
                           .default_json = {}});
  }

  Result<std::unique_ptr<FileReader>> open(const std::string& name, FileFormat format) {
    auto input = FileInput::open(path(name));
    if (!input.ok()) return input.status();
    inputs_.push_back(std::move(*input));
    return open_file_reader(format, *inputs_.back(), plan_, origin_);
  }

  /// Everything from row `first` on, in batches of at most `batch_rows`.
  FileContent read(const std::string& name, FileFormat format, int64_t first = 1, int32_t batch_rows = 1'000) {
    auto reader = open(name, format);
    EXPECT_TRUE(reader.ok()) << reader.status().to_string();
    FileContent content;
    if (!reader.ok()) return content;
    const Status sought = (*reader)->seek(Seq{first});
    EXPECT_TRUE(sought.ok()) << sought.to_string();
    for (;;) {
      const auto batch = (*reader)->next({.messages_max = batch_rows});
      EXPECT_TRUE(batch.ok()) << batch.status().to_string();
      if (!batch.ok() || (*batch)->range().empty()) return content;
      EXPECT_EQ((*batch)->range().first.value, content.last.value == 0 ? first : content.last.value + 1);
      content.last = (*batch)->range().last;
      for (const Message& message : (*batch)->messages()) {
        content.rows.push_back(to_string(message.seq) + " " + std::string(message.payload));
      }
      for (const Reject& reject : (*batch)->rejects()) {
        content.rejects.push_back(to_string(reject.seq) + " " + reject.code +
                                  (reject.pointer.empty() ? "" : " " + reject.pointer) + ": " + reject.reason + " <" +
                                  reject.payload + ">");
      }
    }
  }

  Plan plan_;
  const FileOrigin origin_{.subject = "a.file", .time_us = 1'700'000'000'000'000};

 private:
  std::filesystem::path folder_;
  std::vector<std::unique_ptr<FileInput>> inputs_;
};

}  // namespace weir::backfill
