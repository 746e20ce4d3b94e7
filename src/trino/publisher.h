#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "trino/client.h"
#include "trino/names.h"
#include "trino/publication.h"
#include "trino/view_digest.h"
#include "trino/view_text.h"

namespace weir::trino {

/// One table of the pipeline that is in the lake, as it is now.
struct TableInput {
  std::shared_ptr<const Plan> plan;
  TablePositions positions;
  Status hot_view;       ///< Why ClickHouse has no view for Trino, of HotState::kNoView.
  std::string hot_mode;  ///< For people, in weir.status.
  std::optional<int64_t> stream_last_seq;
  int64_t dead_letters = 0;  ///< How many count; a change is what refreshes weir.dead_letters.
  std::vector<UnfinishedFile> unfinished_files;
  std::string replayed_letters;  ///< As CountedLetters::replayed.
};

enum class ViewOutcome : uint8_t {
  kPublished,  ///< Written now.
  kUnchanged,  ///< Says what it should.
  kKept,       ///< What should replace it would not be right yet; `detail` says why.
  kEdited,     ///< A user made or changed it; left alone.
  kFailed,     ///< `status` says why.
};
[[nodiscard]] std::string_view to_string(ViewOutcome outcome);

struct ViewReport {
  std::string view;  ///< "flights", "dead_letters", "status"
  ViewOutcome outcome = ViewOutcome::kFailed;
  std::optional<ViewContent> content;  ///< Of a table: what stands in Trino now, if that is ours.
  std::string detail;                  ///< For people, what the view says or why it is left.
  Status status;
};

/// One round of publishing, table by table in their order, then `dead_letters` and `status`.
struct PublishReport {
  std::vector<ViewReport> views;
  int registered = 0;  ///< Tables of the lake that Trino did not know.
  [[nodiscard]] bool any(ViewOutcome outcome) const;
};

struct PublisherOptions {
  Names names;
  std::string lake_url;           ///< file:///.. or s3://..
  bool with_dead_letters = true;  ///< The lake has the table of dead letters.
};

/// Keeps what stands in one Trino server: schemas, registered tables, views. Every round begins with what is there, so
/// whatever was dropped comes back, and a round may be killed anywhere, repeated, or run twice at once: each statement
/// leaves a state that the next round goes on from. One thread at a time.
class Publisher {
 public:
  /// All must outlive it.
  Publisher(Client& client, const Clock& clock, PublisherOptions options);

  /// One round. An error: Trino did not answer or is starting, and nothing is known of the rest. What concerns one view
  /// is in its report.
  [[nodiscard]] Result<PublishReport> publish(const std::vector<TableInput>& tables, const std::stop_token& stop);

 private:
  struct StoredView {
    std::string query;
    std::string comment;
  };
  struct ServerState {
    std::string version;
    std::set<std::string> schemas;
    std::set<std::string> lake_tables;        // In weir_lake.
    std::map<std::string, StoredView> views;  // In weir.
  };
  // A view as it should be.
  struct WantedView {
    std::string name;
    std::string text;  // Of its comment.
    std::string query;
  };

  [[nodiscard]] Result<ServerState> read_state(const std::stop_token& stop);
  [[nodiscard]] Result<StatementResult> ask(const std::string& sql, const std::stop_token& stop);
  [[nodiscard]] Status run(const std::string& sql, const std::stop_token& stop);
  [[nodiscard]] Status ensure_schemas(const ServerState& state, const std::stop_token& stop);
  [[nodiscard]] Status ensure_registered(const ServerState& state, const std::string& name, const std::string& folder,
                                         PublishReport* report, const std::stop_token& stop);
  [[nodiscard]] Status check_location(const std::string& name, const std::string& location,
                                      const std::stop_token& stop);
  [[nodiscard]] bool is_older(const std::string& table, const std::optional<ViewContent>& published,
                              const Decision& decision);
  [[nodiscard]] ViewReport publish_table(const ServerState& state, const TableInput& table,
                                         const std::stop_token& stop);
  [[nodiscard]] ViewReport publish_letters(const ServerState& state, const std::vector<TableInput>& tables,
                                           const std::stop_token& stop);
  [[nodiscard]] ViewReport publish_status(const ServerState& state, const std::vector<TableInput>& tables,
                                          const PublishReport& report, const std::stop_token& stop);
  void sweep_shapes(const ServerState& state, const std::stop_token& stop);
  [[nodiscard]] ViewReport ensure_view(const ServerState& state, const WantedView& wanted, const std::stop_token& stop);
  [[nodiscard]] Result<ViewMark> mark_for(const ServerState& state, const WantedView& wanted,
                                          const std::stop_token& stop);

  Client& client_;
  const Clock& clock_;
  const PublisherOptions options_;
  std::map<std::string, std::string> stored_digests_;  // By ViewMark::sent.
  std::set<std::string> checked_locations_;
  struct KnownLetters {
    CountedLetters counted;
    int64_t letters = 0;
  };
  std::map<std::string, KnownLetters> letters_;  // By table.
  std::optional<int64_t> letters_published_;
  std::string status_published_;  // Without its time.
  bool swept_ = false;
  std::map<std::string, int64_t> older_;  // By table of which the last round had an older version: the published one.
  Status away_;
};

/// Where Trino's Delta connector finds `folder` of the lake: "local:///<folder>" (its root is the lake's folder) or
/// "s3://bucket/prefix/<folder>".
[[nodiscard]] std::string table_location(const std::string& lake_url, const std::string& folder);

/// Whether nobody but Weir wrote this view: its mark fits its query.
[[nodiscard]] bool is_ours(std::string_view stored_query, std::string_view comment);

}  // namespace weir::trino
