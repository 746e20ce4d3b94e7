#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"

namespace weir::engine {

struct ObjectEntry {
  std::string path;  ///< Relative to the lake.
  int64_t size_bytes = 0;
};

/// What lies in a lake, for those who only look. Paths as ObjectStore has them. Thread-safe.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;

  /// kNotFound: no such object.
  [[nodiscard]] virtual Result<std::string> get(const std::string& path) const = 0;

  /// Every object below the folder `prefix`, sorted by path; none when there is no such folder.
  [[nodiscard]] virtual Result<std::vector<ObjectEntry>> list(const std::string& prefix) const = 0;
};

/// Small files of a lake beside its tables. Paths are relative to `lake_url`, separated by '/'. A cheap value: copies
/// refer to the same Engine, which must outlive them. Thread-safe.
class ObjectStore final : public ObjectReader {
 public:
  /// `sync`: on a local lake, an object is on disk before a put returns.
  ObjectStore(const Engine& engine, std::string lake_url, bool sync)
      : engine_(&engine), lake_url_(std::move(lake_url)), sync_(sync) {}

  /// Stores the object unless one is there: the compare-and-set of everything below `_weir/`. kAlreadyExists: it is
  /// there, perhaps by an attempt of ours whose answer was lost; get() and compare.
  [[nodiscard]] Status put_if_absent(const std::string& path, std::string_view bytes) const;

  /// Stores or replaces the object. Readers see the old one or the new one, never a part.
  [[nodiscard]] Status put(const std::string& path, std::string_view bytes) const;

  [[nodiscard]] Result<std::string> get(const std::string& path) const override;

  /// Removes the object; ok also when it was not there. On a synced local lake it stays away after a power loss.
  [[nodiscard]] Status remove(const std::string& path) const;

  [[nodiscard]] Result<std::vector<ObjectEntry>> list(const std::string& prefix) const override;

  /// Puts an object at `path` twice and expects the second to be refused. kInvalidArgument: the store overwrites where
  /// it should refuse; two Weir processes could then overwrite each other's commits.
  [[nodiscard]] Status probe_put_if_absent(const std::string& path) const;

 private:
  const Engine* engine_;
  std::string lake_url_;
  bool sync_;
};

}  // namespace weir::engine
