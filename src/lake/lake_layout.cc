#include "lake/lake_layout.h"

namespace weir::lake {

std::string table_url(std::string_view lake_url, std::string_view table) {
  while (lake_url.ends_with('/')) lake_url.remove_suffix(1);
  return std::string(lake_url) + "/" + std::string(table);
}

std::string plan_path(std::string_view table, std::string_view plan_id) {
  return "_weir/plans/" + path_segment(table) + "/" + path_segment(plan_id) + ".json";
}

std::string plan_changes_folder(std::string_view table, int32_t shard) {
  return "_weir/plans/" + path_segment(table) + "/effective/" + std::to_string(shard);
}

std::string gap_folder(std::string_view name) { return "_weir/gaps/" + path_segment(name); }

std::string incarnation_folder(std::string_view stream) { return "_weir/incarnations/" + path_segment(stream); }

std::string file_folder(std::string_view table) { return "_weir/files/" + path_segment(table); }

std::string committable_folder(std::string_view table, int32_t shard) {
  return "_weir/committables/" + path_segment(table) + "/" + std::to_string(shard);
}

std::string path_segment(std::string_view name) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string segment;
  for (const char c : name) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (plain) {
      segment += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    segment += '=';
    segment += kHex[byte >> 4];
    segment += kHex[byte & 15];
  }
  return segment;
}

std::string padded(int64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(digits.size() < 20 ? 20 - digits.size() : 0, '0') + digits;
}

}  // namespace weir::lake
