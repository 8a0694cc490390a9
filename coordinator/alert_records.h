// Incidents and messages between the machines' structs, the store's rows and what people are shown.
#pragma once

#include "libcontrol/base/status.h"
#include "libcontrol/incident/incidents.h"
#include "libcontrol/incident/outbox.h"
#include "libcontrol/store/coordinator_store.h"
#include "muster/cluster.pb.h"

namespace muster::coordinator {

store::AlertSubscriptionRow toRow(const incident::Subscription& subscription);
store::IncidentRow toRow(const incident::Incident& incident);
store::IncidentNoteRow toRow(const incident::Note& note);
store::SilenceRow toRow(const incident::Silence& silence);
store::OutboxRow toRow(const incident::Message& message);
store::DeliveryRow toRow(const incident::outbox::Done& done, WallTime at);

// kDataLoss for what this program would not have written.
Result<incident::Subscription> fromRow(const store::AlertSubscriptionRow& row);
Result<incident::Incident> fromRow(const store::IncidentRow& row);
incident::Silence fromRow(const store::SilenceRow& row);
Result<incident::Message> fromRow(const store::OutboxRow& row);

v1::AlertSubscription toProto(const incident::Subscription& subscription);
v1::IncidentRecord toProto(const incident::Incident& incident, WallTime now);
v1::IncidentNote toProto(const store::IncidentNoteRow& note);
v1::SilenceRecord toProto(const incident::Silence& silence);

}  // namespace muster::coordinator
