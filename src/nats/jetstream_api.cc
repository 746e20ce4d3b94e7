#include "nats/jetstream_api.h"

#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

namespace weir::nats {
namespace {

using nlohmann::json;

Result<Retention> retention_of(const std::string& name) {
  if (name == "limits") return Retention::kLimits;
  if (name == "interest") return Retention::kInterest;
  if (name == "workqueue") return Retention::kWorkQueue;
  return internal_error("unknown retention '" + name + "'");
}

Result<StreamInfo> read_stream_info(const json& answer) {
  const json& config = answer.at("config");
  const json& state = answer.at("state");
  StreamInfo info;
  info.name = config.at("name").get<std::string>();
  info.created_us = rfc3339_to_us(answer.at("created").get<std::string>());
  if (info.created_us == 0) return internal_error("stream " + info.name + ": unreadable time of creation");
  info.subjects = config.value("subjects", std::vector<std::string>());
  WEIR_ASSIGN_OR_RETURN(info.retention, retention_of(config.value("retention", std::string("limits"))));
  info.file_storage = config.value("storage", std::string("file")) == "file";
  info.replicas = config.value("num_replicas", 1);
  info.limited = config.value("max_msgs", int64_t{-1}) > 0 || config.value("max_bytes", int64_t{-1}) > 0 ||
                 config.value("max_age", int64_t{0}) > 0 || config.value("max_msgs_per_subject", int64_t{-1}) > 0;
  info.expires = config.value("max_age", int64_t{0}) > 0;
  info.messages = state.at("messages").get<int64_t>();
  info.last_seq = state.at("last_seq").get<int64_t>();
  // An empty stream reports 0 before its first message and last + 1 after a purge: one meaning, one spelling here.
  info.first_seq = info.messages == 0 ? info.last_seq + 1 : state.at("first_seq").get<int64_t>();
  info.last_time_us = rfc3339_to_us(state.value("last_ts", std::string()));
  info.bytes = state.value("bytes", int64_t{0});
  info.consumers = state.value("consumer_count", int64_t{0});
  return info;
}

bool read_digits(std::string_view text, size_t at, size_t length, int& number) {
  if (text.size() < at + length) return false;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + length, number);
  return error == std::errc() && end == text.data() + at + length;
}

}  // namespace

std::string_view to_string(Retention retention) {
  switch (retention) {
    case Retention::kLimits: return "limits";
    case Retention::kInterest: return "interest";
    case Retention::kWorkQueue: return "workqueue";
  }
  return "unknown";
}

Result<JetStreamApi> JetStreamApi::open(const Connection& connection) {
  jsOptions options;
  jsOptions_Init(&options);
  options.Wait = connection.options().request_timeout.count();
  jsCtx* context = nullptr;
  WEIR_RETURN_IF_ERROR(
      from_nats(natsConnection_JetStream(&context, connection.raw(), &options), Effect::kReads, "JetStream context"));
  return JetStreamApi(connection, JsContextPtr(context));
}

Result<json> JetStreamApi::call(const std::string& call, const json& body, Effect effect) const {
  const std::string payload = body.is_null() ? std::string() : body.dump();
  auto answered = connection_->request("$JS.API." + call, payload, effect);
  if (!answered.ok()) return answered.status();
  const MsgPtr answer = std::move(answered).value();
  const char* data = natsMsg_GetData(answer.get());
  json parsed = json::parse(data, data + natsMsg_GetDataLength(answer.get()), nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return internal_error(call + ": the server's answer is not a JSON object");
  WEIR_RETURN_IF_ERROR(from_api_answer(parsed, call));
  return parsed;
}

Result<StreamInfo> JetStreamApi::stream_info(const std::string& stream) const {
  WEIR_ASSIGN_OR_RETURN(const json answer, call("STREAM.INFO." + stream, nullptr, Effect::kReads));
  try {
    return read_stream_info(answer);
  } catch (const json::exception& error) {
    return internal_error("STREAM.INFO." + stream + ": unexpected answer: " + error.what());
  }
}

Result<StoredMessage> JetStreamApi::message_at(const std::string& stream, int64_t seq) const {
  const std::string what = "message " + std::to_string(seq) + " of stream " + stream;
  WEIR_RETURN_IF_ERROR(connection_->check().with_context(what));
  natsMsg* message = nullptr;
  jsErrCode error{};
  const natsStatus status =
      js_GetMsg(&message, context_.get(), stream.c_str(), static_cast<uint64_t>(seq), nullptr, &error);
  return stored(status, error, message, what);
}

Result<StoredMessage> JetStreamApi::last_message(const std::string& stream, const std::string& subject) const {
  const std::string what = "last message on " + subject;
  WEIR_RETURN_IF_ERROR(connection_->check().with_context(what));
  natsMsg* message = nullptr;
  jsErrCode error{};
  const natsStatus status = js_GetLastMsg(&message, context_.get(), stream.c_str(), subject.c_str(), nullptr, &error);
  return stored(status, error, message, what);
}

Result<StoredMessage> JetStreamApi::stored(natsStatus status, jsErrCode error, natsMsg* message,
                                           const std::string& what) const {
  if (error == JSNoMessageFoundErr || error == JSStreamNotFoundErr) return not_found(what + ": not there");
  WEIR_RETURN_IF_ERROR(from_nats(status, Effect::kReads, what));
  StoredMessage result{MsgPtr(message), static_cast<int64_t>(natsMsg_GetSequence(message)),
                       natsMsg_GetTime(message) / 1'000};
  return result;
}

Result<int64_t> JetStreamApi::next_matching(const std::string& stream, int64_t from, const std::string& filter) const {
  const json body = {{"seq", from}, {"next_by_subj", filter}};
  const auto answer = call("STREAM.MSG.GET." + stream, body, Effect::kReads);
  if (answer.status().code() == StatusCode::kNotFound) return int64_t{0};
  if (!answer.ok()) return answer.status();
  const json::json_pointer seq("/message/seq");
  if (!answer->contains(seq) || !answer->at(seq).is_number_integer())
    return internal_error("STREAM.MSG.GET." + stream + ": an answer without a sequence");
  return answer->at(seq).get<int64_t>();
}

int64_t rfc3339_to_us(std::string_view text) {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  const bool readable = read_digits(text, 0, 4, year) && read_digits(text, 5, 2, month) &&
                        read_digits(text, 8, 2, day) && read_digits(text, 11, 2, hour) &&
                        read_digits(text, 14, 2, minute) && read_digits(text, 17, 2, second);
  if (!readable || year < 1970 || text.back() != 'Z') return 0;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return 0;
  int64_t fraction_us = 0;
  int64_t unit = 100'000;
  for (size_t i = 20; text[19] == '.' && i < text.size() - 1 && unit > 0; ++i, unit /= 10) {
    if (text[i] < '0' || text[i] > '9') return 0;
    fraction_us += (text[i] - '0') * unit;
  }
  const auto days = std::chrono::sys_days(date).time_since_epoch();
  const auto seconds = std::chrono::seconds(days) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                       std::chrono::seconds(second);
  return std::chrono::microseconds(seconds).count() + fraction_us;
}

}  // namespace weir::nats
