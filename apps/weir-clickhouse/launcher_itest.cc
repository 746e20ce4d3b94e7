// Starts the real launcher with the real engine.

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace weir::launcher {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::seconds kReadyTimeout{60};

std::string read_file(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

// One launcher process, its two streams in files. Ended by the destructor whatever happened.
class LauncherProcess {
 public:
  LauncherProcess(const std::filesystem::path& folder, const std::vector<std::string>& arguments)
      : stdout_(folder / "stdout"), stderr_(folder / "stderr") {
    std::vector<std::string> owned = arguments;
    owned.insert(owned.begin(), WEIR_BUILD_DIR "/weir-clickhouse");
    std::vector<char*> argv;
    argv.reserve(owned.size() + 1);
    for (std::string& argument : owned) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(open(stdout_.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600), STDOUT_FILENO);
    dup2(open(stderr_.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600), STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  LauncherProcess(const LauncherProcess&) = delete;
  LauncherProcess& operator=(const LauncherProcess&) = delete;
  ~LauncherProcess() {
    if (pid_ > 0) end_by(SIGKILL);
  }

  // Exit code, or minus the signal that ended it.
  int wait() {
    int state = 0;
    waitpid(pid_, &state, 0);
    pid_ = -1;
    return WIFEXITED(state) ? WEXITSTATUS(state) : -WTERMSIG(state);
  }
  int end_by(int signal) {
    kill(pid_, signal);
    return wait();
  }
  [[nodiscard]] bool alive() const {
    siginfo_t state{};
    return waitid(P_PID, static_cast<id_t>(pid_), &state, WEXITED | WNOHANG | WNOWAIT) == 0 && state.si_pid == 0;
  }
  [[nodiscard]] std::string printed() const { return read_file(stdout_); }
  [[nodiscard]] std::string complained() const { return read_file(stderr_); }

 private:
  std::filesystem::path stdout_;
  std::filesystem::path stderr_;
  pid_t pid_ = -1;
};

class LauncherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-launcher-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    setenv("WEIR_TEST_PASSWORD", "s3<c&\"r'et", 1);
    http_port_ = free_port();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::vector<std::string> arguments() {
    return {"--path",     (folder_ / "data").string(), "--http-port",      std::to_string(http_port_),
            "--tcp-port", std::to_string(free_port()), "--die-with-parent"};
  }
  std::vector<std::string> arguments_with_user() {
    auto all = arguments();
    all.insert(all.end(), {"--user", "weir", "--password-env", "WEIR_TEST_PASSWORD"});
    return all;
  }

  // The body of the answer, or "" while nothing answers.
  std::string query(const std::string& sql, const std::string& user_and_password = "weir:s3<c&\"r'et",
                    const std::string& url_suffix = "") {
    std::string body;
    CURL* curl = curl_easy_init();
    const std::string url = "http://127.0.0.1:" + std::to_string(http_port_) + "/" + url_suffix;
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_USERPWD, user_and_password.c_str());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, sql.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(sql.size()));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(
        curl, CURLOPT_WRITEFUNCTION, +[](char* bytes, size_t, size_t size, void* out) {
          static_cast<std::string*>(out)->append(bytes, size);
          return size;
        });
    curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    return body;
  }

  // False if the process ended first or nothing answered in a generous time.
  bool wait_until_ready(const LauncherProcess& process) {
    const auto deadline = std::chrono::steady_clock::now() + kReadyTimeout;
    while (process.alive() && std::chrono::steady_clock::now() < deadline) {
      if (query("SELECT 1", "weir:wrong").find("AUTHENTICATION_FAILED") != std::string::npos) return true;
      usleep(10'000);
    }
    return false;
  }

  std::filesystem::path folder_;
  uint16_t http_port_ = 0;
};

TEST_F(LauncherTest, AUserNeedsItsPasswordAndDefaultMayDoNothing) {
  LauncherProcess server(folder_, arguments_with_user());
  ASSERT_TRUE(wait_until_ready(server)) << server.complained();
  EXPECT_EQ(query("SELECT currentUser()"), "weir\n");
  EXPECT_THAT(query("SELECT name FROM system.users", "default:"), HasSubstr("ACCESS_DENIED"));
  EXPECT_THAT(query("SELECT * FROM file('/etc/passwd', LineAsString)", "default:"), HasSubstr("ACCESS_DENIED"));
}

TEST_F(LauncherTest, WithoutAUserDefaultMayDoEverything) {
  LauncherProcess server(folder_, arguments());
  ASSERT_TRUE(wait_until_ready(server)) << server.complained();
  EXPECT_EQ(query("CREATE DATABASE weir", "default:"), "");
  EXPECT_EQ(query("SELECT currentUser()", "default:"), "default\n");
}

TEST_F(LauncherTest, RowsInsertedInNativeFormatOutliveKillNine) {
  {
    LauncherProcess server(folder_, arguments_with_user());
    ASSERT_TRUE(wait_until_ready(server)) << server.complained();
    ASSERT_EQ(query("CREATE DATABASE weir"), "");
    ASSERT_EQ(query("CREATE TABLE weir.t (x Int64, s String) ENGINE = MergeTree ORDER BY x"), "");
    const std::string block =
        query("SELECT toInt64(number) AS x, toString(number) AS s FROM numbers(1000) FORMAT Native");
    ASSERT_EQ(query(block, "weir:s3<c&\"r'et", "?query=INSERT+INTO+weir.t+FORMAT+Native"), "");
    EXPECT_EQ(server.end_by(SIGKILL), -SIGKILL);
  }
  LauncherProcess restarted(folder_, arguments_with_user());
  ASSERT_TRUE(wait_until_ready(restarted)) << restarted.complained();
  EXPECT_EQ(query("SELECT count(), sum(x) FROM weir.t"), "1000\t499500\n");
}

TEST_F(LauncherTest, SigtermEndsItInOrder) {
  LauncherProcess server(folder_, arguments_with_user());
  ASSERT_TRUE(wait_until_ready(server)) << server.complained();
  EXPECT_EQ(server.end_by(SIGTERM), 0) << server.complained();
}

TEST_F(LauncherTest, ASecondServerOnTheSameFolderSaysSo) {
  LauncherProcess first(folder_, arguments_with_user());
  ASSERT_TRUE(wait_until_ready(first)) << first.complained();
  const std::filesystem::path second_streams = folder_ / "second";
  std::filesystem::create_directory(second_streams);
  auto other_port = arguments();
  other_port[3] = std::to_string(free_port());
  LauncherProcess second(second_streams, other_port);
  EXPECT_EQ(second.wait(), 1);
  EXPECT_THAT(second.complained(), HasSubstr("already running"));
}

TEST_F(LauncherTest, ATakenPortIsAnError) {
  LauncherProcess first(folder_, arguments_with_user());
  ASSERT_TRUE(wait_until_ready(first)) << first.complained();
  const std::filesystem::path elsewhere = folder_ / "second";
  std::filesystem::create_directory(elsewhere);
  auto same_port = arguments();
  same_port[1] = (elsewhere / "data").string();
  LauncherProcess second(elsewhere, same_port);
  EXPECT_EQ(second.wait(), 1);
  EXPECT_THAT(second.complained(), HasSubstr("Address already in use"));
}

TEST_F(LauncherTest, LocalPrintsTheResult) {
  LauncherProcess local(folder_, {"local", "--query", "SELECT 1 + 1 FORMAT CSV"});
  EXPECT_EQ(local.wait(), 0) << local.complained();
  EXPECT_EQ(local.printed(), "2\n");
}

TEST_F(LauncherTest, LocalFailsWithTheQuery) {
  LauncherProcess local(folder_, {"local", "--query", "SELECT no_such_column"});
  EXPECT_EQ(local.wait(), 1);
  EXPECT_THAT(local.complained(), HasSubstr("no_such_column"));
}

TEST_F(LauncherTest, AMissingEngineNamesTheWaysToGiveOne) {
  auto all = arguments();
  all.insert(all.end(), {"--library", "/no/such/libchdb.so"});
  LauncherProcess server(folder_, all);
  EXPECT_EQ(server.wait(), 1);
  EXPECT_THAT(server.complained(), HasSubstr("WEIR_CLICKHOUSE_LIBRARY"));
}

}  // namespace
}  // namespace weir::launcher
