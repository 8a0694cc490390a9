#include "libcontrol/catalogue/handlers.h"

namespace muster::catalogue {

CallState::~CallState() {
  if (!isAnswered()) finish({Code::kInternal, "the command's handler gave no answer"}, nullptr);
}

void CallState::finish(Status status, std::shared_ptr<const google::protobuf::Message> reply) {
  if (isAnswered()) return;
  if (status.isOk() == (reply == nullptr)) {
    reply.reset();
    status = {Code::kInternal, "the command's handler failed without saying why"};
  }
  const Finish finish = std::exchange(finish_, nullptr);
  finish(std::move(status), std::move(reply), context_);
}

}  // namespace muster::catalogue
