#include "nats/publisher.h"

#include <mutex>

namespace weir::nats {

/// What the library's callback thread learns.
struct Publisher::Answers {
  mutable std::mutex mutex;
  int64_t confirmed = 0;
  Status first_refusal;

  static void on_answer(jsCtx*, natsMsg* message, jsPubAck*, jsPubAckErr* refusal, void* closure) {
    auto* self = static_cast<Answers*>(closure);
    {
      std::lock_guard lock(self->mutex);
      if (refusal == nullptr) {
        ++self->confirmed;
      } else if (self->first_refusal.ok()) {
        self->first_refusal = status_of(*refusal, natsMsg_GetSubject(message));
      }
    }
    natsMsg_Destroy(message);
  }

  static Status status_of(const jsPubAckErr& refusal, const char* subject) {
    const std::string what = std::string("publish to ") + subject;
    if (refusal.ErrCode == 0 && refusal.Err == NATS_NO_RESPONDERS)
      return not_found(what + ": no stream takes this subject");
    if (refusal.ErrCode == 0) return from_nats(refusal.Err, Effect::kWrites, what);
    return from_api_error(refusal.ErrCode, refusal.ErrText == nullptr ? "" : refusal.ErrText, what);
  }
};

Result<std::unique_ptr<Publisher>> Publisher::open(const Connection& connection, PublisherOptions options) {
  auto answers = std::make_unique<Answers>();
  jsOptions js;
  jsOptions_Init(&js);
  js.PublishAsync.MaxPending = options.pending_max;
  js.PublishAsync.StallWait = options.answer_timeout.count();
  js.PublishAsync.AckHandler = Answers::on_answer;
  js.PublishAsync.AckHandlerClosure = answers.get();
  jsCtx* context = nullptr;
  WEIR_RETURN_IF_ERROR(
      from_nats(natsConnection_JetStream(&context, connection.raw(), &js), Effect::kReads, "JetStream context"));
  return std::unique_ptr<Publisher>(new Publisher(connection, options, std::move(answers), JsContextPtr(context)));
}

Publisher::Publisher(const Connection& connection, PublisherOptions options, std::unique_ptr<Answers> answers,
                     JsContextPtr context)
    : connection_(connection), options_(options), answers_(std::move(answers)), context_(std::move(context)) {}

Publisher::~Publisher() = default;

Status Publisher::publish(const std::string& subject, const Outgoing& outgoing) {
  WEIR_RETURN_IF_ERROR(connection_.check().with_context("publish to " + subject));
  natsMsg* message = nullptr;
  natsStatus status = natsMsg_Create(&message, subject.c_str(), nullptr, outgoing.payload.data(),
                                     static_cast<int>(outgoing.payload.size()));
  for (const auto& [name, value] : outgoing.headers) {
    if (status == NATS_OK) status = natsMsgHeader_Add(message, name.c_str(), value.c_str());
  }
  jsPubOptions options;
  jsPubOptions_Init(&options);
  options.MaxWait = options_.answer_timeout.count();
  const std::string id(outgoing.message_id);
  if (!id.empty()) options.MsgId = id.c_str();
  if (status == NATS_OK) status = js_PublishMsgAsync(context_.get(), &message, &options);
  natsMsg_Destroy(message);  // still ours when it was not sent
  if (status == NATS_TIMEOUT) return unavailable("publish to " + subject + ": the server is too slow with its answers");
  return from_nats(status, Effect::kReads, "publish to " + subject);
}

Status Publisher::publish(const std::string& subject, std::span<const std::string> payloads) {
  for (const std::string& payload : payloads) {
    WEIR_RETURN_IF_ERROR(publish(subject, Outgoing{.payload = payload, .message_id = {}, .headers = {}}));
  }
  return ok_status();
}

Status Publisher::flush() {
  jsPubOptions options;
  jsPubOptions_Init(&options);
  options.MaxWait = options_.answer_timeout.count();
  const natsStatus status = js_PublishAsyncComplete(context_.get(), &options);
  std::lock_guard lock(answers_->mutex);
  if (!answers_->first_refusal.ok()) return std::exchange(answers_->first_refusal, Status());
  return from_nats(status, Effect::kWrites, "wait for the answers to what was published");
}

int64_t Publisher::confirmed() const {
  std::lock_guard lock(answers_->mutex);
  return answers_->confirmed;
}

}  // namespace weir::nats
