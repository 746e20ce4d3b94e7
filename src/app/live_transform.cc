#include "app/live_transform.h"

#include <algorithm>
#include <utility>

#include "nats/subject_match.h"

namespace weir::app {

Result<LiveTransform> make_transform(const engine::Engine& engine, std::shared_ptr<const Plan> plan,
                                     const std::vector<std::string>& subjects, transform::TableTransformOptions options) {
  LiveTransform made;
  options.takes_subject = [subjects](std::string_view subject) {
    return std::ranges::any_of(subjects,
                               [&](const std::string& pattern) { return nats::subject_matches(pattern, subject); });
  };
  if (!plan->sql.empty()) {
    WEIR_ASSIGN_OR_RETURN(made.sql, engine::SqlPlan::compile(engine, input_arrow_schema(*plan), plan->sql));
    options.sql = [sql = made.sql.get()](const std::shared_ptr<arrow::RecordBatch>& rows) { return sql->run(*rows); };
  }
  WEIR_ASSIGN_OR_RETURN(made.table, transform::TableTransform::create(std::move(plan), std::move(options)));
  return made;
}

}  // namespace weir::app
