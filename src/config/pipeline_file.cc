#include "config/pipeline_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "config/endpoint.h"
#include "config/section_reader.h"
#include "config/table_section.h"
#include "config/toml_document.h"

namespace weir {
namespace {

constexpr std::streamsize kFileBytesMax = 4 << 20;

/// The sections of one file on their way into a PipelineConfig.
class FileReader {
 public:
  FileReader(const TomlValue::Table& file, ProblemList* errors, ProblemList* warnings)
      : file_(file), errors_(errors), warnings_(warnings) {}

  PipelineConfig read() {
    check_section_names(file_, errors_);
    PipelineConfig config;
    config.pipeline = read_pipeline();
    config.nats = read_nats();
    config.lake = read_lake();
    if (has("clickhouse")) config.clickhouse = read_clickhouse();
    config.engine = read_engine();
    config.http = read_http();
    if (has("trino")) config.trino = read_trino();
    config.maintenance = read_maintenance();
    config.limits = read_limits();
    const TomlEntry* tables = find(file_, "table");
    config.tables = read_tables(tables == nullptr ? nullptr : &tables->value, config.limits,
                                config.clickhouse.has_value(), {errors_, warnings_});
    return config;
  }

 private:
  [[nodiscard]] bool has(std::string_view name) const { return find(file_, name) != nullptr; }

  SectionReader section(std::string_view name) const {
    const TomlEntry* entry = find(file_, name);
    const auto* table = entry == nullptr ? nullptr : entry->value.get_if<TomlValue::Table>();
    if (entry != nullptr && table == nullptr) {
      errors_->add(entry->line, std::string(name), "must be a section, written once as [" + std::string(name) + "]");
    }
    const int line = entry == nullptr ? 0 : entry->line;
    return {config_section(name), table, std::string(name), line, errors_};
  }

  static std::optional<SecretVariable> secret(const SectionReader& section, std::string_view key) {
    const std::string name = section.text(key);
    if (name.empty()) return std::nullopt;
    return SecretVariable{name};
  }

  static void check(const SectionReader& section, std::string_view key, const Status& status) {
    if (!status.ok()) section.reject(key, status.message());
  }

  // Every key of `keys` that is given is refused.
  static void refuse(const SectionReader& section, std::initializer_list<std::string_view> keys,
                     const std::string& why) {
    for (const std::string_view key : keys) {
      if (section.given(key) != nullptr) section.reject(key, why);
    }
  }

  static void refuse_half(const SectionReader& section, std::string_view a, std::string_view b) {
    const bool has_a = section.given(a) != nullptr;
    const bool has_b = section.given(b) != nullptr;
    if (has_a && !has_b) section.reject(a, "needs " + std::string(b) + " beside it");
    if (has_b && !has_a) section.reject(b, "needs " + std::string(a) + " beside it");
  }

  PipelineSection read_pipeline() const {
    const SectionReader pipeline = section("pipeline");
    PipelineSection read;
    read.name = pipeline.text("name");
    const bool plain =
        read.name.size() <= 64 && std::all_of(read.name.begin(), read.name.end(), [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        });
    if (!plain)
      pipeline.reject("name", "must be letters, digits, '_' and '-', at most 64: it is part of a NATS bucket's name");
    read.data_dir = pipeline.text("data_dir");
    if (!read.data_dir.starts_with('/')) pipeline.reject("data_dir", "must be an absolute path");
    read.shutdown_timeout = pipeline.duration("shutdown_timeout");
    return read;
  }

