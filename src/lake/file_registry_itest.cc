#include "lake/file_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "engine/engine.h"
#include "tests/support/lake_folder.h"

namespace weir::lake {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FileRegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    auto engine = engine::Engine::open({.worker_threads = 2});
    ASSERT_TRUE(engine.ok()) << engine.status().to_string();
    engine_ = std::move(engine).value();
  }

  engine::ObjectStore objects() const { return {*engine_, lake_.url(), /*sync=*/false}; }
  FileRegistry registry() const { return FileRegistry(objects()); }

  static FileRecord file(const std::string& digest, const std::string& path) {
    return {.digest = digest, .path = path, .format = "csv", .size_bytes = 10, .shard = 0, .time_us = 5};
  }

  test::LakeFolder lake_;
  std::unique_ptr<engine::Engine> engine_;
};

TEST_F(FileRegistryTest, AContentGetsOneNumberForGoodWhateverItsName) {
  EXPECT_EQ(registry().find("t", "aa").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(registry().add("t", file("aa", "/x/a.csv"))->shard, -1);
  EXPECT_EQ(registry().add("t", file("bb", "/x/b.csv"))->shard, -2);
  const auto again = registry().add("t", file("aa", "/y/other.csv"));
  EXPECT_EQ(again->shard, -1);
  EXPECT_EQ(again->path, "/x/a.csv");
  EXPECT_EQ(registry().add("u", file("aa", "/x/a.csv"))->shard, -1);
  EXPECT_EQ(registry().find("t", "bb")->size_bytes, 10);
}

TEST_F(FileRegistryTest, AFileIsUnfinishedUntilItsOutcomeIsThere) {
  ASSERT_TRUE(registry().add("t", file("aa", "/x/a.csv")).ok());
  ASSERT_TRUE(registry().add("t", file("bb", "/x/b.csv")).ok());
  const auto paths = [&] {
    const auto unfinished = registry().unfinished("t").value();
    std::vector<std::string> listed;
    for (const FileRecord& record : unfinished) listed.push_back(record.path);
    return listed;
  };
  EXPECT_THAT(paths(), ElementsAre("/x/a.csv", "/x/b.csv"));
  EXPECT_EQ(registry().outcome("t", "aa").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(registry().finish("t", "aa", {.rows_read = 7, .rows = 5, .filtered = 1, .dead_letters = 1}).ok());
  ASSERT_TRUE(registry().finish("t", "aa", {.rows_read = 7}).ok());
  EXPECT_EQ(registry().outcome("t", "aa")->rows, 5);
  EXPECT_THAT(paths(), ElementsAre("/x/b.csv"));
  EXPECT_THAT(*registry().unfinished("u"), IsEmpty());
}

TEST_F(FileRegistryTest, ProcessesThatRegisterAtOnceNeverShareANumber) {
  std::vector<int32_t> shards(20);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < shards.size(); ++i) {
      threads.emplace_back([&, i] {
        // Two of each content.
        const auto added = registry().add("t", file("digest" + std::to_string(i / 2), "/x/" + std::to_string(i)));
        if (added.ok()) shards[i] = added->shard;
      });
    }
  }
  std::set<int32_t> distinct;
  for (size_t i = 0; i < shards.size(); i += 2) {
    EXPECT_LT(shards[i], 0);
    EXPECT_EQ(shards[i], shards[i + 1]);
    distinct.insert(shards[i]);
  }
  EXPECT_EQ(distinct.size(), shards.size() / 2);
}

TEST_F(FileRegistryTest, ANumberThatWasClaimedBeforeACrashIsUsedAgainForTheSameContent) {
  ASSERT_TRUE(objects().put_if_absent("_weir/files/t/shards/00000000000000000001.json", R"({"digest":"aa"})").ok());
  EXPECT_EQ(registry().add("t", file("aa", "/x/a.csv"))->shard, -1);
  ASSERT_TRUE(objects().put_if_absent("_weir/files/t/shards/00000000000000000002.json", R"({"digest":"bb"})").ok());
  EXPECT_EQ(registry().add("t", file("cc", "/x/c.csv"))->shard, -3);
}

}  // namespace
}  // namespace weir::lake
