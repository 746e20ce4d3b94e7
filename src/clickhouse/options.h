#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace weir::clickhouse {

/// Whether the body of an INSERT is sent as an LZ4 frame.
enum class Compression : uint8_t {
  kAuto,  ///< LZ4 unless the server is on this host's loopback, where it costs more than it saves.
  kNone,
  kLz4,
};

/// One ClickHouse server, reached directly: Weir refuses to talk through a load balancer (see Client::check_server).
struct Options {
  std::string url = "http://127.0.0.1:8123";  ///< http:// or https://, host and port, no path.
  std::string database = "weir";              ///< Created when it is not there.
  std::string user = "default";
  std::string password;
  std::string tls_ca;  ///< PEM file of the authority to trust; empty: the system's.
  Compression compression = Compression::kAuto;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds request_timeout{
      60'000};  ///< Whole request; the server is told to give up a second earlier.
  /// An idle connection older than this is not used again: the server closes it after 10 s (30 s since 25), and a
  /// request written into a closing connection has an unknown outcome.
  std::chrono::milliseconds idle_connection_max{8'000};
  int connections_max = 8;                ///< Requests beyond it wait for a free one.
  int64_t response_bytes_max = 64 << 20;  ///< Of an answer that is collected; streamed answers are not limited by it.
  int64_t read_ids_max = 32 << 20;        ///< Identities that one read_ids() may return (16 bytes each).
};

/// A column as readers other than Weir see it.
struct ReaderColumn {
  std::string name;
  std::string expression;  ///< SQL over the table's columns.
};

/// What one pipeline wants of one table, besides its plan.
struct TableOptions {
  std::string pipeline;               ///< Owner, written into the table's comment; another pipeline's table is refused.
  bool sync = true;                   ///< fsync of inserted parts before the INSERT is answered.
  std::chrono::seconds retention{0};  ///< Rows with an older `_time` go (TTL); 0: none do.
  std::vector<ReaderColumn> reader_columns;  ///< Of the view for readers (schema/reader_view.h); empty: none is made.
};

}  // namespace weir::clickhouse
