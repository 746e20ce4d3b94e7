#include "weir-clickhouse/server_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <sstream>

namespace weir::launcher {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string read_file(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class ServerConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-config-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    setenv("WEIR_TEST_PASSWORD", "a<b&c", 1);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(ServerConfigTest, APasswordIsNeverWrittenToAFile) {
  ASSERT_TRUE(write_server_config(folder_, {.name = "weir", .password_env = "WEIR_TEST_PASSWORD"}).ok());
  EXPECT_THAT(read_file(folder_ / "users.xml"), Not(HasSubstr("a<b")));
  EXPECT_STREQ(getenv("WEIR_CLICKHOUSE_LAUNCHER_PASSWORD"), "a&lt;b&amp;c");
}

TEST_F(ServerConfigTest, WithoutAUserTheEngineKeepsItsOwnDefaults) {
  auto config = write_server_config(folder_, {});
  ASSERT_TRUE(config.ok());
  EXPECT_THAT(read_file(*config), Not(HasSubstr("users_config")));
}

TEST_F(ServerConfigTest, AUserNameThatIsNotAnXmlNameIsRefused) {
  for (const char* name : {"a b", "1a", "<x/>", "a-b", "default"}) {
    auto written = write_server_config(folder_, {.name = name, .password_env = "WEIR_TEST_PASSWORD"});
    EXPECT_EQ(written.status().code(), StatusCode::kInvalidArgument) << name;
  }
}

TEST_F(ServerConfigTest, AMissingPasswordNamesItsVariable) {
  auto written = write_server_config(folder_, {.name = "weir", .password_env = "WEIR_TEST_NO_SUCH_VARIABLE"});
  EXPECT_EQ(written.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(written.status().message(), HasSubstr("WEIR_TEST_NO_SUCH_VARIABLE"));
}

TEST(EscapeXmlTest, ReservedCharactersBecomeEntities) {
  EXPECT_EQ(escape_xml("<&>\"'x"), "&lt;&amp;&gt;&quot;&apos;x");
}

}  // namespace
}  // namespace weir::launcher
