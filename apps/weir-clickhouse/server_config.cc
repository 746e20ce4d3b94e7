#include "weir-clickhouse/server_config.h"

#include <stdlib.h>

#include <algorithm>
#include <fstream>

namespace weir::launcher {
namespace {

// The engine reads the value of a variable as XML, so what it is given is an escaped copy under a name of our own.
constexpr const char* kPasswordVariable = "WEIR_CLICKHOUSE_LAUNCHER_PASSWORD";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

Result<std::string> checked_password(const ServerUser& user) {
  const bool well_formed = is_letter(user.name.front()) &&
                           std::ranges::all_of(user.name, [](char c) { return is_letter(c) || is_digit(c); });
  if (!well_formed) return invalid_argument("user '" + user.name + "': a name is [A-Za-z_][A-Za-z0-9_]*");
  if (user.name == "default") {
    return invalid_argument("user 'default' is the launcher's own session; give the password to another name");
  }
  const char* password = getenv(user.password_env.c_str());
  if (password == nullptr || *password == '\0') {
    return invalid_argument("user '" + user.name + "': environment variable '" + user.password_env +
                            "' with the password is not set");
  }
  return std::string(password);
}

Status write_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (!file) return permission_denied("cannot write " + path.string());
  return ok_status();
}

std::string users_xml(const std::string& user) {
  return R"(<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <no_password/>
      <networks><ip>127.0.0.1</ip><ip>::1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants><query>GRANT SYSTEM LISTEN ON *.*</query></grants>
    </default>
    <)" + user +
         R"(>
      <password from_env=")" +
         kPasswordVariable + R"("/>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <access_management>1</access_management>
    </)" +
         user + R"(>
  </users>
</clickhouse>
)";
}

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&apos;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

Result<std::filesystem::path> write_server_config(const std::filesystem::path& folder, const ServerUser& user) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) return permission_denied("cannot make " + folder.string() + ": " + failure.message());

  std::string settings;
  if (!user.name.empty()) {
    WEIR_ASSIGN_OR_RETURN(const std::string password, checked_password(user));
    const std::filesystem::path users = folder / "users.xml";
    WEIR_RETURN_IF_ERROR(write_file(users, users_xml(user.name)));
    settings = "<users_config>" + escape_xml(users.string()) + "</users_config>";
    setenv(kPasswordVariable, escape_xml(password).c_str(), 1);
  }
  const std::filesystem::path config = folder / "config.xml";
  WEIR_RETURN_IF_ERROR(write_file(config, "<clickhouse>" + settings + "</clickhouse>\n"));
  return config;
}

}  // namespace weir::launcher
