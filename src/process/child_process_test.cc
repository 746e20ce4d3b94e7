#include "process/child_process.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace weir {
namespace {

std::filesystem::path temporary_log(const char* name) {
  return std::filesystem::temp_directory_path() / ("weir-child-" + std::to_string(::getpid()) + name);
}

TEST(ChildProcess, WritesItsOutputIntoTheLogAndEnds) {
  const auto log = temporary_log("-echo");
  auto child = ChildProcess::start({.program = "/bin/sh", .arguments = {"-c", "echo hello"}, .log = log});
  ASSERT_TRUE(child.ok());
  while ((*child)->running()) {
  }
  EXPECT_EQ((*child)->log_tail(), "hello\n");
  std::filesystem::remove(log);
}

TEST(ChildProcess, IsStoppedByItsOwner) {
  const auto log = temporary_log("-sleep");
  auto child = ChildProcess::start({.program = "/bin/sleep", .arguments = {"1000"}, .log = log});
  ASSERT_TRUE(child.ok());
  EXPECT_TRUE((*child)->running());
  const pid_t pid = (*child)->pid();
  (*child)->stop(std::chrono::seconds(5));
  EXPECT_FALSE((*child)->running());
  EXPECT_NE(::kill(pid, 0), 0);
  std::filesystem::remove(log);
}

TEST(ChildProcess, AMissingProgramIsNamed) {
  const auto child = ChildProcess::start({.program = "/nowhere/at-all", .arguments = {}, .log = temporary_log("-none")});
  ASSERT_FALSE(child.ok());
  EXPECT_NE(child.status().message().find("/nowhere/at-all"), std::string::npos);
}

TEST(FreePort, IsAPort) {
  const auto port = free_port();
  ASSERT_TRUE(port.ok());
  EXPECT_GT(*port, 1023);
}

}  // namespace
}  // namespace weir
