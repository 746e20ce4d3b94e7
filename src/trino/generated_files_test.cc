#include "trino/generated_files.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace weir::trino {
namespace {

namespace fs = std::filesystem;

class GeneratedFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              ("weir_generated_files_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  FileOutcome write(const std::string& text) {
    const auto reports = write_files(folder_.string(), {{"a/b.txt", text}});
    EXPECT_TRUE(reports.ok()) << reports.status().to_string();
    return reports.ok() ? reports->at(0).outcome : FileOutcome::kKept;
  }

  [[nodiscard]] std::string read(const std::string& path) const {
    std::ifstream in(folder_ / path);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void edit(const std::string& text) const {
    fs::create_directories(folder_ / "a");
    std::ofstream(folder_ / "a/b.txt") << text;
  }

  fs::path folder_;
};

TEST_F(GeneratedFiles, AreWrittenAndReplacedWhileNobodyTouchesThem) {
  EXPECT_EQ(write("one"), FileOutcome::kWritten);
  EXPECT_EQ(write("one"), FileOutcome::kUnchanged);
  EXPECT_EQ(write("two"), FileOutcome::kWritten);
  EXPECT_EQ(read("a/b.txt"), "two");
}

TEST_F(GeneratedFiles, ThatAUserChangedAreKeptAndTheNewOneStandsBeside) {
  EXPECT_EQ(write("one"), FileOutcome::kWritten);
  edit("mine");
  EXPECT_EQ(write("two"), FileOutcome::kKept);
  EXPECT_EQ(read("a/b.txt"), "mine");
  EXPECT_EQ(read("a/b.txt.new"), "two");
  EXPECT_EQ(write("two"), FileOutcome::kKept);
  edit("two");
  EXPECT_EQ(write("two"), FileOutcome::kUnchanged);
  EXPECT_EQ(write("three"), FileOutcome::kWritten);
}

TEST_F(GeneratedFiles, ThatAUserMadeAreKept) {
  edit("mine");
  EXPECT_EQ(write("one"), FileOutcome::kKept);
  EXPECT_EQ(read("a/b.txt"), "mine");
}

TEST_F(GeneratedFiles, ThatAUserDeletedComeBack) {
  EXPECT_EQ(write("one"), FileOutcome::kWritten);
  fs::remove(folder_ / "a/b.txt");
  EXPECT_EQ(write("two"), FileOutcome::kWritten);
}

TEST_F(GeneratedFiles, SayWhichOneCannotBeWritten) {
  fs::create_directories(folder_.parent_path());
  std::ofstream(folder_) << "a file where the folder should be";
  const auto reports = write_files(folder_.string(), {{"a/b.txt", "one"}});
  ASSERT_FALSE(reports.ok());
  EXPECT_NE(reports.status().message().find("a/b.txt"), std::string::npos);
}

}  // namespace
}  // namespace weir::trino
