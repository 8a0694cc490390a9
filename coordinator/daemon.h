// The composition root of muster-coordinator: makes every part, wires them, runs them.
#pragma once

#include <QTimer>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "commands/coordinators.h"
#include "commands/log_file.h"
#include "commands/tail.h"
#include "coordinator/alert_room.h"
#include "coordinator/alerts.h"
#include "coordinator/channels.h"
#include "coordinator/chronicle.h"
#include "coordinator/cluster.h"
#include "coordinator/cluster_logs.h"
#include "coordinator/cluster_view.h"
#include "coordinator/config.h"
#include "coordinator/contacts.h"
#include "coordinator/drain_marks.h"
#include "coordinator/fanout.h"
#include "coordinator/fencing.h"
#include "coordinator/four_eyes.h"
#include "coordinator/level_report.h"
#include "coordinator/log_lines.h"
#include "coordinator/membership.h"
#include "coordinator/messenger.h"
#include "coordinator/metrics_port.h"
#include "coordinator/metrics_view.h"
#include "coordinator/month_report.h"
#include "coordinator/move_schedule.h"
#include "coordinator/moves.h"
#include "coordinator/orders.h"
#include "coordinator/overall_presence.h"
#include "coordinator/overrides.h"
#include "coordinator/pauses.h"
#include "coordinator/site_hooks.h"
#include "coordinator/store_ports.h"
#include "coordinator/watchables.h"
#include "libcontrol/catalogue/adhoc_face.h"
#include "libcontrol/catalogue/chat_face.h"
#include "libcontrol/catalogue/dispatcher.h"
#include "libcontrol/metrics/command_counts.h"
#include "libcontrol/store/service_history.h"
#include "libcontrol/xmpp/addresses.h"
#include "libcontrol/xmpp/adhoc_responder.h"
#include "libcontrol/xmpp/chat_endpoint.h"
#include "libcontrol/xmpp/disco.h"
#include "libcontrol/xmpp/endpoint.h"
#include "libcontrol/xmpp/http_upload.h"
#include "libcontrol/xmpp/link.h"
#include "libcontrol/xmpp/roster.h"

namespace muster::coordinator {

inline constexpr char kVersion[] = MUSTER_VERSION;

// Lives on the thread of the event loop, which must be running a QCoreApplication.
class Daemon : private commands::Coordinators {
 public:
  // What differs between one coordinator and one of several.
  struct Seat {
    std::unique_ptr<store::CoordinatorStore> store;
    // Where leases are granted, and its address; null: at the component.
    xmpp::Endpoint* lease = nullptr;
    Jid lease_address;
    // The other coordinators; null: there are none.
    commands::Coordinators* coordinators = nullptr;
  };
  // Opens the store, which no other process may have; fills an empty one from the configuration.
  // `fatal` is called when the daemon can't go on safely; it must not end the daemon at once.
  static Result<std::unique_ptr<Daemon>> make(const Config& config,
                                              std::function<void(const Status&)> fatal);
  // The same with a store that is open.
  static Result<std::unique_ptr<Daemon>> make(const Config& config, Seat seat,
                                              std::function<void(const Status&)> fatal);
  ~Daemon() override;

  void start();
  // Tells the subscribers, closes the links; `stopped` follows once that has been sent.
  void stop(std::function<void()> stopped);

  // For measurements beside it; valid as long as this object.
  xmpp::Endpoint& component() { return *component_; }

 private:
  // What could not be said while there was no connection.
  struct Unsaid {
    Jid from;
    Jid to;
    std::string text;
  };
  // What answers commands at one link: the component's, or the account's.
  struct Face {
    xmpp::Addresses addresses;
    std::unique_ptr<xmpp::AdhocResponder> responder;
    std::unique_ptr<xmpp::Disco> disco;
    std::unique_ptr<xmpp::ChatEndpoint> chat;
    explicit Face(const catalogue::Authority& authority) : addresses(authority) {}
  };

