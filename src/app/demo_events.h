#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace weir::app {

/// Where tools/bootstrap.sh put the demo's data: $WEIR_DEMO_DATA, else demo-data in the cache folder. kNotFound says both.
[[nodiscard]] Result<std::filesystem::path> demo_data_folder();

/// Rows of a CSV file as JSON objects, in its order; at most `limit`. Numbers stay numbers, empty and NA become null.
[[nodiscard]] Status for_each_csv_row_as_json(const std::filesystem::path& file, int64_t limit,
                                              const std::function<Status(std::string_view json)>& take);

/// One way to break an event, and the code its dead letter gets.
struct Corruption {
  std::string_view name;
  std::string_view code;
  std::string (*apply)(std::string event);  ///< A good flight event in, a broken one out.
};

/// Ten kinds.
[[nodiscard]] const std::vector<Corruption>& demo_corruptions();

/// The demo's pipeline file: both tables, SQL included, everything embedded.
/// `trino_port`: of a Trino on this machine that is to show them; 0: none.
[[nodiscard]] std::string demo_pipeline_file(const std::filesystem::path& data_dir, int http_port, int trino_port);

}  // namespace weir::app
