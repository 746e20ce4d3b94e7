#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "audit/table_audit.h"

namespace weir::cli {

/// For people: a table of ranges with what each store holds, then every difference with the next step, then what is known
/// and no difference (gaps, erasures, quarantined rows, what was not compared).
void print_audit(const std::vector<audit::TableReport>& reports, std::string_view file, std::ostream& out);

/// The same as one JSON object; its members are those of docs/formats/audit.md.
[[nodiscard]] std::string audit_json(const std::vector<audit::TableReport>& reports, std::string_view file);

}  // namespace weir::cli
