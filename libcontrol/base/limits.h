// Every bound that is not of one part alone, with its reason. Of what a node keeps of its log:
// libcontrol/archive/limits.h; of muster-agent: node-agent/limits.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "libcontrol/base/clock.h"

namespace muster::limits {

// --- what comes over a wire -----------------------------------------------------------------
// What arrives beyond these costs the one stanza that it is in, never the connection: strangers may
// send it and servers forward it.
//
// One stanza read. Clients are cut at 256 KiB, but what is forwarded may have grown sixfold:
// servers write ' as &apos;. A server's own answers, such as a roster of kMaxMembers, are not cut
// at all.
inline constexpr size_t kMaxStanzaBytes = 2 * 1024 * 1024;
// The same as a tree in memory; that roster takes half of it.
inline constexpr size_t kMaxStanzaTreeBytes = 16 * 1024 * 1024;
// One stanza sent over a component stream; Prosody ends the stream over a larger one.
inline constexpr size_t kMaxSentStanzaBytes = 512 * 1024;
// Deeper XML than any protocol here has is an attack on the stack.
inline constexpr int kMaxXmlDepth = 32;
// Of one tag. The parser compares each with each, so thousands would take seconds.
inline constexpr size_t kMaxXmlAttributes = 64;
// Declarations in force at one place, which each name is looked up in, and the length of a name.
inline constexpr size_t kMaxXmlNamespaces = 64;
inline constexpr size_t kMaxXmlNameBytes = 256;
// Written but not yet taken by the network: beyond it the other side has stopped reading.
inline constexpr size_t kMaxUnsentBytes = 16 * 1024 * 1024;
// A chat line longer than this is no command.
inline constexpr size_t kMaxChatLineBytes = 4096;
// One argument, unless its own option says less.
inline constexpr size_t kMaxArgumentBytes = 1024;
inline constexpr size_t kMaxArguments = 64;
// One chat message or text field of a reply; some phones cut longer ones.
inline constexpr size_t kMaxReplyTextBytes = 32 * 1024;

// One page of an answer by chat: a few screens of a phone. 'more' brings the next.
inline constexpr size_t kMaxChatPageBytes = 8 * 1024;
// The content of one result form or part of a reply, as XML: ejabberd takes 262,144 bytes of a
// client in one stanza, and a third of that is left for what is around it.
inline constexpr size_t kMaxReplyStanzaBytes = 176 * 1024;
// Of a reply message in one part; base64 makes it 128 KiB.
inline constexpr size_t kMaxReplyPartBytes = 96 * 1024;
// A reply message in all its parts; larger questions are to be narrowed.
inline constexpr size_t kMaxReplyBytes = 8 * 1024 * 1024;
// Pages and parts that have not been fetched yet.
inline constexpr size_t kMaxHeldAnswers = 256;
inline constexpr size_t kMaxHeldBytes = 16 * 1024 * 1024;
// Commands of one person, all stages counted: a loop in a shell stays far below the rate, and a
// script may fetch something of each of a thousand nodes at once.
inline constexpr int kCommandBurst = 1000;
inline constexpr Duration kCommandEvery = Duration::millis(10);
// Chat lines of one person: nobody types faster, and every line is answered with a message.
inline constexpr int kChatLineBurst = 20;
inline constexpr Duration kChatLineEvery = Duration::millis(500);

// --- command sessions (XEP-0050) --------------------------------------------------------------
inline constexpr Duration kSessionLife = Duration::seconds(600);
// Open sessions in all, and of one full JID: a person fills in a handful of forms at most.
inline constexpr size_t kMaxSessions = 1024;
inline constexpr size_t kMaxSessionsPerJid = 16;
// One-time codes for what can hurt.
inline constexpr Duration kConfirmLife = Duration::seconds(60);
inline constexpr size_t kMaxConfirms = 256;
// Guesses at one code: three in a million.
inline constexpr int kMaxConfirmTries = 3;
// A choice of more names than this is typed instead: in a list nobody finds them on a phone.
inline constexpr size_t kMaxListedNames = 50;
// Calls of an application's own commands that wait behind one that takes long.
inline constexpr size_t kMaxWaitingAppCalls = 64;
// Refusals written to the audit trail each minute; whoever knocks on must not fill the disk.
inline constexpr size_t kMaxRefusalsPerMinute = 60;

// Coordinators of one cluster: each request for a lease goes to all of them while nobody answers.
inline constexpr size_t kMaxCoordinators = 9;
// Of the lease in etcd by which one of them leads: etcd gives none that is shorter, and the longer
// it is, the longer nobody leads after a crash.
inline constexpr Duration kMinLeaderTtl = Duration::seconds(2);
inline constexpr Duration kMaxLeaderTtl = Duration::seconds(60);

// --- requests of ours that await an answer ----------------------------------------------------
inline constexpr size_t kMaxPendingIqs = 16384;
inline constexpr Duration kIqTimeout = Duration::seconds(15);

// --- log levels ------------------------------------------------------------------------------
inline constexpr Duration kOverrideDefault = Duration::seconds(15 * 60);
inline constexpr size_t kMaxOverrides = 256;
// As in the command's definition.
inline constexpr size_t kMaxLoggerNameBytes = 128;
// Said of an override that is to end by nothing but a reset.
inline constexpr Duration kForever = Duration::max();
// An override shorter than this ends before anything is logged; a longer one than this is forgotten
// and belongs into the configuration.
inline constexpr Duration kMinOverride = Duration::seconds(1);
inline constexpr Duration kMaxOverride = Duration::seconds(30 * 86400);
// Of an application in another process: what a reply and a screen still hold.
inline constexpr size_t kMaxApplicationLoggers = 10'000;
// What such an application didn't take, or has not got back, is tried again: soon, since it may
// just be starting, and then so often that nobody waits long for a quiet log.
inline constexpr Duration kLevelRetryFirst = Duration::seconds(1);
inline constexpr Duration kLevelRetryLast = Duration::seconds(15);
// How often it is compared with what was set there, while something is.
inline constexpr Duration kLevelLookEvery = Duration::seconds(20);

// --- orders to many nodes ---------------------------------------------------------------------
// Orders on their way at once: enough to keep a server and its nodes busy, and few enough that a
// command to ten thousand nodes doesn't fill the link before other traffic.
inline constexpr size_t kMaxOrdersInFlight = 64;
// A node that has not answered within this gives up its place among those, not its answer: the dead
// then cost the others next to nothing.
inline constexpr Duration kOrderPatience = Duration::millis(100);
// After this, counted from when its order was sent, whoever asked is told that a node is silent.
inline constexpr Duration kFanoutWait = Duration::seconds(2);
// Whoever asked is answered after this, whatever is still in line: before they give up themselves.
inline constexpr Duration kFanoutLimit = Duration::seconds(10);
// Orders in line; every node's for a handful of settings.
inline constexpr size_t kMaxOrdersInLine = 100'000;
// A node that is there but did not take an override is asked again after this.
inline constexpr Duration kOverrideRetry = Duration::seconds(10);

// --- service levels ---------------------------------------------------------------------------
// All services of a node travel in each of its presences.
inline constexpr size_t kMaxServices = 64;
inline constexpr Duration kMinServiceWindow = Duration::seconds(10);
inline constexpr Duration kMaxServiceWindow = Duration::seconds(24 * 3600);
// Outages kept apart within a window, and changes kept apart between two samples; a service that
// flaps more often has neighbouring ones merged.
inline constexpr size_t kMaxOutageIntervals = 128;
inline constexpr size_t kMaxOutageEvents = 128;
inline constexpr size_t kMaxBadNounBytes = 32;
// Subscribers' phones wake for every presence.
inline constexpr Duration kPresencePeriod = Duration::seconds(60);
// Sentences in one status text; more are counted, not quoted.
inline constexpr size_t kMaxStatusSentences = 8;

// --- log rules --------------------------------------------------------------------------------
// All patterns share one automaton; some hundreds of rules are a second application.
inline constexpr size_t kMaxRules = 256;
// A pattern that people still understand, and the memory of its own program when compiled, which
// bounds the time that this takes as well: 4 ms for the largest. (x{1000}){1000} is refused.
inline constexpr size_t kMaxRulePatternBytes = 1024;
inline constexpr size_t kMaxRulePatternMemory = 128 * 1024;
// Of the automaton of all patterns, which grows with what it meets and begins anew when it is full.
inline constexpr size_t kMaxRuleSetMemory = 16 * 1024 * 1024;
// Of one record's text, as much is looked at as this. What a line is about stands at its beginning,
// and a dump of megabytes must not hold up the records behind it.
inline constexpr size_t kMaxRuleTextBytes = 4096;
// What one record may count for: a forged or garbled figure must not use up a month's error budget.
inline constexpr uint64_t kMaxRuleCount = 1'000'000;
// Records that wait for the rules' thread: about a tenth of a second at 250,000 short ones a
// second. An agent's sources wait for room, so a small queue loses nothing.
inline constexpr size_t kRuleQueueBytes = 4 * 1024 * 1024;
inline constexpr size_t kAgentRuleQueueBytes = 256 * 1024;
// How long that thread rests between two looks at the queue while records come in; each waking
// costs the logging thread a system call, so not for every record.
inline constexpr Duration kRuleRest = Duration::millis(2);
// A record that can be read again later, or whose source can wait, waits for room there so long at
// most.
inline constexpr Duration kRuleSubmitWait = Duration::millis(200);
// After the last record that was lost to a full queue, the rules count as blind for this long.
inline constexpr Duration kRuleBlindness = Duration::seconds(1);

// --- logs found ---------------------------------------------------------------------------------
// A search that has found less than was asked for gives what it has after this and says how far it
// came: people and the coordinator wait for it.
inline constexpr Duration kLogSearchTime = Duration::millis(1500);
// Searches that wait for their turn at a node.
inline constexpr size_t kMaxLogSearches = 32;
// Lines of one answer, all together: what one stanza takes as base64 (kMaxReplyPartBytes). Further
// ones are the next page.
inline constexpr size_t kMaxLogPageBytes = 80 * 1024;
// The text of one line in it: a stack trace. The rest is in the log itself.
inline constexpr size_t kMaxShownLogLineBytes = 4096;
inline constexpr size_t kMaxLogLimit = 1000;
// Nodes are given longer for a search than for other orders.
inline constexpr Duration kLogFanoutWait = Duration::millis(2500);
inline constexpr Duration kLogFanoutLimit = Duration::seconds(12);
// Places at which somebody may want to go on in the logs of several nodes; after a quarter of an
// hour nobody does.
inline constexpr size_t kMaxLogPlaces = 1024;
inline constexpr Duration kLogPlaceLife = Duration::seconds(900);
// Kinds of messages that a node tells the coordinator, which puts them together.
inline constexpr uint32_t kMaxLogGroupsTold = 100;
// Parts of the time asked for, in the chart of a kind of message: as wide as a phone.
inline constexpr size_t kLogChartParts = 24;
// Lines handed out as a file: what somebody reads at a desk; servers take 10 to 100 MB.
inline constexpr size_t kMaxLogFileBytes = 8 * 1024 * 1024;
// A server's answers on the way there, and the file's own way over HTTP.
inline constexpr Duration kUploadPatience = Duration::seconds(30);
// How often those who follow a log are told what is new; at most so much in one message, and of one
// line.
inline constexpr Duration kTailEvery = Duration::seconds(1);
inline constexpr size_t kMaxTailMessageBytes = 3000;
inline constexpr size_t kMaxTailLineBytes = 300;
inline constexpr uint32_t kTailFetch = 500;
inline constexpr Duration kMaxTail = Duration::seconds(3600);
inline constexpr size_t kMaxTails = 100;
inline constexpr size_t kMaxTailsPerPerson = 5;

// --- incidents and what is told of them --------------------------------------------------------
// Thresholds that people have set: a hundred who each watch a hundred services.
inline constexpr size_t kMaxAlertSubscriptions = 10'000;
inline constexpr size_t kMaxAlertSubscriptionsPerPerson = 1000;
// How long a threshold must hold: longer than a crash failover with leases of the usual length, so
// that one that works wakes nobody; and not so long that a day passes unseen.
inline constexpr Duration kAlertForDefault = Duration::seconds(30);
// After the coordinator's start, or a new connection, before levels count: until then the nodes
// that have not yet been heard of would look as if they were gone.
inline constexpr Duration kAlertSettle = Duration::seconds(10);
// What falls within this of the first is one storm and may become one message.
inline constexpr Duration kIncidentGather = Duration::seconds(2);
// Levels must have been well for this long, or an incident that flaps would end each minute.
inline constexpr Duration kIncidentRecovery = Duration::seconds(30);
// Updates of one incident are no closer together than this; a phone buzzes for each.
inline constexpr Duration kIncidentUpdate = Duration::seconds(900);
// The longest that any of the times above may be set to.
inline constexpr Duration kMaxIncidentTime = Duration::seconds(86400);
// So many groups, or more, that fall at once have one cause.
inline constexpr size_t kStormGroups = 3;
// For so long what falls besides belongs to the same storm.
inline constexpr Duration kStormLife = Duration::seconds(300);
// An incident tells what was done to its group within so long before it opened.
inline constexpr Duration kLately = Duration::seconds(600);
// With more open at once the next ones join the latest as a storm.
inline constexpr size_t kMaxOpenIncidents = 500;
// Kept once they are over: years of a bad cluster, some 10 MB.
inline constexpr size_t kMaxEndedIncidents = 10'000;
inline constexpr size_t kMaxIncidentNotes = 200;
inline constexpr size_t kMaxNoteBytes = 1000;
// Names of what an incident covers, and people who follow it: beyond it they are only counted.
inline constexpr size_t kMaxCovered = 2000;
inline constexpr size_t kMaxFollowers = 500;
// Shown of them in one message; a phone shows no more anyway.
inline constexpr size_t kMaxCoveredShown = 5;
inline constexpr size_t kMaxIncidentLogLines = 5;
inline constexpr size_t kMaxIncidentLogLineBytes = 200;
// What led to an incident stands in the logs before its level was seen to fall.
inline constexpr Duration kIncidentLogsBefore = Duration::seconds(120);
inline constexpr size_t kMaxSilences = 256;
inline constexpr size_t kMaxEscalationSteps = 16;
inline constexpr size_t kMaxOnCall = 64;
// Messages not yet delivered: of one person (older ones are then only counted), and in all.
inline constexpr size_t kMaxOutboxPerPerson = 200;
inline constexpr size_t kMaxOutbox = 50'000;
// Records of what was delivered to whom and when.
inline constexpr size_t kMaxDeliveries = 50'000;
// A message that nobody confirmed is sent again after the first time, then after twice that, up to
// the last; unless it asks for an acknowledgement, so often at most until the person comes anew:
// not every client sends receipts.
inline constexpr Duration kOutboxFirstRetry = Duration::seconds(60);
inline constexpr Duration kOutboxLastRetry = Duration::seconds(3600);
inline constexpr int kOutboxRepeats = 3;
// Another channel (a webhook, mail, an executable) is given up after so many failures: two days.
inline constexpr int kChannelAttempts = 50;
// What somebody writes within this of a message may have been written before it was there.
inline constexpr Duration kReadSlack = Duration::seconds(2);
// More unconfirmed messages than these are not repeated one by one, but as one summary.
inline constexpr size_t kMaxRepeatedSingly = 3;
inline constexpr size_t kMaxSummaryLines = 20;
// Of the log lines that counted as bad a node keeps the last of each service, each no longer than
// an incident shows it.
inline constexpr size_t kMaxBadLines = 3;
// Services asked about at once: what is wrong is wrong with few of them, or with everything.
inline constexpr size_t kMaxBadLineServices = 16;
// Older lines than these say nothing of what is wrong now.
inline constexpr Duration kBadLineLife = Duration::seconds(900);
// Nodes are asked for them when something falls, and it may fall often; this is less than what
// falls has to hold, or waits for what falls with it.
inline constexpr Duration kBadLinesEvery = Duration::seconds(1);
// Nodes asked about one target; the active one comes first.
inline constexpr size_t kMaxBadLineNodes = 4;

// An alert room. People's presence in it is kept to know who speaks; a room of more is no place to
// command from.
inline constexpr size_t kMaxRoomOccupants = 2000;
// A nick that clients show whole.
inline constexpr size_t kMaxRoomNickBytes = 64;
// A room that has said nothing for so long is asked whether we are still in it (XEP-0410): after
// that time alerts would go nowhere unnoticed.
inline constexpr Duration kRoomPingEvery = Duration::seconds(60);
// To be let in, or to be answered: rooms are on other servers too.
inline constexpr Duration kRoomTimeout = Duration::seconds(30);
// How long to stay away from a room that we were put out of or not let into, doubled each time up
// to the last; from the first again after we have been in it for kRoomStable.
inline constexpr Duration kRoomFirstRetry = Duration::seconds(5);
inline constexpr Duration kRoomLastRetry = Duration::seconds(300);
inline constexpr Duration kRoomStable = Duration::seconds(600);

// --- election -------------------------------------------------------------------------------
// Shorter leases than this lose to ordinary scheduling and network delays.
inline constexpr Duration kMinLeaseTtl = Duration::millis(500);
// Longer ones would make a crash's wait unbearable.
inline constexpr Duration kMaxLeaseTtl = Duration::seconds(300);
inline constexpr Duration kDefaultLeaseTtl = Duration::seconds(5);
// The longest promise to take no role: W of the longest lease with the widest bound and margin.
inline constexpr Duration kMaxPromise = Duration::seconds(400);
// In a larger group somebody is always away, and then nobody may go on without a coordinator.
inline constexpr size_t kMaxFailsafeMembers = 32;
inline constexpr Duration kDefaultFailsafeLimit = Duration::seconds(3600);
inline constexpr Duration kMaxFailsafeLimit = Duration::seconds(7 * 86400);
inline constexpr Duration kDefaultDrainDeadline = Duration::seconds(30);
// An offer must be taken up within this.
inline constexpr Duration kOfferTimeout = Duration::seconds(2);
// A reported epoch further than this above the record is a poisoned value: refused and alarmed.
inline constexpr uint64_t kMaxEpochJump = 1'000'000;
// Outcomes of moves kept by their keys; a script repeats a request within minutes, not after
// hundreds of others.
inline constexpr size_t kMaxKnownMoves = 256;
// Candidates asked at once whether they live, best first; of more than these the next ones are
// asked when these have been silent.
inline constexpr size_t kMaxQueried = 16;
// How long a candidate may take to answer: over a second a network is too slow for short leases,
// over a minute nobody waits for a move.
inline constexpr Duration kMinQueryTimeout = Duration::millis(50);
inline constexpr Duration kMaxQueryTimeout = Duration::seconds(60);
// Times by which a role moves by itself or is held. Longer ones than a day are no settings but a
// wish to switch the thing off, and for that there is max_moves_per_hour = 0.
inline constexpr Duration kMaxElectionTime = Duration::seconds(86400);
// Each move costs an outage of its own; one a minute is a flapping group already.
inline constexpr int kMaxMovesPerHour = 60;
// A hold that takes more lost promotions than this to begin protects nobody.
inline constexpr int kMinCrashLoopCount = 2;
inline constexpr int kMaxCrashLoopCount = 100;
// Why a lease was given back, as a node says it.
inline constexpr size_t kMaxReleaseReasonBytes = 200;
// A gap in the event loop after which old input must not be believed (rule 1).
inline constexpr Duration kMaxLoopGap = Duration::seconds(5);
// A watchdog's time is up at least this long before the lease's end, so that a feed that comes this
// much later than planned is still in time. Less than the shortest guard.
inline constexpr Duration kWatchdogSlack = Duration::millis(50);
// Of a timeout: by so much may the watchdog's own clock be slow. Real ones are a hundred times
// better.
inline constexpr int64_t kWatchdogDriftShare = 100;
// A watchdog that takes longer to answer is broken; the event loop waits for it at an offer.
inline constexpr Duration kWatchdogPatience = Duration::seconds(1);
// Fed by this, if it can't be disarmed, where nobody knows what it was set to before.
inline constexpr int kWatchdogKeptTimeoutS = 60;
// Of the device, as it says it itself.
inline constexpr size_t kMaxWatchdogNameBytes = 32;

// --- the cluster ----------------------------------------------------------------------------
inline constexpr size_t kMaxGroups = 1000;
inline constexpr size_t kMaxMembers = 10000;
inline constexpr size_t kMaxNameBytes = 64;
// Priorities only order a group's nodes; more steps than these say nothing more.
inline constexpr int kMaxPriority = 100;
// Why a node was drained: a sentence that a phone shows whole.
inline constexpr size_t kMaxDrainReasonBytes = 200;

// --- what the coordinator keeps ---------------------------------------------------------------
// Years of a quiet cluster, some 50 MB at most in practice.
inline constexpr size_t kMaxAuditEntries = 100'000;
// A node's own trail: weeks of a busy node, a few MB.
inline constexpr size_t kMaxNodeAuditEntries = 10'000;
// The same of what happened to the groups' active roles.
inline constexpr size_t kMaxHistoryEvents = 100'000;
// Entries of one query: they are held in memory and shown to somebody.
inline constexpr size_t kMaxAuditPage = 1000;
// One text of an audit entry; a chat line, the longest thing that people ask with, fits.
inline constexpr size_t kMaxAuditTextBytes = 4096;
// The whole list is pushed to every node in one stanza of at most 64 KiB.
inline constexpr size_t kMaxGrants = 500;
// Subscribers of all contacts together: a hundred people who each watch every one of kMaxGroups.
inline constexpr size_t kMaxSubscriptions = 100'000;

// --- metrics ------------------------------------------------------------------------------------
// Series of one scrape: some 5 MB of text. A thousand services of groups fit, and the members.
inline constexpr size_t kMaxMetricSeries = 50'000;
// A name of a service, a group, a node or a rule.
inline constexpr size_t kMaxLabelBytes = 128;
// How long a scrape waits for the event loop; Prometheus gives up after ten seconds.
inline constexpr Duration kMetricsWait = Duration::seconds(2);
// Figures younger than this serve the next scrape too.
inline constexpr Duration kMetricsFresh = Duration::millis(500);
// Scrapes at once, and how long one may take to say what it wants.
inline constexpr int kMetricsThreads = 2;
inline constexpr Duration kMetricsRequest = Duration::seconds(5);

// --- log records of other programs --------------------------------------------------------------
// Of one line; more is a dump. And of a record of several lines: a stack trace of Java with all its
// causes has some hundreds.
inline constexpr size_t kMaxLogLineBytes = 64 * 1024;
inline constexpr size_t kMaxRecordLines = 1000;
inline constexpr size_t kMaxRecordBytes = 128 * 1024;
// Own rules for what is to be masked, each tried on every line that any of them might match; what
// stands in the place of a secret; and the memory of one usual rule and of the automaton of all.
inline constexpr size_t kMaxMaskRules = 32;
inline constexpr size_t kMaxMaskReplacementBytes = 64;
inline constexpr int64_t kMaxMaskMemory = 512 * 1024;
inline constexpr int64_t kMaxMaskSetMemory = 2 * 1024 * 1024;
// Templates: what a record is about stands at its beginning; the groups take some 10 MB.
inline constexpr size_t kMaxTemplateBytes = 512;
inline constexpr size_t kMaxTemplateExampleBytes = 1024;
inline constexpr size_t kMaxTemplateGroups = 10'000;

// --- executables for promotion, demotion and what the site wants to know ------------------------
// How long one may be given: less than a tenth of a second is lost to its start, and a role that
// takes longer than an hour to change is not one.
inline constexpr Duration kMinHookTimeout = Duration::millis(100);
inline constexpr Duration kMaxHookTimeout = Duration::seconds(3600);
// Of those that the coordinator runs, so many of a group may wait for their turn; beyond that the
// oldest is not run, which is told. A group that changes hands more often than its hooks take has
// other worries.
inline constexpr size_t kMaxHookRuns = 32;
// One that may veto keeps whoever asked waiting, and a command is given up after 30 s.
inline constexpr Duration kMaxVetoTimeout = Duration::seconds(20);
// After a veto a move that nobody asked for is asked about again after the first time, doubled up
// to the last.
inline constexpr Duration kVetoFirstWait = Duration::seconds(30);
inline constexpr Duration kVetoLastWait = Duration::seconds(1800);
// Its words; more belong into a script.
inline constexpr size_t kMaxHookWords = 64;

// --- error budgets and burn rates ---------------------------------------------------------------
// Of an objective. A shorter period than an hour has burn windows that no clock tick fills; a month
// is what a history keeps.
inline constexpr Duration kMinPeriod = Duration::seconds(3600);
inline constexpr Duration kMaxPeriod = Duration::seconds(31 * 86400);
// The burn windows of a short period are scaled down to no less than this: a few samples.
inline constexpr Duration kMinBurnWindow = Duration::seconds(10);
// Each rule costs two windows in every presence; the workbook needs four.
inline constexpr size_t kMaxBurnRules = 8;
// A hundred percent of errors at an objective of 99.999 % burns a hundred thousand times too fast.
inline constexpr double kMaxBurnFactor = 100'000;
// Windows of one service on the wire: two a rule, the sliding one and the period.
inline constexpr size_t kMaxWindows = 2 * kMaxBurnRules + 2;
// How long a state must hold before it is told. Longer ones would tell after everybody knows.
inline constexpr Duration kMaxStateFor = Duration::seconds(3600);
// Beyond this a minimum of events is a service that never has a level.
inline constexpr uint64_t kMaxMinEvents = 1'000'000'000;
// What a service remembers of a period of any length.
inline constexpr size_t kMaxServiceStateBytes = 64 * 1024;
// Requests between two samples, a quarter of a second: more than any machine serves, and so few
// that a month of them is no overflow.
inline constexpr uint64_t kMaxCountedAtOnce = uint64_t{1} << 40;
// Outages kept one by one for reports; the oldest are forgotten, their budget is not.
inline constexpr size_t kMaxRecentOutages = 128;
// Times at which the process did not run, kept apart within a sliding window.
inline constexpr size_t kMaxPauses = 16;
// A state that has changed so often within the hour flaps, and gets better only after it has been
// better for the time below without a break.
inline constexpr size_t kFlapChanges = 6;
inline constexpr Duration kFlapWindow = Duration::seconds(3600);
inline constexpr Duration kFlapSteady = Duration::seconds(300);
// Histories are written to disk at most this often: a crash costs no more than so much of them,
// and a disk is not worn out by counting.
inline constexpr Duration kHistorySaveEvery = Duration::seconds(30);
// One history as it is written; far above what kMaxServiceStateBytes can amount to.
inline constexpr size_t kMaxHistoryRecordBytes = 128 * 1024;
// Months that are kept besides the present one: the same month of last year can be compared.
inline constexpr int kRecordMonths = 13;
// Services of groups and nodes that are recorded by day; some 50 bytes a day and service, so that
// 13 months of all of them stay below half a gigabyte.
inline constexpr size_t kMaxRecordedServices = 20'000;
// Outages of one service kept one by one in a month; a service that flaps more often is counted,
// and each costs a line of the report.
inline constexpr uint32_t kMaxMonthOutages = 200;
// Lines of the record written in one go: about 10 ms, between two renewals of a lease.
inline constexpr size_t kRecordLinesAtOnce = 2000;
// Services, and incidents, of one report, the worst of them; with a line for each day the services
// stay far below kMaxReplyBytes.
inline constexpr size_t kMaxReportServices = 1000;
inline constexpr size_t kMaxReportIncidents = 200;
inline constexpr size_t kMaxReportOutages = 1000;
// Lines of a report's chart: a few screens.
inline constexpr size_t kMaxReportChart = 40;
// Groups' weights in the overall level are shares of one.
inline constexpr double kMaxWeight = 1;

// --- queries over logs ---------------------------------------------------------------------------
// A question that people still understand, and its terms: each is looked up in every segment.
inline constexpr size_t kMaxQueryBytes = 1024;
inline constexpr size_t kMaxQueryTerms = 32;
// Of an expression's automaton while it reads a gigabyte. How large the expression itself may be is
// bounded by kMaxRulePatternMemory.
inline constexpr size_t kMaxQueryMemory = 8 * 1024 * 1024;

}  // namespace muster::limits