  NatsSection read_nats() const {
    const SectionReader nats = section("nats");
    NatsSection read;
    read.url = nats.text("url");
    read.credentials_file = nats.text("credentials_file");
    read.user = nats.text("user");
    read.password = secret(nats, "password_env");
    read.token = secret(nats, "token_env");
    read.tls_ca = nats.text("tls_ca");
    read.tls_cert = nats.text("tls_cert");
    read.tls_key = nats.text("tls_key");
    if (read.embedded()) {
      refuse(nats, {"credentials_file", "user", "password_env", "token_env", "tls_ca", "tls_cert", "tls_key"},
             "has no effect with url = \"embedded\"; remove it");
      return read;
    }
    std::istringstream servers(read.url);
    for (std::string server; std::getline(servers, server, ',');) {
      check(nats, "url", check_url(server, {"nats", "tls"}).with_context("every server"));
    }
    refuse_half(nats, "user", "password_env");
    refuse_half(nats, "tls_cert", "tls_key");
    const int ways = (read.credentials_file.empty() ? 0 : 1) + (read.user.empty() ? 0 : 1) + (read.token ? 1 : 0);
    if (ways > 1) {
      const std::string_view second = read.token ? "token_env" : "user";
      nats.reject(second, "cannot be combined; use one of credentials_file, user with password_env, token_env");
    }
    return read;
  }

  LakeSection read_lake() const {
    const SectionReader lake = section("lake");
    LakeSection read;
    if (const std::string url = lake.text("url"); !url.empty()) {
      const Result<std::string> parsed = parse_lake_url(url);
      check(lake, "url", parsed.status());
      if (parsed.ok()) read.url = *parsed;
    }
    read.commit_interval = lake.duration("commit_interval");
    read.target_file_bytes = lake.size("target_file_size");
    read.sync = lake.flag("sync");
    return read;
  }

  ClickHouseSection read_clickhouse() const {
    const SectionReader clickhouse = section("clickhouse");
    ClickHouseSection read;
    read.url = clickhouse.text("url");
    read.database = clickhouse.text("database");
    check(clickhouse, "database", check_name("database", read.database));
    if (read.database == "default" || read.database == "system" || read.database == "information_schema") {
      clickhouse.reject("database", "belongs to ClickHouse itself; name one of your own, like \"weir\"");
    }
    read.user = clickhouse.text("user");
    read.password = secret(clickhouse, "password_env");
    read.tls_ca = clickhouse.text("tls_ca");
    read.flush_interval = clickhouse.duration("flush_interval");
    read.sync = clickhouse.flag("sync");
    if (read.embedded()) {
      refuse(clickhouse, {"user", "password_env", "tls_ca"}, "has no effect with url = \"embedded\"; remove it");
    } else {
      check(clickhouse, "url", check_url(read.url, {"http", "https"}));
    }
    return read;
  }

  EngineSection read_engine() const {
    const SectionReader engine = section("engine");
    EngineSection read{.ballista = engine.text("kind") == "ballista",
                       .memory_bytes_max = engine.size("memory_limit"),
                       .scheduler = engine.text("scheduler"),
                       .batch_interval = engine.duration("batch_interval"),
                       .batch_events = engine.integer("batch_events"),
                       .job_timeout = engine.duration("job_timeout")};
    if (engine.given("scheduler") != nullptr) check(engine, "scheduler", check_url(read.scheduler, {"http"}));
    if (read.ballista && read.scheduler.empty()) engine.reject("kind", "ballista needs scheduler beside it");
    return read;
  }

  HttpSection read_http() const {
    const SectionReader http = section("http");
    HttpSection read;
    const Result<ListenAddress> address = parse_listen_address(http.text("listen"));
    check(http, "listen", address.status());
    read.token = secret(http, "token_env");
    if (!address.ok()) return read;
    read.host = address->host;
    read.port = address->port;
    if (!is_loopback(read.host) && http.given("token_env") == nullptr) {
      http.reject("listen", "is not a loopback address and then token_env is needed; add it, or listen on 127.0.0.1");
    }
    return read;
  }

  static void refuse_same_name(const SectionReader& section, std::string_view key, std::string_view other) {
    if (section.text(key) != section.text(other)) return;
    section.reject(section.given(key) != nullptr ? key : other,
                   "is also the name of " + std::string(section.given(key) != nullptr ? other : key) +
                       "; each catalog needs one of its own");
  }