  explicit Daemon(Seat seat);
  Status build(const Config& config, std::function<void(const Status&)> fatal);
  void buildRooms(const Config& config, const std::function<void(const Status&)>& fatal);
  void buildOverrides();
  void buildLogs();
  void shareFile(commands::LogFile file, std::function<void(Result<std::string>)> done);
  void buildAlerts(const Config& config, const std::function<void(const Status&)>& fatal);
  void buildRoom(const AlertRoomConfig& config);
  void buildMessenger();
  Status buildCommands();
  // All commands of the cluster, for those whom `authority` gives a role.
  Result<std::unique_ptr<catalogue::Dispatcher>> makeDispatcher(
      const catalogue::Authority& authority);
  void buildAccount(const AccountConfig& config);
  Status buildMetrics(const metrics::MetricsConfig& config);
  std::unique_ptr<Face> makeFace(xmpp::Endpoint& endpoint);
  // commands::Coordinators, of one that is alone
  v1::CoordinatorsReply coordinators() override;
  void onMembership();
  void tellAdmins(const Jid& but, const std::string& text);
  bool isRoom(const Jid& bare) const { return room_ != nullptr && bare == room_->jid(); }
  // From one of the coordinator's addresses, of its own accord; later if it can't be now.
  void say(const Jid& from, const Jid& to, const std::string& text);
  void sayUnsaid();
  // What came of something after its answer, to whoever asked for it at that place; whether it was
  // said in the room.
  bool tellLater(const std::string& place, const Jid& person, const std::string& sentence);
  void onMoveEnded(const MovePurpose& purpose, const std::string& group, const Status& status,
                   const std::string& sentence);
  // Tells the others of what somebody did by command.
  void onAudited(const catalogue::AuditEntry& entry);

  const Seat seat_;
  const std::unique_ptr<store::CoordinatorStore>& store_ = seat_.store;
  std::unique_ptr<store::ServiceHistoryStore> level_history_;
  SystemRandom random_;
  Clock& clock_;
  const WallTime started_;
  StoreAuthority authority_;
  StoreAudit audit_;

  std::unique_ptr<xmpp::Link> component_link_;
  std::unique_ptr<xmpp::Endpoint> component_;
  std::unique_ptr<Contacts> contacts_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Orders> orders_;
  std::unique_ptr<Chronicle> chronicle_;
  std::unique_ptr<Fencing> fencing_;  // null: a lost holder's lease is waited out
  std::unique_ptr<SiteHooks> site_hooks_;
  std::unique_ptr<ClusterView> view_;
  std::unique_ptr<DrainMarks> drain_marks_;
  std::unique_ptr<Moves> moves_;
  std::unique_ptr<Pauses> pauses_;
  std::unique_ptr<MoveSchedule> move_schedule_;
  std::unique_ptr<Membership> membership_;
  std::unique_ptr<Fanout> fanout_;
  std::unique_ptr<Overrides> overrides_;
  std::unique_ptr<ClusterLogs> cluster_logs_;
  std::unique_ptr<commands::Tails> tails_;
  std::unique_ptr<commands::LogFiles> log_files_;
  QTimer tail_timer_;
  std::unique_ptr<LevelReport> levels_;
  std::unique_ptr<Watchables> watchables_;
  std::unique_ptr<LogLines> log_lines_;
  std::unique_ptr<Alerts> alerts_;
  std::unique_ptr<MonthReport> month_report_;
  std::unique_ptr<Channels> channels_;
  const std::unique_ptr<FourEyes> four_eyes_;
  bool wants_four_eyes_ = false;     // else who may force something may do so alone
  std::unique_ptr<AlertRoom> room_;  // null: none is configured
  std::unique_ptr<catalogue::Dispatcher> dispatcher_;
  std::unique_ptr<catalogue::AdhocFace> adhoc_face_;
  std::unique_ptr<catalogue::ChatFace> chat_face_;
  std::unique_ptr<Face> component_face_;
  Jid address_;
  std::deque<Unsaid> unsaid_;

  std::unique_ptr<xmpp::Link> account_link_;
  std::unique_ptr<xmpp::Endpoint> account_;
  std::unique_ptr<xmpp::HttpUpload> upload_;  // by the account, since servers let no component
  std::unique_ptr<xmpp::Roster> account_roster_;
  std::unique_ptr<Face> account_face_;
  std::unique_ptr<Messenger> messenger_;
  std::unique_ptr<OverallPresence> overall_;  // null: there is no account

  metrics::CommandCounts command_counts_;
  std::unique_ptr<MetricsView> metrics_view_;
  std::unique_ptr<MetricsPort> metrics_port_;  // null: nobody may scrape
};

}  // namespace muster::coordinator
