#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/pipeline_config.h"
#include "schema/table_schema.h"

namespace weir::cluster {

/// What whoever does a part of a stream's range has to know besides the part. No secret: an executor reads those from its own
/// environment and files. Value type.
struct StreamJob {
  std::string id;  ///< new_id()
  std::string pipeline;
  NatsSection nats;  ///< Never "embedded".
  LakeSection lake;
  std::string stream;
  std::vector<std::string> subjects;
  int64_t base = 0;        ///< Of the stream's incarnation.
  int64_t created_us = 0;  ///< Of the stream, microseconds since 1970: another one is not read.
  int32_t shard = 0;
  int32_t shards = 1;
  Plan plan;
  std::optional<int> new_columns_max;  ///< As in transform::TableTransformOptions.
};

/// From text: kInvalidArgument when it is malformed.
[[nodiscard]] std::string to_json(const StreamJob& job);
[[nodiscard]] Result<StreamJob> stream_job_from_json(std::string_view text);

}  // namespace weir::cluster