  TrinoSection read_trino() const {
    const SectionReader trino = section("trino");
    TrinoSection read;
    read.url = trino.text("url");
    check(trino, "url", check_url(read.url, {"http", "https"}));
    read.user = trino.text("user");
    read.password = secret(trino, "password_env");
    read.jwt = secret(trino, "jwt_env");
    if (read.password && read.jwt)
      trino.reject("jwt_env", "cannot be combined with password_env; remove one of the two");
    if (!read.url.starts_with("https://")) {
      refuse(trino, {"password_env", "jwt_env"}, "would be sent in the clear; it needs an https:// url");
    }
    read.tls_ca = trino.text("tls_ca");
    read.lake_catalog = trino.text("lake_catalog");
    read.admin_catalog = trino.text("admin_catalog");
    read.clickhouse_catalog = trino.text("clickhouse_catalog");
    for (const std::string_view key : {"lake_catalog", "admin_catalog", "clickhouse_catalog"}) {
      check(trino, key, check_name("catalog", trino.text(key)));
    }
    refuse_same_name(trino, "admin_catalog", "lake_catalog");
    refuse_same_name(trino, "clickhouse_catalog", "lake_catalog");
    refuse_same_name(trino, "clickhouse_catalog", "admin_catalog");
    read.refresh_interval = trino.duration("refresh_interval");
    return read;
  }

  MaintenanceSection read_maintenance() const {
    const SectionReader maintenance = section("maintenance");
    return {.interval = maintenance.duration("interval"), .retention = maintenance.duration("retention")};
  }

  LimitsSection read_limits() const {
    const SectionReader limits = section("limits");
    return {.message_bytes_max = limits.size("message_bytes"),
            .json_depth_max = static_cast<int>(limits.integer("json_depth")),
            .lease_timeout = limits.duration("lease_timeout"),
            .ready_lag = limits.duration("ready_lag")};
  }

  const TomlValue::Table& file_;
  ProblemList* errors_;
  ProblemList* warnings_;
};

ParsedPipelineFile only_error(const std::string& file, int line, std::string message) {
  ParsedPipelineFile parsed;
  parsed.errors.push_back({file, line, "", std::move(message)});
  return parsed;
}

}  // namespace

Result<std::string> SecretVariable::read() const {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0')
    return invalid_argument("environment variable " + name + " is not set; export it");
  return std::string(value);
}

ParsedPipelineFile parse_pipeline_file(std::string_view text, const std::string& file) {
  const auto toml = parse_toml(text);
  if (const auto* error = std::get_if<TomlSyntaxError>(&toml)) {
    return only_error(file, error->line, "not valid TOML: " + error->message);
  }
  ProblemList errors(file);
  ProblemList warnings(file);
  PipelineConfig config = FileReader(std::get<TomlValue::Table>(toml), &errors, &warnings).read();
  config.file = file;
  ParsedPipelineFile parsed;
  if (errors.empty()) parsed.config = std::move(config);
  parsed.errors = std::move(errors).take_sorted();
  parsed.warnings = std::move(warnings).take_sorted();
  return parsed;
}

ParsedPipelineFile load_pipeline_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text(static_cast<size_t>(kFileBytesMax) + 1, '\0');
  if (stream) stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad() || (!stream && !stream.eof())) {
    return only_error(path, 0, "cannot be read: " + std::string(std::strerror(errno)));
  }
  if (stream.gcount() > kFileBytesMax) return only_error(path, 0, "is larger than 4 MiB; this is not a pipeline file");
  text.resize(static_cast<size_t>(stream.gcount()));
  return parse_pipeline_file(text, path);
}

Status to_status(const std::vector<ConfigProblem>& errors) {
  if (errors.empty()) return ok_status();
  std::string text;
  for (const ConfigProblem& error : errors) text += (text.empty() ? "" : "\n") + to_string(error);
  return invalid_argument(std::move(text));
}

}  // namespace weir
